//! A NIC, as the kernel shows it.

use std::collections::BTreeMap;

use hwaddr::{Guid, InterfaceName, IpoibAddress, MacAddress, PciAddress};
use serde::{Deserialize, Serialize};

use super::document::{optional_text, text};

/// All NICs of the machine in the order of (PCI address, port, name), the order of positions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The NICs that may be configured.
    pub nics: Vec<Nic>,
    /// The network devices that are not NICs, each with the reason.
    #[serde(default)]
    pub left_out: Vec<IgnoredDevice>,
    /// The network devices that may be NICs, but cannot be read.
    #[serde(default)]
    pub unreadable: Vec<Unreadable>,
    /// The indexes in `nics`, by name, for machines with many NICs.
    #[serde(skip)]
    places: BTreeMap<InterfaceName, usize>,
}

impl Inventory {
    /// An inventory in its order.
    #[must_use]
    pub fn new(
        mut nics: Vec<Nic>,
        left_out: Vec<IgnoredDevice>,
        unreadable: Vec<Unreadable>,
    ) -> Self {
        nics.sort_by(|a, b| a.order().cmp(&b.order()));
        let places = nics.iter().enumerate();
        let places = places
            .map(|(place, nic)| (nic.name.clone(), place))
            .collect();
        Self {
            nics,
            left_out,
            unreadable,
            places,
        }
    }

    /// Whether the device with this name cannot be read.
    #[must_use]
    pub fn is_unreadable(&self, name: &InterfaceName) -> bool {
        self.unreadable
            .iter()
            .any(|device| device.name == name.as_str())
    }

    /// The NIC of a name.
    #[must_use]
    pub fn by_name(&self, name: &InterfaceName) -> Option<&Nic> {
        self.nics.get(*self.places.get(name)?)
    }
}

/// A network device that is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredDevice {
    /// Its kernel name, escaped for printing.
    pub name: String,
    /// What it is instead: `a bridge`.
    pub reason: String,
}

/// A network device whose attributes cannot be read: it may be any NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// Its kernel name, escaped for printing.
    pub name: String,
    /// What cannot be read: `failed to read 'address': I/O error`.
    pub reason: String,
}

/// One NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// Its kernel name, for example `ibp0s5`.
    #[serde(with = "text")]
    pub name: InterfaceName,
    /// Its link layer and hardware address.
    pub link: Link,
    /// Its PCI function; `None` in containers and for some paravirtual NICs.
    #[serde(default, with = "optional_text")]
    pub pci: Option<PciAddress>,
    /// Its port on that function, from 0; not read unless several devices share the function.
    #[serde(default)]
    pub port: u32,
    /// The kernel driver, for example `mlx5_core`.
    #[serde(default)]
    pub driver: Option<String>,
    /// How the hardware address was chosen; always `Permanent` for InfiniBand.
    #[serde(default)]
    pub origin: AddressOrigin,
    /// Whether udev has finished with it (or does not run); before that its name may change.
    #[serde(skip, default = "is_ready")]
    pub ready: bool,
    /// The device that it is a port of, and that carries its addresses: a bond, a bridge, the master of a failover pair.
    #[serde(default)]
    pub master: Option<String>,
}

impl Nic {
    fn order(&self) -> (bool, Option<PciAddress>, u32, &InterfaceName) {
        (self.pci.is_none(), self.pci, self.port, &self.name)
    }

    /// The MAC of an Ethernet NIC.
    #[must_use]
    pub fn mac(&self) -> Option<MacAddress> {
        match self.link {
            Link::Ethernet(mac) => Some(mac),
            Link::Infiniband(_) => None,
        }
    }

    /// The port GUID of an InfiniBand NIC, if it has one.
    #[must_use]
    pub fn guid(&self) -> Option<Guid> {
        match &self.link {
            Link::Ethernet(_) => None,
            Link::Infiniband(address) => address.map(|address| address.port_guid()),
        }
    }

    /// Whether it is an InfiniBand port.
    #[must_use]
    pub fn is_infiniband(&self) -> bool {
        matches!(self.link, Link::Infiniband(_))
    }

    /// Whether it has a driver of virtual functions, so that it is not an emulated NIC.
    ///
    /// What the hypervisor emulates (virtio, rtl8139, e1000, vmxnet3, ...) is never driven by these.
    /// Vendors call their VF drivers `...vf`; the listed ones drive functions of both kinds.
    #[must_use]
    pub fn has_vf_driver(&self) -> bool {
        const BOTH_KINDS: [&str; 8] = [
            "mlx4_core",
            "mlx4_en",
            "mlx5_core",
            "bnxt_en",
            "qede",
            "ionic",
            "hinic",
            "funeth",
        ];
        self.driver
            .as_deref()
            .is_some_and(|driver| driver.ends_with("vf") || BOTH_KINDS.contains(&driver))
    }
}

/// The machine of a document has booted.
const fn is_ready() -> bool {
    true
}

/// The link layer of a NIC and its hardware address, which is 6 or 20 bytes and never the same type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// ARPHRD 1.
    Ethernet(#[serde(with = "text")] MacAddress),
    /// ARPHRD 32, a port and not a P_Key child. Without an address where its GUID is all zeroes or all ones: a VF
    /// whose card has none for it, or has taken it back.
    Infiniband(#[serde(with = "optional_text")] Option<IpoibAddress>),
}

impl Link {
    /// The hardware address, as the kernel prints it.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Ethernet(mac) => Some(mac.to_string()),
            Self::Infiniband(address) => address.map(|address| address.to_string()),
        }
    }
}

/// `addr_assign_type`: who chose the hardware address (`include/uapi/linux/netdevice.h`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressOrigin {
    /// 0: the hardware, or the hypervisor.
    #[default]
    Permanent,
    /// 1: random, chosen by the kernel.
    Random,
    /// 2: taken over from another device.
    Stolen,
    /// 3: set by a user or program.
    Set,
}
