//! The ID of a NIC of the context, by which a run recognizes files that an earlier run wrote for the same NIC.

use std::fmt;
use std::str::FromStr;

use hwaddr::{DummyMac, Key, MacAddress, PciAddress};
use serde::{Deserialize, Serialize};

/// A NIC as the context identifies it, whatever the name of its device.
///
/// ```text
/// ETH1/02:00:c0:a8:07:05   a NIC of a context with ETH<k>_MAC
/// ETH1                     a NIC of a context before OpenNebula 4.14
/// PCI0/0000:01:01.0        a PCI NIC
/// IB3/c0:a8:07:05          position 3, known only from a dummy MAC or GUID
/// MAC/02:00:c0:a8:07:05    an Ethernet NIC that no variable describes
/// DUMMY/aa:01:c0:a8:07:05  a dummy NIC
/// DNS                      not a NIC: the file with the name servers of all NICs
/// CLOUD-INIT               not a NIC: the file that disables cloud-init's network configuration
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum NicId {
    /// `ETH<k>`, with its MAC if the context has a valid one.
    Eth(u32, Option<MacAddress>),
    /// `PCI<k>`, with its address if the context has a valid one.
    Pci(u32, Option<PciAddress>),
    /// A position, with its key.
    Ib(u8, Key),
    /// A MAC with OpenNebula's prefix.
    Mac(MacAddress),
    /// A dummy NIC.
    Dummy(DummyMac),
    /// The name servers of all NICs.
    NameServers,
    /// The file for cloud-init.
    CloudInit,
}

impl NicId {
    /// Whether a network stack brings the NIC up: neither a dummy NIC, nor a file for the whole machine.
    #[must_use]
    pub const fn is_nic(&self) -> bool {
        !matches!(self, Self::Dummy(_)) && !self.is_of_machine()
    }

    /// Whether the ID is that of a file for the whole machine, without a device to load.
    #[must_use]
    pub const fn is_of_machine(&self) -> bool {
        matches!(self, Self::NameServers | Self::CloudInit)
    }

    /// The MAC of the NIC in the context.
    #[must_use]
    pub const fn mac(&self) -> Option<MacAddress> {
        match self {
            Self::Eth(_, mac) => *mac,
            _ => None,
        }
    }

    /// Whether both IDs are of the same NIC, even if a bad value changed one of them.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self == other || *self == other.bare() || self.bare() == *other
    }

    /// The ID that the NIC has if its address is invalid.
    pub(super) const fn bare(&self) -> Self {
        match self {
            Self::Eth(index, _) => Self::Eth(*index, None),
            Self::Pci(index, _) => Self::Pci(*index, None),
            _ => *self,
        }
    }
}

impl fmt::Display for NicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eth(index, None) => write!(f, "ETH{index}"),
            Self::Eth(index, Some(mac)) => write!(f, "ETH{index}/{mac}"),
            Self::Pci(index, None) => write!(f, "PCI{index}"),
            Self::Pci(index, Some(address)) => write!(f, "PCI{index}/{address}"),
            Self::Ib(number, key) => write!(f, "IB{number}/{key}"),
            Self::Mac(mac) => write!(f, "MAC/{mac}"),
            Self::Dummy(mac) => write!(f, "DUMMY/{mac}"),
            Self::NameServers => f.write_str("DNS"),
            Self::CloudInit => f.write_str("CLOUD-INIT"),
        }
    }
}

impl From<NicId> for String {
    fn from(id: NicId) -> Self {
        id.to_string()
    }
}

/// Why a text is not the ID of a NIC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not the id of a NIC", .0.escape_debug())]
pub struct BadNicId(String);

impl FromStr for NicId {
    type Err = BadNicId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = text.split_once('/').unwrap_or((text, ""));
        let (family, number) =
            kind.split_at(kind.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        let (index, number) = (number.parse().ok(), number.parse().ok());
        let id = match family {
            "ETH" => index.map(|index| Self::Eth(index, rest.parse().ok())),
            "PCI" => index.map(|index| Self::Pci(index, rest.parse().ok())),
            "IB" => number
                .zip(rest.parse().ok())
                .map(|(number, key)| Self::Ib(number, key)),
            "MAC" => rest.parse().ok().map(Self::Mac),
            "DUMMY" => rest.parse().ok().map(Self::Dummy),
            "DNS" => Some(Self::NameServers),
            "CLOUD-INIT" => Some(Self::CloudInit),
            _ => None,
        };
        // Only the canonical text is accepted.
        id.filter(|id| id.to_string() == text)
            .ok_or_else(|| BadNicId(text.to_owned()))
    }
}

impl TryFrom<String> for NicId {
    type Error = BadNicId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_id_is_read_as_it_is_written() {
        for text in [
            "ETH1/02:00:c0:a8:07:05",
            "ETH1",
            "PCI0/0000:01:01.0",
            "PCI12",
            "IB3/c0:a8:07:05",
            "MAC/02:00:c0:a8:07:05",
            "DUMMY/aa:01:c0:a8:07:05",
            "DNS",
            "CLOUD-INIT",
        ] {
            let id: NicId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(serde_json::to_value(id).unwrap(), text);
            assert_eq!(serde_json::from_value::<NicId>(text.into()).unwrap(), id);
        }
        for text in [
            "",
            "ETH",
            "ETH01",
            "ETH1/",
            "ETH1/02:00",
            "IB3",
            "IB256/c0:a8:07:05",
            "DNS/",
            "DNS1",
            "WLAN0",
        ] {
            assert!(text.parse::<NicId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_without_its_address_is_the_same_nic() {
        let id = |text: &str| text.parse::<NicId>().unwrap();
        let with_mac = id("ETH1/02:00:c0:a8:07:05");
        assert!(with_mac.is_same(&with_mac) && with_mac.is_same(&id("ETH1")));
        assert!(id("PCI1").is_same(&id("PCI1/0000:01:01.0")));
        for other in ["ETH2", "PCI1", "ETH1/02:00:c0:a8:07:06"] {
            assert!(!with_mac.is_same(&id(other)), "{other}");
        }
    }
}
