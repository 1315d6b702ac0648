//! A VF that OpenNebula has chosen, which need not be in a pool.

use std::io;
use std::path::Path;

use hwaddr::PciAddress;
use one_sriov_system::Root;

use super::{HostSysfs, Pf, Pool, Vf, VfSource, port_of};
use crate::pool_name::PoolName;

/// Added to the number of a VF that is not in the map of its PF: larger than any index in a map.
const UNMAPPED: u32 = 1 << 16;

/// Whether a PCI device is a VF that the driver can manage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PciDevice {
    /// A VF, with its place in the pool of its PF.
    Vf(Vf),
    /// A VF that cannot be set up: its PF has no network device.
    WithoutPf,
    /// Not a VF, but a whole card.
    Card,
}

impl PciDevice {
    /// Detects what a device is.
    pub fn find(root: &Root, maps: &Path, address: PciAddress) -> io::Result<Self> {
        let sysfs = HostSysfs::new(root);
        let Some(pf) = sysfs.pf_of(address)? else {
            return Ok(Self::Card);
        };
        let mut vfs = sysfs.vfs(pf)?.into_iter();
        let found = vfs.find_map(|(number, vf)| (vf == address).then_some(number));
        let port = port_of(sysfs, pf, None)?;
        let (Some(number), Some((netdev, link_layer))) = (found, port) else {
            return Ok(Self::WithoutPf);
        };
        let Ok(pool) = netdev.as_str().parse::<PoolName>() else {
            return Ok(Self::WithoutPf);
        };
        Ok(Self::Vf(Vf {
            index: index(root, maps, &pool, address, number),
            pool,
            address,
            number,
            pf: Pf {
                address: pf,
                netdev,
                link_layer,
            },
        }))
    }
}

/// Returns the index of a VF in the pool with its PF's name.
fn index(root: &Root, maps: &Path, pool: &PoolName, address: PciAddress, number: u32) -> u32 {
    match Pool::open(root, maps, pool).map(|pool| pool.source) {
        Ok(VfSource::Map { entries, .. }) => {
            let lines = (0..).zip(&entries);
            let mut lines = lines.filter(|(_, entry)| entry.address == address);
            lines.next().map_or(UNMAPPED + number, |(index, _)| index)
        }
        // Any index will do: nothing is allocated from a pool that cannot be opened.
        Ok(VfSource::Pf { .. }) | Err(_) => number,
    }
}
