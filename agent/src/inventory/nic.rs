//! A NIC, as the kernel reports it.

use std::collections::BTreeMap;

use hwaddr::{Guid, InterfaceName, IpoibAddress, MacAddress, PciAddress};
use serde::{Deserialize, Serialize};

use super::document::{optional_text, text};

/// All NICs of the machine, ordered by PCI address, port and name; this order defines their positions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The NICs that may be configured.
    pub nics: Vec<Nic>,
    /// The network devices that are not NICs, with the reasons.
    #[serde(default)]
    pub left_out: Vec<IgnoredDevice>,
    /// The network devices that may be NICs, but whose attributes cannot be read.
    #[serde(default)]
    pub unreadable: Vec<Unreadable>,
    /// The index in `nics` of each name, for machines with many NICs.
    #[serde(skip)]
    places: BTreeMap<InterfaceName, usize>,
}

impl Inventory {
    /// Creates an inventory, sorting the NICs.
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

    /// Returns the NIC with this name.
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

/// A network device whose attributes cannot be read, so it may be any NIC.
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
    /// Its PCI function; `None` in containers and for some paravirtualized NICs.
    #[serde(default, with = "optional_text")]
    pub pci: Option<PciAddress>,
    /// Its port on the PCI function, from 0; only read if several devices share the function.
    #[serde(default)]
    pub port: u32,
    /// The kernel driver, for example `mlx5_core`.
    #[serde(default)]
    pub driver: Option<String>,
    /// How the hardware address was chosen; always `Permanent` for InfiniBand.
    #[serde(default)]
    pub origin: AddressOrigin,
    /// Whether udev has finished the device (or does not run); until then its name may change.
    #[serde(skip, default = "is_ready")]
    pub ready: bool,
    /// The device that the NIC is a port of and that carries its addresses: a bond, a bridge, the master of a failover pair.
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

    /// Whether the NIC is an InfiniBand port.
    #[must_use]
    pub fn is_infiniband(&self) -> bool {
        matches!(self.link, Link::Infiniband(_))
    }

    /// Whether the driver is one for virtual functions, so that the NIC is not emulated.
    ///
    /// Emulated NICs (virtio, rtl8139, e1000, vmxnet3, ...) never use these drivers. Vendors call their VF drivers `...vf`; the
    /// listed ones drive both physical and virtual functions.
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

/// In a document, all devices count as ready: that machine has booted.
const fn is_ready() -> bool {
    true
}

/// The link layer and hardware address of a NIC: 6 bytes for Ethernet, 20 for InfiniBand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// ARPHRD 1.
    Ethernet(#[serde(with = "text")] MacAddress),
    /// ARPHRD 32, a port and not a P_Key child. Without an address if the GUID is all zeros or all ones: the card has set no
    /// GUID for the VF, or has withdrawn it.
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
    /// 0: by the hardware or the hypervisor.
    #[default]
    Permanent,
    /// 1: at random, by the kernel.
    Random,
    /// 2: copied from another device.
    Stolen,
    /// 3: by a user or program.
    Set,
}
