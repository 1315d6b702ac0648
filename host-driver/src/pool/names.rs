//! The names of a host's pools.

use std::fs;
use std::io;
use std::path::Path;

use hwaddr::PciAddress;
use one_sriov_system::{Root, is_absent, unless_absent};

use super::{HostSysfs, ListError, Pool, is_map_name};
use crate::pool_name::PoolName;

impl Pool {
    /// Returns the names of all pools of this host: its maps, and its PFs that have VFs.
    pub fn names(root: &Root, maps: &Path) -> Result<Vec<PoolName>, ListError> {
        let mut names = Self::names_of_maps(maps)?;
        names.extend(Self::names_of_pfs(root)?);
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Returns the names of the maps of this host.
    pub fn names_of_maps(maps: &Path) -> Result<Vec<PoolName>, ListError> {
        let list = || match fs::read_dir(maps) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>(),
            Err(error) if is_absent(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let files = list().map_err(|cause| ListError::Maps {
            path: maps.to_owned(),
            cause,
        })?;
        let mut names = Vec::new();
        for file in files {
            let name = file.file_name().into_string().ok();
            let Some(name) = name.filter(|name| is_map_name(name)) else {
                continue;
            };
            let path = file.path();
            // A dangling link is not a map.
            let is_file = fs::metadata(&path).map(|file| file.is_file());
            let is_file = unless_absent(is_file, false);
            if is_file.map_err(|cause| ListError::Maps { path, cause })? {
                names.extend(name.parse::<PoolName>());
            }
        }
        Ok(names)
    }

    /// Returns the names of the PFs of this host that have VFs.
    pub fn names_of_pfs(root: &Root) -> Result<Vec<PoolName>, ListError> {
        Self::names_of_devices(root, |sysfs, pf| Ok(!sysfs.vf_numbers(pf)?.is_empty()))
    }

    /// Returns the names of the PFs of this host that have VFs or could have some.
    pub fn names_of_possible_pfs(root: &Root) -> Result<Vec<PoolName>, ListError> {
        Self::names_of_devices(root, |sysfs, pf| {
            let total = sysfs.total_vfs(pf)?.unwrap_or(0);
            Ok(total > 0 || !sysfs.vf_numbers(pf)?.is_empty())
        })
    }

    fn names_of_devices(
        root: &Root,
        is_wanted: impl Fn(HostSysfs<'_>, PciAddress) -> io::Result<bool>,
    ) -> Result<Vec<PoolName>, ListError> {
        let sysfs = HostSysfs::new(root);
        let list = || {
            let mut names = Vec::new();
            for netdev in sysfs.netdevs()? {
                if let Some(device) = sysfs.device_of(&netdev)?
                    && is_wanted(sysfs, device)?
                    && !sysfs.is_representor(&netdev)?
                {
                    names.extend(netdev.as_str().parse::<PoolName>());
                }
            }
            Ok(names)
        };
        list().map_err(ListError::Pfs)
    }
}
