//! The card's side: the attributes of the PF in sysfs.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use hwaddr::{InterfaceName, PciAddress};
use one_sriov_system::Root;

use super::error::VfsError;
use super::plan::CardState;
use crate::pool::HostSysfs;

const NUMBER: &str = "sriov_numvfs";
const TOTAL: &str = "sriov_totalvfs";
const AUTOPROBE: &str = "sriov_drivers_autoprobe";

/// A PF and its place in sysfs.
pub(super) struct Card<'r> {
    root: &'r Root,
    pub(super) pf: InterfaceName,
    pub(super) address: PciAddress,
}

impl<'r> Card<'r> {
    pub(super) fn find(root: &'r Root, pf: &InterfaceName) -> Result<Self, VfsError> {
        let sysfs = HostSysfs::new(root);
        let fail = |cause| VfsError::Look {
            pf: pf.clone(),
            cause,
        };
        let address = sysfs.device_of(pf).map_err(fail)?;
        let Some(address) = address else {
            let pf = pf.clone();
            return Err(if sysfs.has_netdev(pf.as_str()).map_err(fail)? {
                VfsError::NotPci { pf }
            } else {
                VfsError::NoDevice { pf }
            });
        };
        Ok(Self {
            root,
            pf: pf.clone(),
            address,
        })
    }

    pub(super) fn state(&self) -> Result<CardState, VfsError> {
        let (Some(number), Some(total)) = (self.number(NUMBER)?, self.number(TOTAL)?) else {
            return Err(VfsError::NoSriov {
                pf: self.pf.clone(),
                address: self.address,
            });
        };
        let autoprobe = self.number(AUTOPROBE)?.map(|number| number != 0);
        Ok(CardState {
            number,
            total,
            autoprobe,
        })
    }

    pub(super) fn set_number(&self, number: u32) -> Result<(), VfsError> {
        self.write(NUMBER, number)
    }

    pub(super) fn set_autoprobe(&self, is_on: bool) -> Result<(), VfsError> {
        self.write(AUTOPROBE, u32::from(is_on))
    }

    /// Checks that the card has this many VFs now.
    pub(super) fn confirm(&self, wanted: u32) -> Result<(), VfsError> {
        let found = self.number(NUMBER)?;
        if found == Some(wanted) {
            return Ok(());
        }
        Err(VfsError::Other {
            pf: self.pf.clone(),
            wanted,
            found: found.unwrap_or_default(),
        })
    }

    fn number(&self, name: &str) -> Result<Option<u32>, VfsError> {
        let fail = |cause| VfsError::Look {
            pf: self.pf.clone(),
            cause,
        };
        let text = match self.root.read_to_string(&self.path(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(fail)?,
        };
        let wrong = |_| {
            let what = format!("'{name}' is not a number");
            fail(io::Error::new(ErrorKind::InvalidData, what))
        };
        text.trim().parse().map(Some).map_err(wrong)
    }

    /// Writes an attribute, in one write, as the kernel requires.
    fn write(&self, name: &'static str, value: u32) -> Result<(), VfsError> {
        let write = || {
            let path = self.root.path(&self.path(name))?;
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.write_all(value.to_string().as_bytes())
        };
        write().map_err(|cause| VfsError::Write {
            pf: self.pf.clone(),
            name,
            value,
            cause,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        let address = self.address;
        format!("/sys/bus/pci/devices/{address}/{name}").into()
    }
}
