//! No text causes a panic; the display of any parsed value parses to the same value; and a rejected text cannot break the log
//! line that reports it.
#![allow(clippy::unwrap_used)]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use hwaddr::{
    AddressError, DummyMac, DummyPrefix, Guid, InterfaceName, IpoibAddress, Key, MacAddress,
    PciAddress, Pkey,
};
use proptest::prelude::*;

fn round_trips_or_fails_safely<T>(text: &str) -> Result<(), TestCaseError>
where
    T: FromStr<Err = AddressError> + Display + Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => prop_assert_eq!(value.to_string().parse::<T>(), Ok(value), "{}", text),
        Err(error) => check_one_safe_line(&error.to_string())?,
    }
    Ok(())
}

fn check_one_safe_line(message: &str) -> Result<(), TestCaseError> {
    prop_assert!(!message.chars().any(char::is_control), "{:?}", message);
    prop_assert!(
        !message.contains(['\u{2028}', '\u{2029}', '\u{202e}']),
        "{:?}",
        message
    );
    prop_assert!(message.chars().count() < 256, "{:?}", message);
    Ok(())
}

fn check_all_types(text: &str) -> Result<(), TestCaseError> {
    round_trips_or_fails_safely::<MacAddress>(text)?;
    round_trips_or_fails_safely::<Guid>(text)?;
    round_trips_or_fails_safely::<IpoibAddress>(text)?;
    round_trips_or_fails_safely::<PciAddress>(text)?;
    round_trips_or_fails_safely::<Pkey>(text)?;
    round_trips_or_fails_safely::<DummyPrefix>(text)?;
    round_trips_or_fails_safely::<Key>(text)?;
    round_trips_or_fails_safely::<DummyMac>(text)?;
    round_trips_or_fails_safely::<InterfaceName>(text)?;
    match Pkey::from_hex(text) {
        Ok(pkey) => prop_assert_eq!(pkey.to_string().parse(), Ok(pkey)),
        Err(error) => check_one_safe_line(&error.to_string())?,
    }
    for attributes in [
        [text, "0", "0", "0"],
        ["0", text, "0", "0"],
        ["0", "0", text, "0"],
        ["0", "0", "0", text],
    ] {
        let [domain, bus, slot, function] = attributes;
        match PciAddress::from_libvirt(domain, bus, slot, function) {
            Ok(address) => prop_assert_eq!(address.to_string().parse(), Ok(address)),
            Err(error) => check_one_safe_line(&error.to_string())?,
        }
    }
    Ok(())
}

/// A valid text of any type.
fn valid() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "02:00:c0:a8:07:05",
        "0200.c0a8.0705",
        "aa:10:c0:a8:07:05",
        "0002:c903:0012:3456",
        "0x0002c90300123456",
        "80:00:02:08:fe:80:00:00:00:00:00:00:00:00:aa:01:c0:a8:07:05",
        "10000:81:1f.7",
        "0000:81:00:2",
        "pci_0000_81_00_2",
        "0x0000 0x07 0x00 0x01",
        "0x8001",
        "32769",
        "0xAA",
        "c0:a8:07:05",
        "ib0.8001",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_text(text: String) {
        check_all_types(&text)?;
    }

    #[test]
    fn text_of_plausible_characters(text in "[0-9a-fA-FxX:._ -]{0,64}") {
        check_all_types(&text)?;
    }

    #[test]
    fn a_valid_text_with_one_character_changed(
        text in valid(),
        place: prop::sample::Index,
        replacement in prop_oneof!["", "[0-9a-fxX:._ -]{1,2}", "[\r\n\0'\"$`é\u{0661}\u{202e}]"],
    ) {
        let place = place.index(text.len());
        let (front, back) = text.split_at(place);
        check_all_types(&format!("{front}{replacement}{}", &back[1..]))?;
        check_all_types(&format!("{front}{replacement}{back}"))?;
    }
}

#[test]
fn texts_of_any_length() {
    for piece in ["0", ":", "00:", "0x", " ", "\n", "é", "_", ".", "pci_"] {
        check_all_types(&piece.repeat(1 << 20)).unwrap();
    }
}
