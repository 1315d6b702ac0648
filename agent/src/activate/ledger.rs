//! Records which devices have loaded their files since boot.
//!
//! ```text
//! # /run/one-sriov-agent/devices
//! eth0 2           up to date, as the device with ifindex 2
//! ib1 due          pending: its files changed, but the network stack has not loaded them
//! ```
//! A device with another ifindex is a new device.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use hwaddr::InterfaceName;
use one_sriov_system::{Root, unless_absent};

const DIRECTORY: &str = "/run/one-sriov-agent";
const FILE: &str = "/run/one-sriov-agent/devices";

/// The state of the devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    devices: BTreeMap<InterfaceName, Standing>,
    /// Whether there was an earlier run since boot.
    is_known: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Up to date, as the device with this ifindex.
    Index(u32),
    Due,
}

impl Ledger {
    /// Reads the ledger that earlier runs wrote.
    ///
    /// # Errors
    /// If the ledger cannot be read, so that it is unknown which devices are pending.
    pub fn load(root: &Root) -> io::Result<Self> {
        let text = root.read_to_string(Path::new(FILE)).map(Some);
        let text = unless_absent(text, None)?;
        Ok(text.map_or_else(Self::default, |text| Self::parse(&text)))
    }

    /// Creates a ledger in which all these devices are pending.
    #[must_use]
    pub fn all_due<'d>(devices: impl IntoIterator<Item = &'d InterfaceName>) -> Self {
        Self::next([], devices)
    }

    fn parse(text: &str) -> Self {
        let device = |line: &str| {
            let (name, standing) = line.split_once(' ')?;
            let standing = match standing {
                "due" => Standing::Due,
                index => Standing::Index(index.parse().ok()?),
            };
            Some((name.parse().ok()?, standing))
        };
        Self {
            devices: text.lines().filter_map(device).collect(),
            is_known: true,
        }
    }

    /// Records that a run has begun: from now on, udev starts another run for each NIC that appears.
    ///
    /// # Errors
    /// If that cannot be recorded; callers log the error.
    pub fn announce(root: &Root) -> io::Result<()> {
        std::fs::create_dir_all(root.path(Path::new(DIRECTORY))?)
    }

    /// Writes the ledger for later runs, if it has changed.
    ///
    /// # Errors
    /// If the ledger cannot be written; callers log the error.
    pub fn save(&self, root: &Root, before: &Self) -> io::Result<()> {
        if self == before {
            return Ok(());
        }
        Self::announce(root)?;
        let path = root.path(Path::new(FILE))?;
        let new = path.with_extension("new");
        std::fs::write(&new, self.to_string())?;
        std::fs::rename(new, path)
    }

    /// Returns the pending devices, whose files the network stack has not loaded yet.
    pub fn due(&self) -> impl Iterator<Item = &InterfaceName> {
        let devices = self.devices.iter();
        devices
            .filter(|(_, standing)| **standing == Standing::Due)
            .map(|(device, _)| device)
    }

    /// Whether a device has appeared since the previous run.
    #[must_use]
    pub fn is_new(&self, device: &InterfaceName, index: u32) -> bool {
        self.is_known
            && match self.devices.get(device) {
                Some(Standing::Index(known)) => *known != index,
                Some(Standing::Due) => false,
                None => true,
            }
    }

    /// Returns the ledger for later runs: the present devices with their ifindexes, and the pending devices. All others
    /// are dropped.
    #[must_use]
    pub fn next<'p, 'd>(
        present: impl IntoIterator<Item = (&'p InterfaceName, u32)>,
        due: impl IntoIterator<Item = &'d InterfaceName>,
    ) -> Self {
        let present = present
            .into_iter()
            .map(|(device, index)| (device.clone(), Standing::Index(index)));
        let due = due
            .into_iter()
            .map(|device| (device.clone(), Standing::Due));
        Self {
            devices: present.chain(due).collect(),
            is_known: true,
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (device, standing) in &self.devices {
            match standing {
                Standing::Index(index) => writeln!(f, "{device} {index}")?,
                Standing::Due => writeln!(f, "{device} due")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_unreadable_ledger_is_an_error_not_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        assert_eq!(Ledger::load(&root).unwrap(), Ledger::default());
        let eth0: InterfaceName = "eth0".parse().unwrap();
        let ledger = Ledger::all_due([&eth0]);
        ledger.save(&root, &Ledger::default()).unwrap();
        let loaded = Ledger::load(&root).unwrap();
        assert_eq!(loaded.due().collect::<Vec<_>>(), [&eth0]);
        assert_eq!(loaded, ledger);
        let file = dir.path().join(&FILE[1..]);
        fs::remove_file(&file).unwrap();
        // A symbolic link to itself, which not even root can follow.
        symlink("devices", &file).unwrap();
        assert!(Ledger::load(&root).is_err());
    }
}
