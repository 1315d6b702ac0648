//! The link of a NIC: transport mode and partition of an InfiniBand port, VLAN, and MTU.

use hwaddr::Pkey;

use super::VlanId;
use super::model::{Infiniband, Mtu, NicConfig, TransportMode};
use super::source::ValueSource;
use super::values::{Origin, Values};

/// Reads the variables of the link. Bad values are ignored.
pub(super) fn read(values: &mut Values, source: &ValueSource, config: &mut NicConfig) {
    if source.infiniband {
        config.infiniband = Some(infiniband(values));
    } else if source.tags && !host_tags(values) && !is_no_vlan(values) {
        config.vlan = values.extra("VLAN", &["VLAN_ID"], |text| {
            text.parse::<VlanId>().map_err(str::to_owned)
        });
    }
    mtu(values, config);
}

fn infiniband(values: &mut Values) -> Infiniband {
    let mode = values.extra("transport mode", &["MODE"], |text| {
        match text.to_ascii_lowercase().as_str() {
            "datagram" => Ok(TransportMode::Datagram),
            "connected" => Ok(TransportMode::Connected),
            _ => Err("is neither 'datagram' nor 'connected'".into()),
        }
    });
    let pkey = pkey(values).filter(|pkey| !pkey.is_default());
    Infiniband {
        mode,
        pkey: pkey.map(|pkey| pkey.full_member()),
    }
}

/// Reads `PKEY`, or the network's `VLAN_ID`, which is a decimal P_Key on InfiniBand.
fn pkey(values: &mut Values) -> Option<Pkey> {
    let suffix = match values.find(&["PKEY"]) {
        Some(_) => "PKEY",
        None if is_no_vlan(values) => return None,
        None => "VLAN_ID",
    };
    let mut note = None;
    let pkey = values.extra("P_Key", &[suffix], |text| {
        let written = pkey_of(text)?;
        note = written.note;
        Ok(written.pkey)
    });
    let name = values.find(&[suffix]).map(|found| found.name);
    let note = note.zip(name).map(|(note, name)| format!("{name} {note}"));
    values.notes.extend(note);
    pkey
}

/// A P_Key, and a note if its text is ambiguous.
struct WrittenPkey {
    pkey: Pkey,
    note: Option<String>,
}

/// Parses a P_Key. Four digits without `0x` are ambiguous: 8001 is 0x1f41, but looks like the full member's key 0x8001.
fn pkey_of(text: &str) -> Result<WrittenPkey, String> {
    let hex = (text.len() == 4)
        .then(|| Pkey::from_hex(text).ok())
        .flatten();
    match (text.parse::<Pkey>(), hex) {
        (Ok(pkey), Some(hex)) if hex.is_full_member() => Ok(WrittenPkey {
            pkey,
            note: Some(format!(
                "is read as decimal, which is P_Key {}; write {hex} if it is hexadecimal",
                pkey.full_member()
            )),
        }),
        (Ok(pkey), _) => Ok(WrittenPkey { pkey, note: None }),
        // A letter shows that it is hexadecimal.
        (Err(_), Some(pkey)) if text.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
            Ok(WrittenPkey {
                pkey,
                note: Some(format!("is read as hexadecimal; write {pkey}")),
            })
        }
        (Err(_), _) => Err("is not a P_Key".into()),
    }
}

/// Whether the host tags the VLAN: since OpenNebula 6.6, some network drivers set it on the card for a PCI NIC, and frames would
/// get two tags. The context contains the VLAN in any case, but not the driver.
fn host_tags(values: &mut Values) -> bool {
    let tag = values.extra("VLAN tag", &["VLAN_TAG"], |text| match text {
        "guest" => Ok("of the guest"),
        "host" => Ok("of the host"),
        _ => Err("is neither 'guest' nor 'host'".into()),
    });
    tag == Some("of the host")
}

/// Whether `VLAN_ID` is `0`, which some front-ends write for "none".
fn is_no_vlan(values: &Values) -> bool {
    let found = values.find(&["VLAN_ID"]);
    found.is_some_and(|found| found.value.trim_ascii() == b"0")
}

/// Reads the MTU. An InfiniBand NIC gets connected mode if only that supports the MTU.
fn mtu(values: &mut Values, config: &mut NicConfig) {
    let largest = TransportMode::Connected.largest_mtu();
    let is_infiniband = config.infiniband.is_some();
    config.mtu = values.extra("MTU", &["MTU"], |text| {
        let mtu: Mtu = text.parse()?;
        if is_infiniband && mtu.bytes() > largest {
            return Err(format!("is above {largest}, the largest MTU of InfiniBand"));
        }
        Ok(mtu)
    });
    let datagram = TransportMode::Datagram.largest_mtu();
    let written = values.find(&["MTU"]).map(|found| found.name);
    let (Some(mtu), Some(name), Some(infiniband)) = (config.mtu, written, &mut config.infiniband)
    else {
        return;
    };
    if mtu.bytes() <= datagram {
        return;
    }
    match infiniband.mode {
        None => {
            infiniband.mode = Some(TransportMode::Connected);
            values.origins.push(Origin::new(
                "transport mode",
                TransportMode::Connected.to_string(),
                &format!("{name}, which only connected mode supports"),
            ));
        }
        Some(TransportMode::Datagram) => values.notes.push(format!(
            "MTU {mtu} is above {datagram}, the largest MTU of datagram mode on most devices; the kernel may refuse it"
        )),
        Some(TransportMode::Connected) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ambiguous_pkey_gets_a_note() {
        let table = [
            ("0x8001", Some("0x8001"), false),
            ("32769", Some("0x8001"), false),
            ("5", Some("0x0005"), false),
            ("1001", Some("0x03e9"), false),
            ("8001", Some("0x1f41"), true),
            ("9fff", Some("0x9fff"), true),
            ("8a01", Some("0x8a01"), true),
            ("ffff", Some("0xffff"), true),
            ("8000", Some("0x1f40"), false),
            ("0x8000", None, false),
            ("0", None, false),
            ("0010", None, false),
            ("99999", None, false),
            ("abcde", None, false),
            ("$(id)", None, false),
        ];
        for (text, expected, is_doubted) in table {
            let written = pkey_of(text).ok();
            let pkey = written.as_ref().map(|written| written.pkey.to_string());
            assert_eq!(pkey.as_deref(), expected, "{text}");
            let note = written.and_then(|written| written.note);
            assert_eq!(note.is_some(), is_doubted, "{text}: {note:?}");
        }
    }
}
