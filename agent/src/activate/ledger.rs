//! Records which devices have loaded their files, until the machine reboots.
//!
//! ```text
//! # /run/one-sriov-agent/devices
//! eth0 2           up to date, as the device with this index
//! ib1 due          its files changed, and the network stack has not loaded them
//! ```
//! A device with another index is a new one.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use hwaddr::InterfaceName;
use one_sriov_system::{Root, unless_absent};

const DIRECTORY: &str = "/run/one-sriov-agent";
const FILE: &str = "/run/one-sriov-agent/devices";

/// The devices and their state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    devices: BTreeMap<InterfaceName, Standing>,
    /// Whether there was an earlier run since the boot.
    is_known: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Up to date, as the device with this index.
    Index(u32),
    Due,
}

impl Ledger {
    /// Reads the ledger of earlier runs.
    ///
    /// # Errors
    /// If it is unknown which devices are still due.
    pub fn load(root: &Root) -> io::Result<Self> {
        let text = root.read_to_string(Path::new(FILE)).map(Some);
        let text = unless_absent(text, None)?;
        Ok(text.map_or_else(Self::default, |text| Self::parse(&text)))
    }

    /// A ledger for the case that the network stack has loaded none of these.
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

    /// Records that a run has begun: for a NIC that appears from now on, udev starts another one.
    ///
    /// # Errors
    /// The error, for a log line.
    pub fn announce(root: &Root) -> io::Result<()> {
        std::fs::create_dir_all(root.path(Path::new(DIRECTORY))?)
    }

    /// Writes it for later runs, if it has changed.
    ///
    /// # Errors
    /// The error, for a log line.
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

    /// Devices whose files the network stack has not loaded yet.
    pub fn due(&self) -> impl Iterator<Item = &InterfaceName> {
        let devices = self.devices.iter();
        devices
            .filter(|(_, standing)| **standing == Standing::Due)
            .map(|(device, _)| device)
    }

    /// Whether a device has appeared since an earlier run.
    #[must_use]
    pub fn is_new(&self, device: &InterfaceName, index: u32) -> bool {
        self.is_known
            && match self.devices.get(device) {
                Some(Standing::Index(known)) => *known != index,
                Some(Standing::Due) => false,
                None => true,
            }
    }

    /// The ledger after the network stack has loaded some devices, but not others: those that
    /// are there with their indexes, without those that are gone.
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
    fn a_ledger_that_cannot_be_read_is_not_an_empty_one() {
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
        // A loop, which not even root can follow.
        symlink("devices", &file).unwrap();
        assert!(Ledger::load(&root).is_err());
    }
}
