//! A fake host for unit tests.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use one_sriov_system::Root;
use tempfile::TempDir;

use crate::config::Config;
use crate::host::Host;

/// A host whose files are in a temporary directory.
pub(crate) struct FakeHost {
    pub(crate) dir: TempDir,
}

impl FakeHost {
    /// Creates a host with an empty lease directory and without a card.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let host = Self { dir };
        host.write("proc/sys/kernel/random/boot_id", "boot-1\n");
        host.make("run/one-sriov");
        host.mode("run/one-sriov", 0o700);
        host.make("one/vmm/kvm-sriov");
        host
    }

    /// Adds a PF whose VFs have functions 1, 2, ...
    pub(crate) fn pf(&self, netdev: &str, slot: &str, vfs: u32) {
        let pf = format!("{slot}.0");
        let device = format!("sys/bus/pci/devices/{pf}");
        self.write(&format!("{device}/sriov_totalvfs"), "4\n");
        self.write(&format!("sys/class/net/{netdev}/type"), "32\n");
        self.link(
            &format!("../../../bus/pci/devices/{pf}"),
            &format!("sys/class/net/{netdev}/device"),
        );
        self.make(&format!("{device}/net"));
        self.link(
            &format!("../../../../../class/net/{netdev}"),
            &format!("{device}/net/{netdev}"),
        );
        for number in 0..vfs {
            let vf = format!("{slot}.{}", number + 1);
            let dir = format!("sys/bus/pci/devices/{vf}");
            self.write(&format!("{dir}/vendor"), "0x15b3\n");
            self.write(&format!("{dir}/device"), "0x101e\n");
            self.write(&format!("{dir}/class"), "0x020700\n");
            self.link(&format!("../{pf}"), &format!("{dir}/physfn"));
            self.link(&format!("../{vf}"), &format!("{device}/virtfn{number}"));
        }
    }

    pub(crate) fn make(&self, path: &str) -> PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn program(&self, path: &str) {
        self.write(path, "#!/bin/sh\n");
        self.mode(path, 0o755);
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) {
        let path = self.dir.path().join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn link(&self, target: &str, path: &str) {
        symlink(target, self.dir.path().join(path)).unwrap();
    }

    /// Makes a file that not even root can read: a link to itself.
    pub(crate) fn unreadable(&self, path: &str) {
        let full = self.dir.path().join(path);
        if full.exists() {
            self.remove(path);
        }
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        symlink(full.file_name().unwrap(), &full).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.dir.path().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    pub(crate) fn host(&self) -> Host {
        let root = Root::new(self.dir.path());
        let home = self.dir.path().join("one/vmm/kvm-sriov");
        let config = Config::read(&root, &home).unwrap_or_else(|_| Config::new(&home));
        Host { root, home, config }
    }
}
