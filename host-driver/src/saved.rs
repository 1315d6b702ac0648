//! The file with the SR-IOV NICs of a saved VM, whose VFs were unplugged because QEMU cannot save a VF.
//!
//! `one-sriov-nics.json` in the VM's directory, which the front-end moves with the VM:
//!
//! ```text
//! {"format":1,"nics":[{"pool":"ib0","position":0,"mac":"02:00:c0:a8:07:05","vlan":null,"has_dummy":true,
//!  "guid":"00:04:aa:00:c0:a8:07:05","guest":"0000:00:05.0","native":null}]}
//! ```
//!
//! For a PCI NIC, `native` is:
//!
//! ```text
//! {"address":"0000:81:00.2","is_interface":false}
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hwaddr::{Guid, MacAddress, PciAddress};
use one_sriov_system::{Root, is_absent};
use serde::{Deserialize, Serialize};

use crate::pool_name::PoolName;
use crate::text;

const NAME: &str = "one-sriov-nics.json";
const NEW: &str = ".one-sriov-nics.json.new";
const FORMAT: u32 = 1;

/// One NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedNic {
    /// The pool of its VF.
    #[serde(with = "text")]
    pub pool: PoolName,
    /// Its position.
    pub position: u8,
    /// Its MAC in OpenNebula.
    #[serde(with = "text")]
    pub mac: MacAddress,
    /// The VLAN of its network. On InfiniBand it is the P_Key, which the guest sets up.
    pub vlan: Option<u32>,
    /// Whether the domain has a dummy NIC for it, which is saved with the VM.
    pub has_dummy: bool,
    /// The GUID that its VF had.
    #[serde(with = "text::option")]
    pub guid: Option<Guid>,
    /// The PCI address in the guest, which determines the name of the device.
    #[serde(with = "text::option")]
    pub guest: Option<PciAddress>,
    /// The VF that OpenNebula has chosen, if this is a PCI NIC.
    pub native: Option<NativeVf>,
}

/// The VF of a PCI NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeVf {
    /// Its address. On restore, the front-end may choose another VF.
    #[serde(with = "text")]
    pub address: PciAddress,
    /// Whether it is an `<interface type='hostdev'>`, so that libvirt sets its MAC and VLAN.
    pub is_interface: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    format: u32,
    nics: Vec<SavedNic>,
}

/// The file of one VM.
#[derive(Debug, PartialEq, Eq)]
pub struct SavedNics {
    dir: PathBuf,
    path: PathBuf,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} '{}': {cause}", path.display())]
pub struct SavedError {
    verb: &'static str,
    path: PathBuf,
    cause: io::Error,
}

impl SavedNics {
    /// The file of the VM with this checkpoint.
    ///
    /// # Errors
    /// The path is not absolute.
    pub fn beside(root: &Root, checkpoint: &Path) -> Result<Self, SavedError> {
        let dir = checkpoint.parent().unwrap_or(checkpoint);
        let dir = root.path(dir).map_err(|cause| SavedError {
            verb: "find the directory of",
            path: checkpoint.to_owned(),
            cause,
        })?;
        Ok(Self {
            path: dir.join(NAME),
            dir,
        })
    }

    /// Whether the file exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.try_exists().unwrap_or(false)
    }

    /// Reads the NICs. Returns `None` if the file does not exist.
    ///
    /// # Errors
    /// The file exists but cannot be read.
    pub fn read(&self) -> Result<Option<Vec<SavedNic>>, SavedError> {
        let text = match fs::read(&self.path) {
            Err(error) if is_absent(&error) => return Ok(None),
            read => self.check("read", read)?,
        };
        let document: Document = self.check(
            "read",
            serde_json::from_slice(&text).map_err(io::Error::from),
        )?;
        if document.format != FORMAT {
            let what = format!(
                "its format is {}, which this driver does not support",
                document.format
            );
            return self.check("read", Err(io::Error::other(what)));
        }
        Ok(Some(document.nics))
    }

    /// Writes the NICs, flushed to the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, nics: Vec<SavedNic>) -> Result<(), SavedError> {
        let new = self.dir.join(NEW);
        let document = Document {
            format: FORMAT,
            nics,
        };
        let write = || {
            let mut line = serde_json::to_vec(&document)?;
            line.push(b'\n');
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(&line)?;
            file.sync_all()?;
            fs::rename(&new, &self.path)?;
            File::open(&self.dir)?.sync_all()
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        self.check("write", written)
    }

    /// Removes the file, if there is one.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(&self) -> Result<(), SavedError> {
        match fs::remove_file(&self.path) {
            Err(error) if is_absent(&error) => Ok(()),
            removed => self.check("remove", removed),
        }
    }

    fn check<T>(&self, verb: &'static str, result: io::Result<T>) -> Result<T, SavedError> {
        result.map_err(|cause| SavedError {
            verb,
            path: self.path.clone(),
            cause,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn saved_nics_are_read_back_and_serialize_as_documented() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let saved = SavedNics::beside(&root, Path::new("/checkpoint")).unwrap();
        assert_eq!(saved.read().unwrap(), None);
        let nics = vec![SavedNic {
            pool: "ib0".parse().unwrap(),
            position: 0,
            mac: "02:00:c0:a8:07:05".parse().unwrap(),
            vlan: None,
            has_dummy: true,
            guid: Some("00:04:aa:00:c0:a8:07:05".parse().unwrap()),
            guest: Some("0000:00:05.0".parse().unwrap()),
            native: None,
        }];
        saved.write(nics.clone()).unwrap();
        assert_eq!(saved.read().unwrap(), Some(nics));
        let text = fs::read_to_string(dir.path().join(NAME)).unwrap();
        let expected = concat!(
            r#"{"format":1,"nics":[{"pool":"ib0","position":0,"mac":"02:00:c0:a8:07:05","#,
            r#""vlan":null,"has_dummy":true,"guid":"00:04:aa:00:c0:a8:07:05","guest":"0000:00:05.0","#,
            r#""native":null}]}"#,
            "\n"
        );
        assert_eq!(text, expected);
        let native = NativeVf {
            address: "0000:81:00.2".parse().unwrap(),
            is_interface: false,
        };
        let expected = r#"{"address":"0000:81:00.2","is_interface":false}"#;
        assert_eq!(serde_json::to_string(&native).unwrap(), expected);
        saved.remove().unwrap();
        saved.remove().unwrap();
        assert_eq!(saved.read().unwrap(), None);
    }
}
