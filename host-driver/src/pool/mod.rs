//! Pools of VFs.
//!
//! A pool has the VFs in the map with its name or, without a map, all VFs of the PF with its name. The index of a VF counts the
//! VFs of the map from 0, or is its number on the PF.

mod device;
mod error;
mod host_use;
pub mod map;
mod names;
mod sysfs;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use hwaddr::{InterfaceName, PciAddress};
use one_sriov_system::{Root, is_absent};

pub use device::PciDevice;
pub use error::{ListError, PoolError};
pub use host_use::{HostUse, HostUseError, HostUses};
pub use map::{MapEntry, MapError};
pub use sysfs::{HostSysfs, LinkLayer};

use crate::pool_name::PoolName;

/// The VFs for virtual networks on bridge `sriov_<name>`.
#[derive(Debug)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    source: VfSource,
    /// The PFs that have been read. All VFs of a pool belong to one PF or to a few.
    pfs: RefCell<HashMap<PciAddress, Pf>>,
}

#[derive(Debug)]
enum VfSource {
    Map {
        path: PathBuf,
        entries: Vec<MapEntry>,
        /// PF and number of each VF by its address, for all PFs in the map.
        numbers: HashMap<PciAddress, (PciAddress, u32)>,
    },
    Pf {
        address: PciAddress,
        vfs: BTreeMap<u32, PciAddress>,
    },
}

/// An existing VF of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vf {
    /// Its pool.
    pub pool: PoolName,
    /// Its index in the pool.
    pub index: u32,
    /// Its PCI address.
    pub address: PciAddress,
    /// The PF's number of the VF: `virtfn<number>`.
    pub number: u32,
    /// Its PF.
    pub pf: Pf,
}

/// The PF of a VF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pf {
    /// Its PCI address.
    pub address: PciAddress,
    /// Its network device, through which its VFs are set up.
    pub netdev: InterfaceName,
    /// Its link layer.
    pub link_layer: LinkLayer,
}

impl Pool {
    /// Opens a pool, whose map, if any, is in the directory `maps`.
    pub fn open(root: &Root, maps: &Path, name: &PoolName) -> Result<Self, PoolError> {
        let sysfs = HostSysfs::new(root);
        let fail = |cause| PoolError::Sysfs {
            name: name.clone(),
            cause,
        };
        let map = maps.join(name.as_str());
        if is_map_name(name.as_str()) {
            match fs::read(&map) {
                Ok(bytes) => return Self::from_map(sysfs, name, map, &bytes),
                Err(error) if is_no_map(&error) => {}
                Err(cause) => return Err(PoolError::ReadMap { path: map, cause }),
            }
        }
        let netdev = match name.as_str().parse::<InterfaceName>() {
            Ok(netdev) if sysfs.has_netdev(name.as_str()).map_err(fail)? => netdev,
            _ => {
                let name = name.clone();
                return Err(PoolError::Unknown { name, map });
            }
        };
        if sysfs.is_representor(&netdev).map_err(fail)? {
            return Err(PoolError::Representor(name.clone()));
        }
        let address = sysfs.device_of(&netdev).map_err(fail)?;
        let address = address.ok_or_else(|| PoolError::NotPci(name.clone()))?;
        let vfs = sysfs.vfs(address).map_err(fail)?;
        if vfs.is_empty() {
            return Err(PoolError::NoVfs(name.clone()));
        }
        Ok(Self {
            name: name.clone(),
            source: VfSource::Pf { address, vfs },
            pfs: RefCell::default(),
        })
    }

    /// Whether there is a pool of that name. One that cannot be read counts as existing.
    #[must_use]
    pub fn exists(root: &Root, maps: &Path, name: &PoolName) -> bool {
        !Self::open(root, maps, name).is_err_and(|error| error.is_no_pool())
    }

    /// The indexes of its VFs, ascending.
    #[must_use]
    pub fn indexes(&self) -> Vec<u32> {
        match &self.source {
            VfSource::Map { entries, .. } => (0..).zip(entries).map(|(index, _)| index).collect(),
            VfSource::Pf { vfs, .. } => vfs.keys().copied().collect(),
        }
    }

    /// Returns the PCI address of the VF with this index, if there is one. A VF in a map need not exist.
    #[must_use]
    pub fn address(&self, index: u32) -> Option<PciAddress> {
        match &self.source {
            VfSource::Map { entries, .. } => entries.get(index as usize).map(|e| e.address),
            VfSource::Pf { vfs, .. } => vfs.get(&index).copied(),
        }
    }

    /// Its map and the entries, if it has a map.
    #[must_use]
    pub fn map(&self) -> Option<(&Path, &[MapEntry])> {
        match &self.source {
            VfSource::Map { path, entries, .. } => Some((path, entries)),
            VfSource::Pf { .. } => None,
        }
    }

    /// Reads the VF with this index. Returns `None` if it does not exist.
    pub fn vf(&self, root: &Root, index: u32) -> Result<Option<Vf>, PoolError> {
        let sysfs = HostSysfs::new(root);
        let Some(address) = self.address(index) else {
            return Ok(None);
        };
        let (pf, number) = match &self.source {
            VfSource::Map { numbers, .. } => match numbers.get(&address) {
                Some(found) => *found,
                None => return Ok(None),
            },
            VfSource::Pf { address, .. } => (*address, index),
        };
        let found = self.pf(sysfs, pf).map_err(|cause| PoolError::Sysfs {
            name: self.name.clone(),
            cause,
        })?;
        Ok(Some(Vf {
            pool: self.name.clone(),
            index,
            address,
            number,
            pf: found.ok_or(PoolError::NoNetdev { vf: address, pf })?,
        }))
    }

    /// Reads a PF with the netdev that this pool uses. Returns `None` if the PF has none.
    fn pf(&self, sysfs: HostSysfs<'_>, address: PciAddress) -> io::Result<Option<Pf>> {
        if let Some(pf) = self.pfs.borrow().get(&address) {
            return Ok(Some(pf.clone()));
        }
        let Some((netdev, link_layer)) = port_of(sysfs, address, Some(&self.name))? else {
            return Ok(None);
        };
        let pf = Pf {
            address,
            netdev,
            link_layer,
        };
        self.pfs.borrow_mut().insert(address, pf.clone());
        Ok(Some(pf))
    }

    fn from_map(
        sysfs: HostSysfs<'_>,
        name: &PoolName,
        path: PathBuf,
        bytes: &[u8],
    ) -> Result<Self, PoolError> {
        let fail = |cause| PoolError::Sysfs {
            name: name.clone(),
            cause,
        };
        let wrong = |line, what| PoolError::Map {
            path: path.clone(),
            cause: MapError { line, what },
        };
        let entries = map::parse(&String::from_utf8_lossy(bytes))
            .map_err(|cause| wrong(cause.line, cause.what))?;
        // If the map has the name of a netdev, its VFs are set up through that netdev.
        let netdev = name.as_str().parse::<InterfaceName>().ok();
        let own = match netdev {
            Some(netdev) => sysfs.device_of(&netdev).map_err(fail)?,
            None => None,
        };
        let mut numbers = HashMap::new();
        let mut known = Vec::new();
        for MapEntry { line, address } in &entries {
            if !sysfs.has_device(*address).map_err(fail)? {
                // Hosts share maps, and this one may have fewer VFs.
                continue;
            }
            let pf = sysfs.pf_of(*address).map_err(fail)?;
            let pf = pf.ok_or_else(|| wrong(*line, format!("'{address}' is not a VF")))?;
            if let Some(own) = own.filter(|own| *own != pf) {
                let what = format!("'{address}' is a VF of '{pf}', not of '{name}' ('{own}')");
                return Err(wrong(*line, what));
            }
            if !known.contains(&pf) {
                known.push(pf);
                let vfs = sysfs.vfs(pf).map_err(fail)?;
                numbers.extend(vfs.into_iter().map(|(number, vf)| (vf, (pf, number))));
            }
        }
        Ok(Self {
            name: name.clone(),
            source: VfSource::Map {
                path,
                entries,
                numbers,
            },
            pfs: RefCell::default(),
        })
    }
}

/// Returns the netdev of a PF with this name, or else that of its first port.
fn port_of(
    sysfs: HostSysfs<'_>,
    pf: PciAddress,
    name: Option<&PoolName>,
) -> io::Result<Option<(InterfaceName, LinkLayer)>> {
    let mut netdevs = sysfs.netdevs_of(pf)?;
    netdevs.sort_by_key(|netdev| name.is_none_or(|name| netdev.as_str() != name.as_str()));
    for netdev in netdevs {
        if sysfs.is_representor(&netdev)? {
            continue;
        }
        if let Some(layer) = sysfs.link_layer(&netdev)? {
            return Ok(Some((netdev, layer)));
        }
    }
    Ok(None)
}

/// Whether a file can be a map. The directory also has notes, examples, and the old driver's device and port data.
fn is_map_name(name: &str) -> bool {
    let has_end = |end| name.len() > str::len(end) && name.ends_with(end);
    !name.starts_with('.')
        && !name.starts_with("README")
        && !["_ofed", ".example", "~", ".bak", ".dist", ".new"]
            .into_iter()
            .any(has_end)
}

/// Whether the error means that there is no such map; a directory is not a map.
fn is_no_map(error: &io::Error) -> bool {
    is_absent(error) || error.kind() == ErrorKind::IsADirectory
}
