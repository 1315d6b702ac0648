//! The host that an action runs on.

use std::path::{Path, PathBuf};

use one_sriov_system::Root;

use crate::config::{Config, ConfigError};
use crate::lease::{Store, StoreError};
use crate::libvirt::Libvirt;

/// The files and settings of a host.
#[derive(Debug)]
pub struct Host {
    /// The root of all absolute paths.
    pub root: Root,
    /// The directory of the actions, `/var/tmp/one/vmm/kvm-sriov`.
    pub home: PathBuf,
    /// The configuration.
    pub config: Config,
}

impl Host {
    /// The environment variable for a root other than `/`, for tests and staging.
    pub const ROOT_VARIABLE: &str = "ONE_SRIOV_ROOT";

    /// The host of this process.
    pub fn new(home: &Path) -> Result<Self, ConfigError> {
        let mut host = Self::unconfigured(home);
        host.config = Config::read(&host.root, home)?;
        Ok(host)
    }

    /// Returns the root of this process's files.
    #[must_use]
    pub fn root_dir() -> Root {
        let root = std::env::var_os(Self::ROOT_VARIABLE).filter(|dir| !dir.is_empty());
        root.map_or_else(Root::default, Root::new)
    }

    /// The host with default settings, for commands that report what is wrong with the settings.
    #[must_use]
    pub fn unconfigured(home: &Path) -> Self {
        Self {
            root: Self::root_dir(),
            home: home.to_owned(),
            config: Config::new(home),
        }
    }

    /// Its libvirt.
    #[must_use]
    pub fn libvirt(&self) -> Libvirt {
        Libvirt::new(&self.config.libvirt_uri, self.config.libvirt_wait)
    }

    /// The directory of its VF maps.
    pub fn maps(&self) -> Result<PathBuf, ConfigError> {
        self.config.maps_dir(&self.root)
    }

    /// Its leases. The directory must exist.
    pub fn leases(&self) -> Result<Store, StoreError> {
        Store::open(&self.root, &self.config.lease_dir)
    }

    /// Its leases, if the directory exists.
    pub fn leases_if_any(&self) -> Result<Option<Store>, StoreError> {
        Store::find(&self.root, &self.config.lease_dir)
    }
}
