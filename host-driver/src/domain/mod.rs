//! The domain that OpenNebula hands to `deploy`: reading it, and editing nothing but what changes.
//!
//! ```text
//! <interface type='bridge'>                 <hostdev mode='subsystem' type='pci' managed='yes'>
//!     <source bridge='sriov_ib0'/>              <source>
//!     <mac address='02:00:c0:a8:07:05'/>  ->        <address domain='0x0000' bus='0x81' .../>
//!     <target dev='one-7-0'/>                   </source>
//! </interface>                              </hostdev>
//! ```
//!
//! OpenNebula escapes nothing, writes several `<devices>`, and puts what users have in RAW in
//! between. So the text is read in one pass for where things stand, and changed there: every other
//! byte stays.

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

/// A domain, with the places of its parts.
#[derive(Debug)]
pub struct Domain<'x> {
    text: &'x str,
    name: Option<String>,
    uuid: Option<String>,
    interfaces: Vec<DomainInterface>,
    hostdevs: Vec<PciAddress>,
    memory_nodes: NodeSet,
    /// The last `<devices>`, if there is any.
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
    /// Where its first child element begins.
    child: Option<usize>,
    dropped: Vec<DroppedElement>,
}

/// Something that a NIC has and a VF cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DroppedElement {
    /// Limits of its bandwidth.
    Bandwidth,
    /// A filter of its packets: security groups, MAC and IP spoofing.
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

/// Why a NIC has no MAC to go by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// There is none.
    #[error("it has none")]
    Missing,
    /// It is none.
    #[error(transparent)]
    Invalid(#[from] AddressError),
}

impl DomainInterface {
    /// The bridge it is on.
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

    /// What is lost when it becomes a VF.
    #[must_use]
    pub fn dropped(&self) -> &[DroppedElement] {
        &self.dropped
    }
}

/// What becomes of one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceReplacement {
    /// Which of [`Domain::interfaces`].
    pub interface: usize,
    /// What takes its place.
    pub device: HostDevice,
    /// What identifies it in the guest.
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
        /// The MAC that it gets.
        mac: MacAddress,
        /// The VLAN that it gets.
        vlan: Option<u16>,
    },
}

impl HostDevice {
    /// The element by itself, which a running domain gets or loses; `guest` is where the guest sees it.
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
    /// The element by itself, which a running domain gets or loses; `model` is the NIC's in OpenNebula.
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

    /// Its UUID, which OpenNebula writes from 6.0 on.
    #[must_use]
    pub fn uuid(&self) -> Option<&str> {
        self.uuid.as_deref()
    }

    /// Its interfaces, in the order of the document, over all `<devices>`.
    #[must_use]
    pub fn interfaces(&self) -> &[DomainInterface] {
        &self.interfaces
    }

    /// The PCI devices of the host that it has already: OpenNebula has chosen them.
    #[must_use]
    pub fn hostdevs(&self) -> &[PciAddress] {
        &self.hostdevs
    }

    /// The NUMA nodes that its memory is pinned to: `<numatune>`.
    #[must_use]
    pub fn memory_nodes(&self) -> &NodeSet {
        &self.memory_nodes
    }

    /// The text with these interfaces handed over.
    #[must_use]
    pub fn edit(&self, replacements: &[DeviceReplacement]) -> Vec<u8> {
        edit::edit(self, replacements).into_bytes()
    }
}

#[cfg(test)]
mod tests;
