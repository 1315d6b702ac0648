//! The plan: the device of each NIC of the context, how it was found, and its configuration.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use hwaddr::{DummyMac, InterfaceName, Key};

use super::model::NicConfig;
use super::values::{BadValue, Origin};
use super::{NicId, Role};

/// Which variables configure which device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The NICs of the context.
    pub nics: Vec<PlannedNic>,
    /// The dummy NICs: markers that network stacks must leave unmanaged.
    pub dummies: Vec<DummyNic>,
    /// Notes for the user, in order.
    pub notes: Vec<String>,
    /// The expected NICs: positions without a device, and devices that udev has not finished.
    pub late: Vec<String>,
    /// The NICs of which nothing was found on this machine; they can appear only while udev is busy.
    pub missing: Vec<String>,
    /// Whether `NETWORK=NO` is set and the context describes no NIC: nothing is changed.
    pub network_off: bool,
    /// Whether one-context configures the other NICs.
    pub role: Role,
    /// Bad values that are not for a single NIC.
    pub bad_values: Vec<BadValue>,
    /// The keys of the context's NICs; `None` if the context does not reveal all of them.
    pub(super) keys: Option<BTreeSet<Key>>,
    /// Whether plain NICs get the address that their MAC encodes.
    pub(super) decodes_macs: bool,
}

impl Plan {
    /// Whether a NIC is refused, or a value is ignored.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        let is_partial = |nic: &PlannedNic| {
            matches!(nic.outcome, Outcome::Refused(_)) || !nic.bad_values.is_empty()
        };
        !self.bad_values.is_empty() || self.nics.iter().any(is_partial)
    }
}

/// One NIC of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNic {
    /// Identifies the NIC across runs.
    pub id: NicId,
    /// The prefixes of its variables, in order of precedence: `IB0`, `ETH1`.
    pub variables: Vec<String>,
    /// The position, if it is an SR-IOV NIC with a known one.
    pub position: Option<u8>,
    /// The device to write files for, and how it was found.
    pub device: Option<Device>,
    /// What happens to the NIC.
    pub outcome: Outcome,
    /// Where the values came from.
    pub origins: Vec<Origin>,
    /// Bad values that are ignored.
    pub bad_values: Vec<BadValue>,
}

impl PlannedNic {
    /// A NIC whose device has not been found yet.
    pub(super) fn new(id: NicId, variables: Vec<String>) -> Self {
        Self {
            id,
            variables,
            position: None,
            device: None,
            outcome: Outcome::Absent(String::new()),
            origins: Vec::new(),
            bad_values: Vec::new(),
        }
    }

    /// Records a value that is ignored.
    pub(super) fn leave_out(&mut self, value: Option<BadValue>) {
        if matches!(self.outcome, Outcome::Configure(_)) {
            self.bad_values.extend(value);
        }
    }

    /// The name of the NIC in messages: `ETH1`, `IB0`, `PCI0`, or its ID if no variable describes it.
    #[must_use]
    pub fn label(&self) -> Cow<'_, str> {
        let eth_or_pci = self
            .variables
            .iter()
            .find(|prefix| !prefix.starts_with("IB"));
        eth_or_pci
            .or(self.variables.first())
            .map_or_else(|| self.id.to_string().into(), Cow::from)
    }
}

/// The device of a NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its kernel name.
    pub name: InterfaceName,
    /// How it was found.
    pub matched_by: MatchedBy,
}

/// How a device was matched to a NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchedBy {
    /// Its MAC is `ETH<k>_MAC`.
    Mac,
    /// Its PCI address is `PCI<k>_ADDRESS`.
    Pci,
    /// Its port GUID contains the dummy MAC of the position.
    Guid(DummyMac),
    /// It is the N-th InfiniBand device (from 0) in PCI order, and N is the position.
    Order,
    /// There are as many open positions as unclaimed InfiniBand devices; they are paired in order.
    Rank,
    /// The device is missing; an earlier run wrote files for this name.
    Remembered,
    /// The device is missing; this is the name that the scripts of 2013 assumed.
    Assumed,
    /// Its MAC contains the address in `ETH<k>_IP` (contexts without `ETH<k>_MAC`).
    AddressInMac,
    /// Its name is `eth<k>` (contexts without `ETH<k>_MAC`).
    Name,
    /// Its MAC has OpenNebula's prefix, and no variable describes it.
    MacPrefix,
}

impl MatchedBy {
    /// Whether the device was found on this machine.
    #[must_use]
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Remembered | Self::Assumed)
    }

    /// A stable code, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Mac => "mac",
            Self::Pci => "pci",
            Self::Guid(_) => "guid",
            Self::Order => "order",
            Self::Rank => "rank",
            Self::Remembered => "remembered",
            Self::Assumed => "assumed",
            Self::AddressInMac => "address-in-mac",
            Self::Name => "name",
            Self::MacPrefix => "mac-prefix",
        }
    }
}

impl fmt::Display for MatchedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac => f.write_str("it has the MAC of the NIC"),
            Self::Pci => f.write_str("it has the PCI address of the NIC"),
            Self::Guid(dummy) => write!(f, "its port GUID carries the dummy MAC {dummy}"),
            Self::Order => f.write_str("its index in PCI order is the position"),
            Self::Rank => f.write_str(
                "there are as many InfiniBand devices as positions; they are paired in PCI order",
            ),
            Self::Remembered => {
                f.write_str("its device is missing; an earlier run wrote files for this name")
            }
            Self::Assumed => f.write_str(
                "its device has not appeared yet; the name is assumed from the position",
            ),
            Self::AddressInMac => f.write_str("its MAC contains the IPv4 address of the NIC"),
            Self::Name => f.write_str("it has the name of the NIC"),
            Self::MacPrefix => {
                f.write_str("no variable describes it, and its MAC has OpenNebula's prefix")
            }
        }
    }
}

/// What happens to a NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The files of the NIC are written.
    Configure(Box<NicConfig>),
    /// The NIC is deliberately not managed; the agent's files for it are removed.
    LeftAlone(String),
    /// The NIC cannot be configured now; existing files for it are kept.
    Absent(String),
    /// The NIC must not be configured, because the context or the machine is inconsistent.
    Refused(Vec<String>),
}

impl Outcome {
    pub(super) fn refused(problems: &[BadValue]) -> Self {
        Self::Refused(problems.iter().map(ToString::to_string).collect())
    }
}

/// A dummy NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DummyNic {
    /// Its kernel name.
    pub name: InterfaceName,
    /// Its MAC, which contains position and key.
    pub mac: DummyMac,
    /// Whether its name is final; until then, no file is written for it.
    pub ready: bool,
    /// Whether it only marks an Ethernet NIC, which is found by its own MAC.
    pub is_marker: bool,
}

impl DummyNic {
    /// Identifies the dummy NIC across runs.
    #[must_use]
    pub fn id(&self) -> NicId {
        NicId::Dummy(self.mac)
    }
}
