//! A fake machine: a scratch root with a sysfs tree of plain files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::nic::Nic;

/// A fake machine, removed when dropped.
#[derive(Debug)]
pub struct Machine {
    root: TempDir,
    devices: u32,
}

impl Default for Machine {
    fn default() -> Self {
        Self::bare_in(&std::env::temp_dir())
    }
}

impl Machine {
    /// Creates a machine with these NICs and a context.
    #[must_use]
    pub fn new(context: &str, nics: &[Nic]) -> Self {
        Self::new_in(&std::env::temp_dir(), context, nics)
    }

    /// Like [`Machine::new`], below a given directory, for example on a tmpfs or on a real disk.
    #[must_use]
    pub fn new_in(directory: &Path, context: &str, nics: &[Nic]) -> Self {
        let mut machine = Self::bare_in(directory);
        machine.write("/context/context.sh", context);
        for nic in nics {
            machine.plug(nic);
        }
        machine
    }

    fn bare_in(directory: &Path) -> Self {
        let machine = Self {
            root: TempDir::new_in(directory).expect("a scratch root"),
            devices: 1,
        };
        fs::create_dir_all(machine.path("/sys/class/net")).expect("a sysfs");
        machine
    }

    /// The scratch root.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The real path of a path of the machine.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Adds a NIC.
    pub fn plug(&mut self, nic: &Nic) {
        self.devices += 1;
        let directory = match &nic.pci {
            Some(pci) if nic.driver.as_deref() == Some("virtio_net") => {
                format!("/sys/devices/pci0000:00/{pci}/virtio{}", self.devices)
            }
            Some(pci) => format!("/sys/devices/pci0000:00/{pci}"),
            None => "/sys/devices/virtual".into(),
        };
        let device = format!("{directory}/net/{}", nic.name);
        let index = self.devices.to_string();
        let fixed = [
            ("type", nic.arphrd.to_string()),
            ("address", nic.address.clone()),
            ("uevent", String::new()),
        ];
        let usual = [
            ("ifindex", index.clone()),
            ("iflink", index),
            ("addr_assign_type", "0".into()),
            ("dev_port", "0".into()),
        ];
        for (name, value) in fixed.into_iter().chain(usual) {
            self.write(&format!("{device}/{name}"), format!("{value}\n"));
        }
        for (name, value) in &nic.attributes {
            self.write(&format!("{device}/{name}"), format!("{value}\n"));
        }
        if let Some(driver) = &nic.driver {
            self.write(&format!("/sys/bus/drivers/{driver}/uevent"), "");
            self.link(&format!("{device}/device"), "../..");
            let driver_link = format!("{directory}/driver");
            if !self.path(&driver_link).exists() {
                let up = "../".repeat(driver_link.matches('/').count() - 2);
                self.link(&driver_link, &format!("{up}bus/drivers/{driver}"));
            }
        }
        self.link(
            &format!("/sys/class/net/{}", nic.name),
            &format!("../../{}", device.trim_start_matches("/sys/")),
        );
    }

    /// Removes a NIC.
    pub fn unplug(&self, name: &str) {
        fs::remove_file(self.path(&format!("/sys/class/net/{name}"))).expect("a NIC to unplug");
    }

    /// Starts udev on the machine; it hasn't processed any device.
    pub fn start_udev(&self) {
        self.write("/run/udev/control", "");
        fs::create_dir_all(self.path("/run/udev/data")).expect("a directory");
    }

    /// Makes udev finish processing a NIC.
    pub fn udev_finishes(&self, name: &str) {
        let index = fs::read_to_string(self.path(&format!("/sys/class/net/{name}/ifindex")))
            .expect("an ifindex");
        self.write(
            &format!("/run/udev/data/n{}", index.trim()),
            "I:1234567\nE:ID_NET_DRIVER=x\n",
        );
    }

    /// Writes a file, creating its directories.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let host = self.path(path);
        fs::create_dir_all(host.parent().expect("a file has a directory")).expect("a directory");
        fs::write(&host, text)
            .unwrap_or_else(|error| panic!("failed to write '{}': {error}", host.display()));
    }

    /// Reads a file.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        let host = self.path(path);
        fs::read_to_string(&host)
            .unwrap_or_else(|error| panic!("failed to read '{}': {error}", host.display()))
    }

    /// Whether a path exists, even as a dangling link.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// Creates a symbolic link.
    pub fn link(&self, path: &str, target: &str) {
        let host = self.path(path);
        fs::create_dir_all(host.parent().expect("a link has a directory")).expect("a directory");
        symlink(target, host).expect("a link");
    }

    /// All files below `/etc`, sorted: path, mode, text.
    #[must_use]
    pub fn etc(&self) -> Vec<(String, u32, String)> {
        let mut files = Vec::new();
        self.collect(&self.path("/etc"), &mut files);
        files.sort();
        files
    }

    /// The paths of all files below `/etc`.
    #[must_use]
    pub fn etc_paths(&self) -> Vec<String> {
        self.etc().into_iter().map(|(path, ..)| path).collect()
    }

    fn collect(&self, directory: &Path, files: &mut Vec<(String, u32, String)>) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.collect(&path, files);
            } else {
                let mode = path
                    .symlink_metadata()
                    .expect("a file")
                    .permissions()
                    .mode()
                    & 0o7777;
                let name = path
                    .strip_prefix(self.root())
                    .expect("below the root")
                    .display()
                    .to_string();
                files.push((
                    format!("/{name}"),
                    mode,
                    fs::read_to_string(&path).unwrap_or_default(),
                ));
            }
        }
    }
}
