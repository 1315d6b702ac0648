#![allow(clippy::unwrap_used)]

use super::*;

fn address(domain: u32, bus: u8, slot: u8, function: u8) -> PciAddress {
    PciAddress::new(domain, bus, slot, function).unwrap()
}

fn is_malformed(result: &Result<PciAddress, AddressError>) -> bool {
    matches!(result, Err(AddressError::Malformed { .. }))
}

#[test]
fn every_spelling_is_read() {
    for (text, expected) in [
        ("0000:81:00.2", address(0, 0x81, 0, 2)),
        ("0000:E1:1F.7", address(0, 0xe1, 0x1f, 7)),
        ("10000:e1:00.0", address(0x10000, 0xe1, 0, 0)),
        ("ffffffff:ff:1f.7", address(u32::MAX, 0xff, 0x1f, 7)),
        ("81:00.2", address(0, 0x81, 0, 2)),
        ("01:01.0", address(0, 1, 1, 0)),
        ("0000:81:00:2", address(0, 0x81, 0, 2)),
        ("10000:e1:00:0", address(0x10000, 0xe1, 0, 0)),
        ("pci_0000_81_00_2", address(0, 0x81, 0, 2)),
        ("pci_10000_e1_00_0", address(0x10000, 0xe1, 0, 0)),
        ("0x07 0x00 0x01", address(0, 7, 0, 1)),
        ("0x7 0x0 0x1", address(0, 7, 0, 1)),
        ("  0x81\t0X1F  0x07\r\n", address(0, 0x81, 0x1f, 7)),
        ("0x0000 0x07 0x00 0x01", address(0, 7, 0, 1)),
        ("0x10000 0xe1 0x00 0x01", address(0x10000, 0xe1, 0, 1)),
        ("0000:00:00.0", address(0, 0, 0, 0)),
    ] {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
}

#[test]
fn anything_else_is_malformed() {
    for text in [
        "",
        ".",
        ":::",
        "pci_",
        "000:81:00.2",
        "0:81:00.2",
        "0000:81:0.2",
        "0000:8:00.2",
        "0000:081:00.2",
        "0000:81:00.02",
        "0000:81:00.",
        "0000:81:00",
        "0000:81:00.2.3",
        "000000000:81:00.2",
        "81:00:2",
        "0000.81.00.2",
        " 0000:81:00.2",
        "0000:81:00.2\n",
        "pci_81_00_2",
        "PCI_0000_81_00_2",
        "pci_0000:81:00.2",
        "0x07 0x00",
        "0x07 0x00 0x01 0x02 0x03",
        "0x100 0x00 0x01",
        "0x 0x00 0x01",
        "81 0x00 0x01",
        "0x07,0x00,0x01",
        "0x+7 0x00 0x01",
        "# vf map",
        "éé:éé.é",
    ] {
        assert!(is_malformed(&text.parse()), "{text}");
    }
}

#[test]
fn slots_and_functions_out_of_range_are_refused() {
    for (text, message) in [
        (
            "0000:81:20.0",
            "invalid PCI address '0000:81:20.0': the slot is above 1f",
        ),
        (
            "81:1f.8",
            "invalid PCI address '81:1f.8': the function is above 7",
        ),
        (
            "0x07 0x00 0x08",
            "invalid PCI address '0000:07:00.8': the function is above 7",
        ),
        (
            "0x100 0x00 0x08",
            "invalid PCI address '0x100': expected a bus from 0x00 to 0xff",
        ),
        (
            "hello",
            "invalid PCI address 'hello': expected the form 0000:81:00.2",
        ),
    ] {
        let error = text.parse::<PciAddress>().unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert!(PciAddress::new(0, 0, 32, 0).is_err());
    assert!(PciAddress::new(0, 0, 0, 8).is_err());
}

#[test]
fn libvirt_numbers_with_0x_are_hexadecimal() {
    assert_eq!(
        PciAddress::from_libvirt("0x0000", "0x81", "0x00", "0x2"),
        Ok(address(0, 0x81, 0, 2))
    );
    // The address that OpenNebula sets for the guest on a q35 machine.
    assert_eq!(
        PciAddress::from_libvirt("0x0000", "0x01", "0000", "0"),
        Ok(address(0, 1, 0, 0))
    );
    assert_eq!(
        PciAddress::from_libvirt("0", "9", "07", "7"),
        Ok(address(0, 9, 7, 7))
    );
}

#[test]
fn libvirt_numbers_that_depend_on_the_base_are_errors() {
    for bus in [
        "",
        "10",
        "81",
        "129",
        "010",
        "08",
        "009",
        "a",
        "ff",
        "-1",
        "+1",
        " 1",
        "0x",
        "0x100",
        "0x-1",
        "00000000000000000001",
        "é",
    ] {
        let result = PciAddress::from_libvirt("0", bus, "0", "0");
        assert!(is_malformed(&result), "{bus}");
    }
    assert_eq!(
        PciAddress::from_libvirt("0x0000", "0x81", "010", "0x0")
            .unwrap_err()
            .to_string(),
        "invalid PCI address '010': expected a slot from 0x00 to 0x1f"
    );
    assert!(PciAddress::from_libvirt("0", "0", "0x20", "0").is_err());
    assert!(PciAddress::from_libvirt("0", "0", "0", "8").is_err());
}

#[test]
fn the_canonical_form_has_at_least_four_domain_digits() {
    for (address, text) in [
        (address(0, 0, 0, 0), "0000:00:00.0"),
        (address(0, 0x0a, 0x0f, 7), "0000:0a:0f.7"),
        (address(0xffff, 0x10, 0x10, 1), "ffff:10:10.1"),
        (address(0x10000, 0xe1, 0, 0), "10000:e1:00.0"),
    ] {
        assert_eq!(address.to_string(), text);
        assert_eq!(text.parse(), Ok(address));
    }
}

#[test]
fn the_parts_are_as_given() {
    let address = address(1, 2, 3, 4);
    assert_eq!(address.domain(), 1);
    assert_eq!(address.bus(), 2);
    assert_eq!(address.slot(), 3);
    assert_eq!(address.function(), 4);
}

#[test]
fn addresses_sort_by_domain_bus_slot_function() {
    let sorted = [
        address(0, 0x09, 0x1f, 7),
        address(0, 0x10, 0, 1),
        address(0, 0x10, 0, 2),
        address(0, 0x10, 1, 0),
        address(1, 0, 0, 0),
        address(0x10000, 0, 0, 0),
    ];
    assert!(sorted.is_sorted());
}
