//! The configuration of the driver of 2013: its `kvmrc` and its VF maps.
//!
//! ```text
//! export VF_MAPS_PATH=/var/tmp/one/vmm/kvm-sriov/vf_maps
//! export DRIVER_MODE=mlnx_ofed2
//! export HPC_MODE=on
//! ```

use std::collections::HashMap;
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use hwaddr::{DummyPrefix, PciAddress};
use one_sriov_system::{Root, is_absent, unless_absent};

use super::ImportError;
use crate::config::{Assignments, Value};
use crate::pool::map;
use crate::pool_name::PoolName;

/// The settings that matter here.
#[derive(Debug)]
pub(super) struct LegacySettings {
    assignments: Assignments,
    maps: PathBuf,
    home: PathBuf,
}

impl LegacySettings {
    /// Reads the settings of the driver whose actions are in `home`.
    pub(super) fn read(root: &Root, home: &Path) -> Result<Self, ImportError> {
        let path = home.join("kvmrc");
        let text = read_if_any(&path)?.unwrap_or_default();
        let assignments = Assignments::parse(&text);
        let maps = match assignments.get("VF_MAPS_PATH") {
            Some((_, Value::Plain(maps))) if maps.starts_with('/') => {
                let maps = Path::new(maps);
                root.path(maps).map_err(|cause| ImportError::Read {
                    path: maps.to_owned(),
                    cause,
                })?
            }
            // Computed from the directory of the script: the maps are beside it.
            _ => home.join("vf_maps"),
        };
        Ok(Self {
            assignments,
            maps,
            home: home.to_owned(),
        })
    }

    fn plain(&self, name: &str) -> Option<&str> {
        match self.assignments.get(name)? {
            (_, Value::Plain(text)) => Some(text),
            (_, Value::Computed) => None,
        }
    }

    /// Whether the old driver wrote GUIDs; `None` if its mode is not set.
    pub(super) fn wrote_guids(&self) -> Option<bool> {
        Some(self.plain("DRIVER_MODE")?.starts_with("mlnx"))
    }

    /// The first octet of the old driver's dummy MACs.
    pub(super) fn prefix(&self) -> Option<DummyPrefix> {
        self.plain("DUMMY_MAC_PREFIX")?.parse().ok()
    }

    /// Reads the VFs of a map, in order.
    pub(super) fn map(&self, name: &PoolName) -> Result<Vec<PciAddress>, ImportError> {
        let path = self.maps.join(name.as_str());
        let text = read_if_any(&path)?.unwrap_or_default();
        let entries = map::parse(&text).map_err(|cause| ImportError::Map { path, cause })?;
        Ok(entries.into_iter().map(|entry| entry.address).collect())
    }

    /// Returns the settings that this driver does not support, each with its replacement.
    pub(super) fn not_imported(&self) -> Result<Vec<String>, ImportError> {
        let mut left = Vec::new();
        if self.plain("HPC_MODE") == Some("on") {
            left.push(
                "HPC_MODE=on: for huge pages and NUMA pinning, set OpenNebula's TOPOLOGY and NUMA_NODE attributes in \
                 the VM templates"
                    .to_owned(),
            );
        }
        let mut places: Vec<String> = Vec::new();
        let names = self.assignments.names();
        let of_partitions = |name: &&str| *name == "SM_HOST" || is_of_partitions(name);
        places.extend(names.filter(of_partitions).map(str::to_owned));
        for dir in [&self.home, &self.maps] {
            let names = unless_absent(files_in(dir), Vec::new());
            let names = names.map_err(|cause| ImportError::Read {
                path: dir.clone(),
                cause,
            })?;
            places.extend(names.into_iter().filter(|name| is_of_partitions(name)));
        }
        places.sort();
        places.dedup();
        if !places.is_empty() {
            left.push(format!(
                "{}: partitions are set up in the subnet manager; a network's VLAN_ID is the P_Key",
                places.join(", ")
            ));
        }
        Ok(left)
    }
}

fn files_in(dir: &Path) -> io::Result<Vec<String>> {
    let name = |file: io::Result<DirEntry>| Ok(file?.file_name().to_string_lossy().into_owned());
    dir.read_dir()?.map(name).collect()
}

fn is_of_partitions(name: &str) -> bool {
    name.to_ascii_lowercase().contains("pkey")
}

fn read_if_any(path: &Path) -> Result<Option<String>, ImportError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(cause) => Err(ImportError::Read {
            path: path.to_owned(),
            cause,
        }),
    }
}

/// The addresses of the VFs of each map. A map is read only once.
#[derive(Debug, Default)]
pub(super) struct Maps(HashMap<PoolName, Vec<PciAddress>>);

impl Maps {
    pub(super) fn address(
        &mut self,
        settings: &LegacySettings,
        map: &PoolName,
        index: u32,
    ) -> Result<Option<PciAddress>, ImportError> {
        if !self.0.contains_key(map) {
            self.0.insert(map.clone(), settings.map(map)?);
        }
        Ok(self.0[map].get(index as usize).copied())
    }
}
