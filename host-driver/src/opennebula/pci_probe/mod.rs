//! Which devices OpenNebula's own PCI probe offers to the scheduler, which does not know of our leases.
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
use one_sriov_system::Root;
use one_sriov_system::yaml::YamlError;

use self::conf::{Conf, Ids};
use crate::config::Config;

pub use self::conf::{Filters, Offer};

/// The probe, as it is configured.
#[derive(Debug)]
pub struct PciProbe(Conf);

/// Why it is not known what the probe offers.
#[derive(Debug, thiserror::Error)]
pub enum PciProbeError {
    /// The probe fails on each run.
    #[error("OpenNebula's PCI probe fails: '{}' is not valid YAML: {cause}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: YamlError,
    },
    /// The file is there but cannot be read.
    #[error("failed to read '{}': {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl PciProbe {
    /// The probe of this host. `PCI_FILTER` in our settings goes before the filter of its own file.
    pub fn read(config: &Config) -> Result<Self, PciProbeError> {
        let path = &config.pci_conf;
        let mut conf = match std::fs::read_to_string(path) {
            Ok(text) => Conf::parse(&text).map_err(|cause| PciProbeError::Yaml {
                path: path.clone(),
                cause,
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Conf::default(),
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

    /// Whether and by which filter the probe offers a device.
    #[must_use]
    pub fn offers(&self, root: &Root, device: PciAddress) -> Option<Offer> {
        if self.0.offers_nothing() {
            return None;
        }
        self.0.offers(device, ids(root, device)?)
    }
}

/// What sysfs says of a device: `0x15b3`, `0x101e`, `0x020000`.
fn ids(root: &Root, device: PciAddress) -> Option<Ids> {
    let dir = Path::new("/sys/bus/pci/devices").join(device.to_string());
    let number = |name: &str| {
        let text = root.read_to_string(&dir.join(name)).ok()?;
        u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
    };
    Some(Ids {
        vendor: number("vendor")?,
        device: number("device")?,
        class: number("class").map(|class| class >> 8),
    })
}
