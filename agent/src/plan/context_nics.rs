//! The NICs that a context describes, regardless of devices.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use hwaddr::{Key, MacAddress, PciAddress};

use super::NicId;
use super::port_number::PortNumber;
use super::values::BadValue;
use crate::context::Context;

/// The NICs of a context, by the number in their variable names.
#[derive(Debug, Default)]
pub(super) struct ContextNics {
    /// `ETH<k>_*`.
    pub(super) eth: BTreeMap<u32, EthNic>,
    /// `PCI<k>_*`.
    pub(super) pci: BTreeMap<u32, ContextPciNic>,
    /// `IB<N>_*`.
    pub(super) ib: BTreeMap<u32, IbNic>,
    /// Whether any `ETH<k>_MAC` is set; before OpenNebula 4.14, none is.
    pub(super) has_macs: bool,
    /// The NICs by the key in their MAC or, in contexts without MACs, in their IPv4 address.
    by_key: BTreeMap<Key, Vec<u32>>,
}

/// A NIC of the context, from `ETH<k>_*`.
#[derive(Debug, Default)]
pub(super) struct EthNic {
    pub(super) mac: Option<MacAddress>,
    pub(super) bad_mac: Option<BadValue>,
    pub(super) ip: Option<Ipv4Addr>,
    pub(super) aliases: BTreeSet<u32>,
}

/// A PCI device of the context; it need not be a NIC.
#[derive(Debug, Default)]
pub(super) struct ContextPciNic {
    pub(super) address: Option<PciAddress>,
    pub(super) bad_address: Option<BadValue>,
    /// Whether any variable besides the address is set, which makes it a NIC.
    pub(super) is_nic: bool,
    pub(super) mac: Option<MacAddress>,
    pub(super) port: PortChoice,
}

/// The NIC at a position, from `IB<N>_*`.
#[derive(Debug, Default)]
pub(super) struct IbNic {
    pub(super) port: PortChoice,
}

/// The port that a NIC uses on its PCI function.
#[derive(Debug, Default)]
pub(super) struct PortChoice {
    pub(super) number: Option<PortNumber>,
    pub(super) bad: Option<BadValue>,
}

impl PortChoice {
    fn read(name: &str, value: &[u8]) -> Self {
        match BadValue::parse(name, value, "is not a port: expected 1 to 254") {
            Ok(number) => Self {
                number: Some(number),
                bad: None,
            },
            Err(problem) => Self {
                number: None,
                bad: Some(problem),
            },
        }
    }
}

impl ContextNics {
    pub(super) fn read(context: &Context) -> Self {
        let mut described = Self::default();
        for (name, value) in context.iter() {
            let Some((family, number, alias, rest)) = split(name) else {
                continue;
            };
            match family {
                "ETH" => {
                    let nic = described.eth.entry(number).or_default();
                    match (alias, rest) {
                        (Some(alias), _) => {
                            nic.aliases.insert(alias);
                        }
                        (None, "MAC") => {
                            described.has_macs = true;
                            match BadValue::parse(name, value, "is not a MAC address") {
                                Ok(mac) => nic.mac = Some(mac),
                                Err(problem) => nic.bad_mac = Some(problem),
                            }
                        }
                        (None, "IP") => nic.ip = BadValue::parse(name, value, "").ok(),
                        _ => {}
                    }
                }
                "PCI" => {
                    let nic = described.pci.entry(number).or_default();
                    nic.is_nic |= rest != "ADDRESS";
                    match rest {
                        "ADDRESS" => match BadValue::parse(name, value, "is not a PCI address") {
                            Ok(address) => nic.address = Some(address),
                            Err(problem) => nic.bad_address = Some(problem),
                        },
                        // The MAC is only used if no device has the address.
                        "MAC" => nic.mac = BadValue::parse(name, value, "").ok(),
                        "PORT" => nic.port = PortChoice::read(name, value),
                        _ => {}
                    }
                }
                _ => {
                    let nic = described.ib.entry(number).or_default();
                    if rest == "PORT" {
                        nic.port = PortChoice::read(name, value);
                    }
                }
            }
        }
        for (&index, nic) in &described.eth {
            let by_mac = nic.mac.map(Key::from);
            let by_address = nic.ip.map(Key::from);
            let key = if described.has_macs {
                by_mac
            } else {
                by_address
            };
            if let Some(key) = key {
                described.by_key.entry(key).or_default().push(index);
            }
        }
        described
    }

    /// Whether the context describes any NIC at all.
    pub(super) fn describes_nics(&self) -> bool {
        !self.eth.is_empty() || !self.ib.is_empty() || self.pci.values().any(|nic| nic.is_nic)
    }

    /// Whether an OpenNebula release before 4.14 wrote the context: it sets no `ETH<k>_MAC`, and the releases from 5.0 on
    /// describe PCI devices. In a context without NICs, only the quotes reveal the release, and only 4.0.
    pub(super) fn is_before_4_14(&self, context: &Context) -> bool {
        let is_old = !self.eth.is_empty() || context.is_of_opennebula_4_0();
        is_old && !self.has_macs && self.pci.is_empty()
    }

    pub(super) fn port_of(&self, position: u8) -> Option<PortNumber> {
        self.ib.get(&u32::from(position))?.port.number
    }

    pub(super) fn with_key(&self, key: Key) -> &[u32] {
        self.by_key.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The keys of all NICs, if the context reveals them: it sets `ETH<k>_MAC`, and every MAC is valid.
    pub(super) fn keys(&self) -> Option<BTreeSet<Key>> {
        let is_whole = self.has_macs && self.eth.values().all(|nic| nic.bad_mac.is_none());
        is_whole.then(|| self.by_key.keys().copied().collect())
    }

    /// Whether a dummy MAC or GUID with this key may belong to this VM.
    pub(super) fn may_have_key(&self, key: Key) -> bool {
        !self.has_macs || self.by_key.contains_key(&key)
    }

    /// Whether a NIC of the context has exactly this MAC.
    pub(super) fn has_mac(&self, mac: MacAddress) -> bool {
        let of_key = self.by_key.get(&Key::from(mac));
        let has_it = |index: &u32| self.eth.get(index).is_some_and(|nic| nic.mac == Some(mac));
        of_key.is_some_and(|indices| indices.iter().any(has_it))
    }

    /// Whether the PCI address belongs to a NIC, `PCI<k>_*`.
    pub(super) fn has_pci_nic(&self, address: Option<PciAddress>) -> bool {
        let is_it = |nic: &ContextPciNic| nic.is_nic && nic.address == address;
        address.is_some() && self.pci.values().any(is_it)
    }

    /// Whether the PCI address belongs to any PCI device of the context, NIC or not.
    pub(super) fn has_pci_device(&self, address: Option<PciAddress>) -> bool {
        address.is_some() && self.pci.values().any(|nic| nic.address == address)
    }

    pub(super) fn eth_id(&self, index: u32) -> NicId {
        NicId::Eth(index, self.eth.get(&index).and_then(|nic| nic.mac))
    }
}

fn split(name: &str) -> Option<(&str, u32, Option<u32>, &str)> {
    let family = ["ETH", "PCI", "IB"]
        .into_iter()
        .find(|family| name.starts_with(family))?;
    let (number, rest) = number(&name[family.len()..])?;
    let rest = rest.strip_prefix('_')?;
    let (alias, rest) = match rest.strip_prefix("ALIAS").and_then(self::number) {
        Some((alias, rest)) => (Some(alias), rest.strip_prefix('_')?),
        None => (None, rest),
    };
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (!rest.is_empty() && rest.bytes().all(is_plain)).then_some((family, number, alias, rest))
}

fn number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let is_canonical = (1..=4).contains(&digits) && (digits == 1 || !number.starts_with('0'));
    is_canonical.then_some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nic_variables_are_split_and_all_others_ignored() {
        let table = [
            ("ETH1_IP", Some(("ETH", 1, None, "IP"))),
            (
                "ETH10_ALIAS2_IP6_PREFIX_LENGTH",
                Some(("ETH", 10, Some(2), "IP6_PREFIX_LENGTH")),
            ),
            ("PCI0_ADDRESS", Some(("PCI", 0, None, "ADDRESS"))),
            ("IB255_MASK", Some(("IB", 255, None, "MASK"))),
            ("ETH01_IP", None),
            ("ETH_IP", None),
            ("ETH1", None),
            ("ETH1_", None),
            ("ETH999999_IP", None),
            ("XETH1_IP", None),
            ("eth1_ip", None),
            ("NETWORK", None),
        ];
        for (name, expected) in table {
            assert_eq!(split(name), expected, "{name}");
        }
    }
}
