//! Reads and edits the domain that OpenNebula passes to `deploy`.
//!
//! ```text
//! <interface type='bridge'>                 <hostdev mode='subsystem' type='pci' managed='yes'>
//!     <source bridge='sriov_ib0'/>              <source>
//!     <mac address='02:00:c0:a8:07:05'/>  ->        <address domain='0x0000' bus='0x81' .../>
//!     <target dev='one-7-0'/>                   </source>
//! </interface>                              </hostdev>
//! ```
//!
//! OpenNebula does not escape text, writes several `<devices>`, and inserts users' RAW text. So one pass finds the byte ranges of
//! the elements, and only these are changed: every other byte stays.

mod edit;
mod read;

use std::fmt;
use std::ops::Range;

use hwaddr::{AddressError, DummyMac, MacAddress, PciAddress};

use crate::numa::NodeSet;
use crate::xml::XmlError;

/// Why a domain cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the domain: {0}")]
pub struct DomainError(#[from] XmlError);

/// A domain, with the byte ranges of its parts.
#[derive(Debug)]
pub struct Domain<'x> {
    text: &'x str,
    name: Option<String>,
    uuid: Option<String>,
    interfaces: Vec<DomainInterface>,
    hostdevs: Vec<PciAddress>,
    memory_nodes: NodeSet,
    /// The last `<devices>`.
    devices: Option<Devices>,
}

/// An element `<devices>` below `<domain>`.
#[derive(Debug, Clone)]
struct Devices {
    start: Range<usize>,
    /// Empty for `<devices/>`.
    end: Range<usize>,
}

/// An element `<interface>` below `<devices>`.
#[derive(Debug, Clone, Default)]
pub struct DomainInterface {
    place: Range<usize>,
    bridge: Option<String>,
    mac: Option<String>,
    boot: Option<Range<usize>>,
    address: Option<Range<usize>>,
    virtualport: Option<Range<usize>>,
    model: Option<Range<usize>>,
    /// The start of its first child element.
    child: Option<usize>,
    dropped: Vec<DroppedElement>,
}

/// A setting of a NIC that a VF does not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DroppedElement {
    /// Bandwidth limits.
    Bandwidth,
    /// A packet filter: security groups, MAC and IP spoofing.
    FilterRef,
    /// A script.
    Script,
}

impl fmt::Display for DroppedElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bandwidth => "bandwidth",
            Self::FilterRef => "filterref",
            Self::Script => "script",
        })
    }
}

/// Why a NIC has no valid MAC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// The NIC has no MAC.
    #[error("it has none")]
    Missing,
    /// The MAC is invalid.
    #[error(transparent)]
    Invalid(#[from] AddressError),
}

impl DomainInterface {
    /// Its bridge.
    #[must_use]
    pub fn bridge(&self) -> Option<&str> {
        self.bridge.as_deref()
    }

    /// Its MAC.
    pub fn mac(&self) -> Result<MacAddress, MacError> {
        let mac = self.mac.as_deref().ok_or(MacError::Missing)?;
        Ok(mac.parse::<MacAddress>()?)
    }

    /// Whether it has a `<virtualport>`, as on Open vSwitch.
    #[must_use]
    pub fn has_virtualport(&self) -> bool {
        self.virtualport.is_some()
    }

    /// Its settings that a VF does not support.
    #[must_use]
    pub fn dropped(&self) -> &[DroppedElement] {
        &self.dropped
    }
}

/// The replacement of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceReplacement {
    /// Its index in [`Domain::interfaces`].
    pub interface: usize,
    /// The device that replaces it.
    pub device: HostDevice,
    /// The dummy NIC that identifies it in the guest.
    pub dummy: Option<DummyInterface>,
}

/// A VF in a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostDevice {
    /// `<hostdev mode='subsystem' type='pci' managed='yes'>`
    Plain {
        /// The VF.
        address: PciAddress,
    },
    /// `<interface type='hostdev' managed='yes'>`: libvirt sets MAC and VLAN.
    Network {
        /// The VF.
        address: PciAddress,
        /// Its new MAC.
        mac: MacAddress,
        /// Its new VLAN.
        vlan: Option<u16>,
    },
}

impl HostDevice {
    /// Returns the element for a running domain. `guest` is the address of the device in the guest.
    #[must_use]
    pub fn element(&self, guest: Option<PciAddress>) -> String {
        edit::device_element(self, guest)
    }
}

/// The NIC whose MAC identifies a VF in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DummyInterface {
    /// Its bridge.
    pub bridge: String,
    /// Its MAC.
    pub mac: DummyMac,
}

impl DummyInterface {
    /// Returns the element for a running domain. `model` is the model of the NIC in OpenNebula.
    #[must_use]
    pub fn element(&self, is_open_vswitch: bool, model: Option<&str>) -> String {
        edit::dummy_element(self, is_open_vswitch, model)
    }
}

impl<'x> Domain<'x> {
    /// Reads a domain.
    pub fn read(text: &'x [u8]) -> Result<Self, DomainError> {
        Ok(read::read(text)?)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its UUID, which OpenNebula writes since 6.0.
    #[must_use]
    pub fn uuid(&self) -> Option<&str> {
        self.uuid.as_deref()
    }

    /// Its interfaces in all `<devices>`, in document order.
    #[must_use]
    pub fn interfaces(&self) -> &[DomainInterface] {
        &self.interfaces
    }

    /// The PCI devices that OpenNebula has chosen for it.
    #[must_use]
    pub fn hostdevs(&self) -> &[PciAddress] {
        &self.hostdevs
    }

    /// The NUMA nodes that its memory is pinned to: `<numatune>`.
    #[must_use]
    pub fn memory_nodes(&self) -> &NodeSet {
        &self.memory_nodes
    }

    /// Returns the text with these interfaces replaced.
    #[must_use]
    pub fn edit(&self, replacements: &[DeviceReplacement]) -> Vec<u8> {
        edit::edit(self, replacements).into_bytes()
    }
}

#[cfg(test)]
mod tests;
