//! VFs that the host itself uses.
//!
//! The host uses a VF if one of its netdevs has a route or an address that is not link-local, belongs to a bridge or a bond, has
//! a VLAN or macvtap on top, or is in another network namespace, such as a container's. A link-local address or an attempt at
//! DHCP does not count: NetworkManager does that to every new netdev.
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

/// How the host uses a VF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostUse {
    /// Its netdev has an address.
    Address(InterfaceName),
    /// Its netdev has a route.
    Route(InterfaceName),
    /// Its netdev belongs to another one, such as a bridge.
    Member(InterfaceName, String),
    /// Its network device is in another network namespace.
    Namespace,
    /// Another network device is on top of its netdev.
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

/// Why the check whether the host uses a VF failed.
#[derive(Debug, thiserror::Error)]
pub enum HostUseError {
    /// sysfs cannot be read.
    #[error("failed to read VF '{vf}': {cause}")]
    Sysfs {
        /// The VF.
        vf: PciAddress,
        /// The system's error.
        cause: io::Error,
    },
    /// The kernel does not report its addresses or routes.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// The addresses and routes of the host, read once, and only if a VF has a netdev.
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
    /// Creates the check for the host below this root.
    #[must_use]
    pub fn new(root: &'r Root) -> Self {
        Self {
            sysfs: HostSysfs::new(root),
            netlink: Netlink::new(root),
            links: OnceCell::new(),
        }
    }

    /// Returns how the host uses a VF, if at all.
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
