//! Every value of every type is parsed correctly from each of its spellings.
#![allow(clippy::unwrap_used)]

use std::fmt::{Debug, Display};
use std::net::Ipv4Addr;
use std::str::FromStr;

use hwaddr::{
    AddressError, DummyMac, DummyPrefix, Guid, InterfaceName, IpoibAddress, Key, MacAddress,
    PciAddress, Pkey,
};
use proptest::prelude::*;

/// Writes `octets` as hexadecimal digits, in groups of `width` octets.
fn spell(octets: &[u8], width: usize, separator: &str) -> String {
    let groups: Vec<String> = octets
        .chunks(width)
        .map(|group| {
            let digits: Vec<String> = group.iter().map(|octet| format!("{octet:02x}")).collect();
            digits.concat()
        })
        .collect();
    groups.join(separator)
}

/// Checks that each text, in lower, upper and mixed case, parses as `value`, and that `value` displays as `canonical`.
fn reads_as<T>(value: &T, canonical: &str, texts: &[String]) -> Result<(), TestCaseError>
where
    T: FromStr<Err = AddressError> + Display + Debug + PartialEq,
{
    prop_assert_eq!(value.to_string(), canonical);
    for text in texts.iter().map(String::as_str).chain([canonical]) {
        for text in [
            text.to_owned(),
            text.to_lowercase(),
            digits_upper(text),
            mixed(text),
        ] {
            let read = text.parse::<T>();
            prop_assert_eq!(read.as_ref(), Ok(value), "{}", text);
        }
    }
    Ok(())
}

/// Converts only the digits to upper case: the `x` of `0x` and `pci_` are not digits.
fn digits_upper(text: &str) -> String {
    let (head, tail) = text.split_at(if text.starts_with("pci_") { 4 } else { 0 });
    head.to_owned() + &tail.to_uppercase().replace("0X", "0x")
}

/// Converts every other digit to upper case.
fn mixed(text: &str) -> String {
    let (head, tail) = text.split_at(if text.starts_with("pci_") { 4 } else { 0 });
    let tail = tail.chars().enumerate().map(|(place, character)| {
        if place % 2 == 0 {
            character.to_ascii_uppercase()
        } else {
            character
        }
    });
    head.chars().chain(tail).collect()
}

fn mac() -> impl Strategy<Value = MacAddress> {
    any::<[u8; 6]>().prop_filter_map("an address of a NIC", |mut octets| {
        octets[0] &= 0xfe;
        MacAddress::try_from(octets).ok()
    })
}

fn prefix() -> impl Strategy<Value = DummyPrefix> {
    // 06, 0a, ..., fa: locally administered, without 02 and fe.
    (1..63_u8).prop_map(|number| DummyPrefix::new(number << 2 | 0b10).unwrap())
}

fn dummy() -> impl Strategy<Value = DummyMac> {
    (prefix(), any::<u8>(), any::<[u8; 4]>())
        .prop_map(|(prefix, position, key)| DummyMac::new(prefix, position, Key::from(key)))
}

fn guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 8]>().prop_filter_map("a GUID", |octets| Guid::try_from(octets).ok())
}

fn pci() -> impl Strategy<Value = PciAddress> {
    let domain = prop_oneof![Just(0), 0..=0xffff_u32, any::<u32>()];
    (domain, any::<u8>(), 0..=31_u8, 0..=7_u8).prop_map(|(domain, bus, slot, function)| {
        PciAddress::new(domain, bus, slot, function).unwrap()
    })
}

proptest! {
    #[test]
    fn mac_address(mac in mac()) {
        let octets = mac.octets();
        let short = octets.map(|octet| format!("{octet:x}")).join(":");
        reads_as(&mac, &spell(&octets, 1, ":"), &[
            short,
            spell(&octets, 1, "-"),
            spell(&octets, 2, "."),
            spell(&octets, 6, ""),
        ])?;
        prop_assert_eq!(MacAddress::try_from(octets), Ok(mac));
    }

    #[test]
    fn mac_addresses_are_valid_as_in_the_kernel(octets: [u8; 6]) {
        let valid = octets != [0; 6] && octets[0] & 1 == 0;
        prop_assert_eq!(MacAddress::try_from(octets).is_ok(), valid);
    }

    #[test]
    fn guid_spellings(guid in guid()) {
        let octets = guid.octets();
        let bare = spell(&octets, 8, "");
        reads_as(&guid, &spell(&octets, 1, ":"), &[
            spell(&octets, 2, ":"),
            format!("0x{bare}"),
            bare,
        ])?;
        prop_assert_eq!(Guid::try_from(octets), Ok(guid));
    }

    #[test]
    fn ipoib_address(front: [u8; 12], guid in guid()) {
        let mut octets = [0; 20];
        octets[..12].copy_from_slice(&front);
        octets[12..].copy_from_slice(&guid.octets());
        let address = IpoibAddress::try_from(octets).unwrap();
        reads_as(&address, &spell(&octets, 1, ":"), &[spell(&octets, 1, "-")])?;
        prop_assert_eq!(address.octets(), octets);
        prop_assert_eq!(address.port_guid(), guid);
        prop_assert_eq!(address.subnet_prefix(), &octets[4..12]);
        prop_assert_eq!(&address.queue_pair().to_be_bytes()[1..], &octets[1..4]);
    }

    #[test]
    fn pci_address(pci in pci()) {
        let (domain, bus, slot) = (pci.domain(), pci.bus(), pci.slot());
        let function = pci.function();
        let mut texts = vec![
            format!("{domain:04x}:{bus:02x}:{slot:02x}:{function}"),
            format!("pci_{domain:04x}_{bus:02x}_{slot:02x}_{function}"),
            format!("0x{domain:04x} 0x{bus:02x} 0x{slot:02x} 0x{function:02x}"),
        ];
        if domain == 0 {
            texts.push(format!("{bus:02x}:{slot:02x}.{function}"));
            texts.push(format!("0x{bus:02x} 0x{slot:02x} 0x{function:02x}"));
        }
        let canonical = format!("{domain:04x}:{bus:02x}:{slot:02x}.{function}");
        reads_as(&pci, &canonical, &texts)?;
        let attributes = (
            format!("0x{domain:04x}"),
            format!("0x{bus:02x}"),
            format!("0x{slot:02x}"),
            format!("0x{function:x}"),
        );
        prop_assert_eq!(
            PciAddress::from_libvirt(&attributes.0, &attributes.1, &attributes.2, &attributes.3),
            Ok(pci)
        );
    }

    #[test]
    fn pci_addresses_sort_by_their_numbers(one in pci(), other in pci()) {
        let numbers = |pci: PciAddress| (pci.domain(), pci.bus(), pci.slot(), pci.function());
        prop_assert_eq!(one.cmp(&other), numbers(one).cmp(&numbers(other)));
    }

    #[test]
    fn a_number_without_0x_is_the_same_in_every_base(text in "[0-9]{1,6}") {
        if let Ok(pci) = PciAddress::from_libvirt(&text, "0", "0", "0") {
            for radix in [10, 16] {
                prop_assert_eq!(u32::from_str_radix(&text, radix), Ok(pci.domain()));
            }
            if text.len() > 1 {
                prop_assert_eq!(u32::from_str_radix(&text, 8), Ok(pci.domain()));
            }
        }
    }

    #[test]
    fn key(octets: [u8; 4]) {
        let key = Key::from(octets);
        reads_as(&key, &spell(&octets, 1, ":"), &[])?;
        prop_assert_eq!(key.octets(), octets);
        prop_assert_eq!(key.ipv4(), Ipv4Addr::from(octets));
        prop_assert_eq!(Key::from(key.ipv4()), key);
    }

    #[test]
    fn dummy_mac(dummy in dummy(), lead: [u8; 2]) {
        let mac = dummy.mac();
        let octets = mac.octets();
        reads_as(&dummy, &mac.to_string(), &[
            spell(&octets, 1, "-"),
            spell(&octets, 2, "."),
            spell(&octets, 6, ""),
        ])?;
        prop_assert_eq!(MacAddress::try_from(octets), Ok(mac));
        prop_assert_eq!(DummyMac::from_mac(mac, dummy.prefix()), Some(dummy));
        prop_assert_eq!(Key::from(mac), dummy.key());

        let guid = dummy.port_guid(lead);
        prop_assert_eq!(Guid::try_from(guid.octets()), Ok(guid));
        prop_assert_eq!(&guid.octets()[..2], lead);
        prop_assert_eq!(&guid.octets()[2..], octets);
        prop_assert_eq!(DummyMac::from_guid(guid, dummy.prefix()), Some(dummy));
    }

    #[test]
    fn dummy_macs_sort_as_their_macs(one in dummy(), other in dummy()) {
        prop_assert_eq!(one.cmp(&other), one.mac().cmp(&other.mac()));
    }

    #[test]
    fn dummy_prefix(prefix in prefix()) {
        let canonical = format!("{:02x}", prefix.octet());
        reads_as(&prefix, &canonical, &[format!("0x{canonical}")])?;
        prop_assert_eq!(DummyPrefix::new(prefix.octet()), Ok(prefix));
    }

    #[test]
    fn pkey(bits in any::<u16>().prop_filter("a partition", |bits| bits & 0x7fff != 0)) {
        let pkey = Pkey::new(bits).unwrap();
        reads_as(&pkey, &format!("0x{bits:04x}"), &[format!("{bits}"), format!("0x{bits:x}")])?;
        prop_assert_eq!(Pkey::from_hex(&format!("{bits:04X}")), Ok(pkey));
        prop_assert_eq!(pkey.bits(), bits);
        prop_assert_eq!(pkey.partition() | pkey.bits() & 0x8000, bits);
        prop_assert_eq!(pkey.full_member().bits(), bits | 0x8000);
    }

    #[test]
    fn interface_name(text in "[a-zA-Z_][a-zA-Z0-9_.-]{0,14}") {
        let name: InterfaceName = text.parse().unwrap();
        prop_assert_eq!(name.as_str(), &text);
        prop_assert_eq!(name.to_string().parse(), Ok(name));
    }
}
