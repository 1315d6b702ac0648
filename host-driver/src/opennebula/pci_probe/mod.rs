//! The devices that OpenNebula's own PCI probe, which does not know the leases, offers to the scheduler.
//!
//! `<remotes>/etc/im/kvm-probes.d/pci.conf`:
//!
//! ```text
//! :filter:
//!   - '15b3:*'           # vendor:device:class as for lspci -d, '*' or nothing for any
//! :short_address: []     # only these
//! :device_name: []       # only these, by regular expression
//! ```

mod conf;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use hwaddr::PciAddress;
use one_sriov_system::yaml::YamlError;
use one_sriov_system::{Root, plain, unless_absent};

use self::conf::{Ids, PciConf};
use crate::config::Config;

pub use self::conf::{Filters, Offer};

/// The probe with its configuration.
#[derive(Debug)]
pub struct PciProbe(PciConf);

/// Why it is unknown what the probe offers.
#[derive(Debug, thiserror::Error)]
pub enum PciProbeError {
    /// The probe fails on every run.
    #[error("OpenNebula's PCI probe fails: '{}' is not valid YAML: {cause}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: YamlError,
    },
    /// The file exists but cannot be read.
    #[error("failed to read '{}': {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

impl PciProbe {
    /// Reads the configuration of the probe. The driver's setting `PCI_FILTER` overrides the filter in that file.
    pub fn read(config: &Config) -> Result<Self, PciProbeError> {
        let path = &config.pci_conf;
        let mut conf = match std::fs::read_to_string(path) {
            Ok(text) => PciConf::parse(&text).map_err(|cause| PciProbeError::Yaml {
                path: path.clone(),
                cause,
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => PciConf::default(),
            Err(cause) => {
                let path = path.clone();
                return Err(PciProbeError::Read { path, cause });
            }
        };
        if let Some(filters) = &config.pci_filter {
            conf.filters = Some(filters.clone());
        }
        Ok(Self(conf))
    }

    /// Returns the filter because of which the probe offers a device, if it does.
    ///
    /// # Errors
    /// The device cannot be read.
    pub fn offers(&self, root: &Root, device: PciAddress) -> io::Result<Option<Offer>> {
        if self.0.offers_nothing() {
            return Ok(None);
        }
        let ids = ids(root, device)?;
        Ok(ids.and_then(|ids| self.0.offers(device, ids)))
    }
}

/// Reads the IDs of a device from sysfs: `0x15b3`, `0x101e`, `0x020000`. Returns `None` if it is gone.
fn ids(root: &Root, device: PciAddress) -> io::Result<Option<Ids>> {
    let dir = Path::new("/sys/bus/pci/devices").join(device.to_string());
    let number = |name: &str| {
        let path = dir.join(name);
        let text = unless_absent(root.read_to_string(&path).map(Some), None);
        let text = text.map_err(|error| {
            let message = format!("failed to read '{}': {}", path.display(), plain(&error));
            io::Error::new(error.kind(), message)
        })?;
        let hex = |text: String| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16);
        Ok::<_, io::Error>(text.and_then(|text| hex(text).ok()))
    };
    let (Some(vendor), Some(device)) = (number("vendor")?, number("device")?) else {
        return Ok(None);
    };
    Ok(Some(Ids {
        vendor,
        device,
        class: number("class")?.map(|class| class >> 8),
    }))
}
