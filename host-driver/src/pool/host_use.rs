//! VFs that the host itself uses.
//!
//! A VF is the host's own if one of its netdevs has an address that is not link-local, belongs to
//! a bridge or a bond, has a VLAN or a macvtap on top, has a route, or is in another network namespace, as that
//! of a container does. What NetworkManager does to any fresh netdev, a link-local address or a try at DHCP, does not count.
//!
//! ```text
//! /sys/class/net/ens1f0v2/upper_stor.100 -> ../../../../../virtual/net/stor.100
//! ```

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt;
use std::io;

use hwaddr::{InterfaceName, PciAddress};
use one_sriov_system::{Netlink, NetlinkError, Root};

use super::HostSysfs;

/// What the host does with a VF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostUse {
    /// Its netdev has an address.
    Address(InterfaceName),
    /// Its netdev has a route.
    Route(InterfaceName),
    /// Its netdev belongs to another.
    Member(InterfaceName, String),
    /// Its network device is in another network namespace.
    Namespace,
    /// Another one is on top of its netdev.
    Below(InterfaceName, String),
}

impl fmt::Display for HostUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(netdev) => write!(f, "'{netdev}' has an address"),
            Self::Route(netdev) => write!(f, "'{netdev}' has a route"),
            Self::Member(netdev, master) => write!(f, "'{netdev}' belongs to '{master}'"),
            Self::Namespace => f.write_str("its network device is in another network namespace"),
            Self::Below(netdev, upper) => write!(f, "'{netdev}' carries '{upper}'"),
        }
    }
}

/// Why it is unknown whether the host uses a VF.
#[derive(Debug, thiserror::Error)]
pub enum HostUseError {
    /// sysfs cannot be read.
    #[error("failed to read VF '{vf}': {cause}")]
    Sysfs {
        /// The VF.
        vf: PciAddress,
        /// What the system said.
        cause: io::Error,
    },
    /// The kernel does not show its addresses or routes.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// The addresses and routes of the host, asked for once and only if a VF has a netdev.
#[derive(Debug)]
pub struct HostUses<'r> {
    sysfs: HostSysfs<'r>,
    netlink: Netlink,
    links: OnceCell<HostLinks>,
}

#[derive(Debug)]
struct HostLinks {
    addressed: BTreeSet<u32>,
    routed: BTreeSet<u32>,
}

impl<'r> HostUses<'r> {
    /// Of the host below this root.
    #[must_use]
    pub fn new(root: &'r Root) -> Self {
        Self {
            sysfs: HostSysfs::new(root),
            netlink: Netlink::new(root),
            links: OnceCell::new(),
        }
    }

    /// What the host does with a VF, if anything.
    pub fn of(&self, vf: PciAddress) -> Result<Option<HostUse>, HostUseError> {
        let fail = |cause| HostUseError::Sysfs { vf, cause };
        if self.sysfs.has_hidden_netdev(vf).map_err(fail)? {
            return Ok(Some(HostUse::Namespace));
        }
        for netdev in self.sysfs.netdevs_of(vf).map_err(fail)? {
            if let Some(master) = self.sysfs.master(&netdev).map_err(fail)? {
                return Ok(Some(HostUse::Member(netdev, master)));
            }
            if let Some(upper) = self.sysfs.upper(&netdev).map_err(fail)? {
                return Ok(Some(HostUse::Below(netdev, upper)));
            }
            let Some(index) = self.sysfs.ifindex(&netdev).map_err(fail)? else {
                continue;
            };
            let links = self.links()?;
            if links.addressed.contains(&index) {
                return Ok(Some(HostUse::Address(netdev)));
            }
            if links.routed.contains(&index) {
                return Ok(Some(HostUse::Route(netdev)));
            }
        }
        Ok(None)
    }

    fn links(&self) -> Result<&HostLinks, NetlinkError> {
        if let Some(links) = self.links.get() {
            return Ok(links);
        }
        let links = HostLinks {
            addressed: self.netlink.addressed_links()?,
            routed: self.netlink.routed_links()?,
        };
        Ok(self.links.get_or_init(|| links))
    }
}
