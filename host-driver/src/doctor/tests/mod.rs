//! Each check on a healthy host, and on one with problems.

#![allow(clippy::unwrap_used)]

mod of_the_driver;
mod of_the_host;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use one_sriov_system::Root;
use tempfile::TempDir;

use super::Check;
use crate::config::Config;
use crate::host::Host;

/// A host below a directory.
struct Tree {
    dir: TempDir,
}

impl Tree {
    /// A healthy host.
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let tree = Self { dir };
        tree.write("proc/sys/kernel/random/boot_id", "boot-1\n");
        tree.make("sys/class/iommu/dmar0");
        tree.make("sys/class/net/sriov_br");
        tree.pf("ib0", "0000:81:00", 2);
        let leases = tree.make("run/one-sriov");
        fs::set_permissions(leases, fs::Permissions::from_mode(0o700)).unwrap();
        tree.make("one/vmm/kvm-sriov");
        tree
    }

    /// A PF with VFs of functions 1, 2, ...
    fn pf(&self, netdev: &str, slot: &str, vfs: u32) {
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

    fn make(&self, path: &str) -> std::path::PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, path: &str) {
        self.write(path, "#!/bin/sh\n");
        self.mode(path, 0o755);
    }

    fn mode(&self, path: &str, mode: u32) {
        let path = self.dir.path().join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.dir.path().join(path)).unwrap();
    }

    /// Makes a file that not even root can read: a link to itself.
    fn unreadable(&self, path: &str) {
        let full = self.dir.path().join(path);
        if full.exists() {
            self.remove(path);
        }
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        symlink(full.file_name().unwrap(), &full).unwrap();
    }

    fn remove(&self, path: &str) {
        let path = self.dir.path().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    fn host(&self) -> Host {
        let root = Root::new(self.dir.path());
        let home = self.dir.path().join("one/vmm/kvm-sriov");
        let config = Config::read(&root, &home).unwrap_or_else(|_| Config::new(&home));
        Host { root, home, config }
    }

    /// The findings of a check, one line each, with the host's paths.
    fn find(&self, check: Check) -> Vec<String> {
        let dir = self.dir.path().display().to_string();
        check(&self.host())
            .iter()
            .map(|finding| {
                assert!(!finding.message.contains('\n'), "{finding:?}");
                format!("{:?}: {}", finding.level, finding.message).replace(&dir, "")
            })
            .collect()
    }
}

/// Asserts that there is exactly one finding, with this start.
#[track_caller]
fn assert_one(found: &[String], beginning: &str) {
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(beginning), "{found:?}");
}

/// Asserts that one of the findings has this start.
#[track_caller]
fn assert_some(found: &[String], beginning: &str) {
    let is_one = |line: &String| line.starts_with(beginning);
    assert!(found.iter().any(is_one), "{found:?}");
}
