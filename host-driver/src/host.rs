//! The host that an action runs on.

use std::path::{Path, PathBuf};

use one_sriov_system::Root;

use crate::config::{Config, ConfigError};
use crate::lease::{Store, StoreError};
use crate::libvirt::Libvirt;

/// Where everything is.
#[derive(Debug)]
pub struct Host {
    /// Below which all absolute paths are.
    pub root: Root,
    /// The directory of the actions, `/var/tmp/one/vmm/kvm-sriov`.
    pub home: PathBuf,
    /// What the operator has set.
    pub config: Config,
}

impl Host {
    /// The variable that names another root than `/`, for tests and staging.
    pub const ROOT_VARIABLE: &str = "ONE_SRIOV_ROOT";

    /// The host of this process.
    pub fn new(home: &Path) -> Result<Self, ConfigError> {
        let mut host = Self::unconfigured(home);
        host.config = Config::read(&host.root, home)?;
        Ok(host)
    }

    /// Below which the files of this process are.
    #[must_use]
    pub fn root_dir() -> Root {
        let root = std::env::var_os(Self::ROOT_VARIABLE).filter(|dir| !dir.is_empty());
        root.map_or_else(Root::default, Root::new)
    }

    /// The same as if nothing were set: for those who look into what is wrong with what is.
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

    /// Where its VF maps are.
    pub fn maps(&self) -> Result<PathBuf, ConfigError> {
        self.config.maps_dir(&self.root)
    }

    /// Its leases, which must be there.
    pub fn leases(&self) -> Result<Store, StoreError> {
        Store::open(&self.root, &self.config.lease_dir)
    }

    /// Its leases, if there are any.
    pub fn leases_if_any(&self) -> Result<Option<Store>, StoreError> {
        Store::find(&self.root, &self.config.lease_dir)
    }
}
