//! The configuration.
//!
//! | file | for |
//! |---|---|
//! | `<remotes>/vmm/kvm-sriov/kvmrc` | all hosts: beside the actions, as in 2013 |
//! | `<remotes>/etc/vmm/kvm-sriov/kvmrc` | all hosts: OpenNebula's directory for configuration since 5.6 |
//! | `/etc/one-sriov/kvmrc` | this host |
//!
//! A later file overrides an earlier one, name by name. All files and all names are optional. `LIBVIRT_URI` is read from the
//! stock driver's `kvmrc`.

mod assignments;
mod files;
mod source;

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use hwaddr::DummyPrefix;
use one_sriov_system::Root;

pub use assignments::{Assignments, Value};
use files::{Driver, files, host_file, is_of_another_user, read};
use source::{SettingSource, bridge, directory, seconds, some_seconds, text_of, yes_or_no};

use crate::opennebula::Filters;
use crate::pool_name::PoolName;

/// The directory with the configuration of this host.
pub const HOST_DIR: &str = "/etc/one-sriov";

/// The configuration of OpenNebula's own PCI probe, beside the actions.
const PCI_CONF: &str = "../../etc/im/kvm-probes.d/pci.conf";

/// How the guest recognizes a VF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentitySetting {
    /// By link layer: [`Guid`](Self::Guid) for InfiniBand, [`Mac`](Self::Mac) for Ethernet.
    #[default]
    Auto,
    /// Ethernet: an `<interface type='hostdev'>`, whose MAC and VLAN libvirt sets and restores.
    Mac,
    /// A plain `<hostdev>` and a dummy NIC; the VF of an Ethernet PF gets the NIC's own MAC.
    Dummy,
    /// InfiniBand: node and port GUID, and a dummy NIC.
    Guid,
}

impl FromStr for IdentitySetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "mac" => Ok(Self::Mac),
            "dummy" => Ok(Self::Dummy),
            "guid" => Ok(Self::Guid),
            _ => Err("expected auto, mac, dummy or guid".into()),
        }
    }
}

/// The two octets before the dummy MAC in a port GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuidPrefix {
    /// The network's ID, so that equal addresses on two networks result in different GUIDs.
    #[default]
    Network,
    /// The same octets for all networks.
    Fixed([u8; 2]),
}

impl FromStr for GuidPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fixed = || {
            let (first, second) = text.split_once(':')?;
            let octet = |text: &str| match text.len() {
                2 => u8::from_str_radix(text, 16).ok(),
                _ => None,
            };
            Some(Self::Fixed([octet(first)?, octet(second)?]))
        };
        match text {
            "auto" => Ok(Self::Network),
            _ => fixed().ok_or_else(|| "expected auto or two octets such as 00:00".into()),
        }
    }
}

/// The configuration of the driver on this host.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DUMMY_BRIDGE`: the bridge of the dummy NICs.
    pub dummy_bridge: String,
    /// `DUMMY_MAC_PREFIX`: the first octet of the dummy MACs.
    pub dummy_prefix: DummyPrefix,
    /// `VF_MAPS_PATH`: the directory of the VF maps, which is below the root unless it is the default one.
    pub maps: PathBuf,
    /// Whether [`maps`](Self::maps) is the directory beside the actions.
    pub maps_are_ours: bool,
    /// `LIBVIRT_URI` of the stock driver.
    pub libvirt_uri: String,
    /// `LEASE_DIR`.
    pub lease_dir: PathBuf,
    /// `LEASE_GRACE`: how long an unfinished deployment that is not in progress stays valid.
    pub lease_grace: Duration,
    /// `LOCK_WAIT`: how long to wait for the lock on all leases.
    pub lock_wait: Duration,
    /// `LIBVIRT_WAIT`: how long one `virsh` may take.
    pub libvirt_wait: Duration,
    /// `VF_RELEASE_WAIT`: how long libvirt may take to release a VF.
    pub release_wait: Duration,
    /// `UNPLUG_WAIT`: how long a guest may take to release a VF that is being detached.
    pub unplug_wait: Duration,
    /// `PEER_WAIT`: how long the driver of the other host may be silent during a migration. libvirt drops an incoming VM within a
    /// minute after it has lost the other host (`keepalive_interval` and `keepalive_count` of libvirtd.conf).
    pub peer_wait: Duration,
    /// `GUID_PREFIX`.
    pub guid_prefix: GuidPrefix,
    /// The configuration of OpenNebula's own PCI probe.
    pub pci_conf: PathBuf,
    /// `PCI_FILTER`: the probe's filter that is set for the host or its cluster in OpenNebula.
    pub pci_filter: Option<Filters>,
    /// `POOL_SHARES_PCI`: whether pools also allocate VFs that the probe offers.
    pub pool_shares_pci: bool,
    identity: IdentitySetting,
    /// `VF_IDENTITY_<pool>`.
    identities: Vec<(String, IdentitySetting)>,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file exists but cannot be read.
    #[error("failed to read '{}': {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// A value is wrong.
    #[error("failed to read '{}': line {line}: {name}: {what}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line of the assignment.
        line: usize,
        /// The name.
        name: String,
        /// What is wrong with the value.
        what: String,
    },
}

impl Config {
    /// Returns the defaults for the driver whose actions are in `home`.
    #[must_use]
    pub fn new(home: &Path) -> Self {
        Self {
            dummy_bridge: "sriov_br".into(),
            dummy_prefix: DummyPrefix::default(),
            maps: home.join("vf_maps"),
            maps_are_ours: true,
            libvirt_uri: "qemu:///system".into(),
            lease_dir: "/run/one-sriov".into(),
            lease_grace: Duration::from_secs(30),
            lock_wait: Duration::from_secs(60),
            libvirt_wait: Duration::from_secs(20),
            release_wait: Duration::from_secs(10),
            unplug_wait: Duration::from_secs(20),
            peer_wait: Duration::from_secs(180),
            guid_prefix: GuidPrefix::default(),
            pci_conf: home.join(PCI_CONF),
            pci_filter: None,
            pool_shares_pci: false,
            identity: IdentitySetting::default(),
            identities: Vec::new(),
        }
    }

    /// Returns the existing files of this driver and their assignments, in order of precedence, lowest first.
    pub fn files(root: &Root, home: &Path) -> Result<Vec<(PathBuf, Assignments)>, ConfigError> {
        let files = files(root, home, Driver::Ours)?.into_iter();
        Ok(files
            .map(|(path, text)| (path, Assignments::parse(&text)))
            .collect())
    }

    /// Reads all files that exist.
    pub fn read(root: &Root, home: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::new(home);
        for (path, text) in files(root, home, Driver::Stock)? {
            let assignments = Assignments::parse(&text);
            if let Some(uri) = text_of(&path, &assignments, "LIBVIRT_URI")? {
                uri.1.clone_into(&mut config.libvirt_uri);
            }
        }
        for (path, assignments) in Self::files(root, home)? {
            config.take(&path, &assignments)?;
        }
        Ok(config)
    }

    /// Reads only `/etc/one-sriov/kvmrc`, and only if no other user could have written it: for a command that runs as root.
    pub fn of_host(root: &Root) -> Result<Self, ConfigError> {
        let mut config = Self::new(Path::new(HOST_DIR));
        let path = host_file(root)?;
        let is_not_ours = is_of_another_user(&path).map_err(|cause| ConfigError::Read {
            path: path.clone(),
            cause,
        })?;
        if is_not_ours {
            return Ok(config);
        }
        if let Some(text) = read(&path)? {
            config.take(&path, &Assignments::parse(&text))?;
        }
        Ok(config)
    }

    /// Returns the configured identity of the VFs of a pool.
    #[must_use]
    pub fn identity(&self, pool: &PoolName) -> IdentitySetting {
        let own = self
            .identities
            .iter()
            .rev()
            .find(|(name, _)| name == pool.as_str());
        own.map_or(self.identity, |(_, identity)| *identity)
    }

    /// The directory of the VF maps.
    pub fn maps_dir(&self, root: &Root) -> Result<PathBuf, ConfigError> {
        if self.maps_are_ours {
            Ok(self.maps.clone())
        } else {
            root.path(&self.maps).map_err(|cause| ConfigError::Read {
                path: self.maps.clone(),
                cause,
            })
        }
    }

    /// Returns the names of all settings, except `VF_IDENTITY_<pool>`, in alphabetical order.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let nothing = Assignments::parse("");
        let source = SettingSource::new(Path::new(""), &nothing);
        // Cannot fail: there is no value.
        let _ = Self::new(Path::new("")).take_from(&source);
        source.names.into_inner().into_iter().collect()
    }

    fn take(&mut self, path: &Path, assignments: &Assignments) -> Result<(), ConfigError> {
        self.take_from(&SettingSource::new(path, assignments))
    }

    fn take_from(&mut self, source: &SettingSource<'_>) -> Result<(), ConfigError> {
        source.set("DUMMY_BRIDGE", &mut self.dummy_bridge, bridge)?;
        source.set("DUMMY_MAC_PREFIX", &mut self.dummy_prefix, |text| {
            text.parse().map_err(|error| format!("{error}"))
        })?;
        if source.set("VF_MAPS_PATH", &mut self.maps, directory)? {
            self.maps_are_ours = false;
        }
        source.set("LEASE_DIR", &mut self.lease_dir, directory)?;
        source.set("LEASE_GRACE", &mut self.lease_grace, seconds)?;
        source.set("LOCK_WAIT", &mut self.lock_wait, seconds)?;
        source.set("LIBVIRT_WAIT", &mut self.libvirt_wait, seconds)?;
        source.set("VF_RELEASE_WAIT", &mut self.release_wait, seconds)?;
        source.set("UNPLUG_WAIT", &mut self.unplug_wait, seconds)?;
        source.set("PEER_WAIT", &mut self.peer_wait, some_seconds)?;
        source.set("GUID_PREFIX", &mut self.guid_prefix, str::parse)?;
        source.set("PCI_FILTER", &mut self.pci_filter, |text| {
            text.parse().map(Some)
        })?;
        source.set("POOL_SHARES_PCI", &mut self.pool_shares_pci, yes_or_no)?;
        source.set("VF_IDENTITY", &mut self.identity, str::parse)?;
        for name in source.assignments.names() {
            if let Some(pool) = name.strip_prefix("VF_IDENTITY_") {
                let mut identity = self.identity;
                if source.read(name, &mut identity, str::parse)? {
                    self.identities.push((pool.to_owned(), identity));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
