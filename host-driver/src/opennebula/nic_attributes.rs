//! Attributes of a NIC's network for its VF, besides the VLAN ID.
//!
//! ```text
//! <NIC>...<VLAN_ID><![CDATA[100]]></VLAN_ID><VLAN_QOS><![CDATA[3]]></VLAN_QOS><SPOOFCHK><![CDATA[yes]]></SPOOFCHK>
//!     <OUTBOUND_AVG_BW><![CDATA[125000]]></OUTBOUND_AVG_BW>...</NIC>
//! ```
//!
//! OpenNebula defines `SPOOFCHK` and `TRUST` for its network drivers, and the bandwidths, in kB/s, for its bridges. `VLAN_QOS`,
//! `VLAN_PROTO` and `VF_LINK_STATE` are defined by one-sriov.

use hwaddr::MacAddress;
use one_sriov_system::VfLinkState;

use super::vm::Fields;

/// OpenNebula's attributes for NICs on bridges that VFs do not support.
const UNSUPPORTED: [&str; 5] = [
    "INBOUND_AVG_BW",
    "INBOUND_PEAK_BW",
    "VLAN_TAGGED_ID",
    "CVLANS",
    "QINQ_TYPE",
];

/// Attributes to set on a VF; `None` means that one is not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NicAttributes {
    /// `VLAN_QOS`: the priority of its VLAN.
    pub vlan_qos: Option<u8>,
    /// `VLAN_PROTO`: whether its VLAN is tagged as 802.1ad.
    pub is_8021ad: Option<bool>,
    /// `SPOOFCHK`.
    pub spoof_check: Option<bool>,
    /// `TRUST`.
    pub trust: Option<bool>,
    /// `OUTBOUND_PEAK_BW`, or else `OUTBOUND_AVG_BW`: the maximum transmit rate in Mbit/s.
    pub max_rate: Option<u32>,
    /// `VF_LINK_STATE`.
    pub link_state: Option<VfLinkState>,
    /// `MTU` or `GUEST_MTU`, whichever is larger.
    pub mtu: Option<u32>,
    /// The names of attributes that VFs do not support.
    pub unsupported: Vec<&'static str>,
}

/// An invalid value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {name} '{}' of NIC '{mac}': expected {expected}", value.escape_debug())]
pub struct NicAttributeError {
    name: &'static str,
    value: String,
    mac: MacAddress,
    expected: &'static str,
}

impl NicAttributes {
    /// Whether the VLAN has a priority or another protocol, which libvirt cannot set.
    #[must_use]
    pub fn has_vlan_tag(&self) -> bool {
        self.vlan_qos.is_some_and(|qos| qos > 0) || self.is_8021ad == Some(true)
    }

    /// Whether they limit the bandwidth.
    #[must_use]
    pub fn has_bandwidth(&self) -> bool {
        let is_inbound = |name: &&str| name.starts_with("INBOUND");
        self.max_rate.is_some() || self.unsupported.iter().any(is_inbound)
    }

    /// Reads the attributes of a NIC.
    pub(super) fn read(fields: &Fields, mac: MacAddress) -> Result<Self, NicAttributeError> {
        let reader = AttributeReader { fields, mac };
        let peak = reader.number("OUTBOUND_PEAK_BW")?;
        let average = reader.number("OUTBOUND_AVG_BW")?;
        let is_given = |name: &&&str| fields.text(name).is_some();
        Ok(Self {
            vlan_qos: reader.value("VLAN_QOS", "0 to 7", |text| {
                text.parse().ok().filter(|qos| *qos <= 7)
            })?,
            is_8021ad: reader.value("VLAN_PROTO", "802.1q or 802.1ad", |text| {
                match text.to_ascii_lowercase().as_str() {
                    "802.1q" => Some(false),
                    "802.1ad" => Some(true),
                    _ => None,
                }
            })?,
            spoof_check: reader.switch("SPOOFCHK"),
            trust: reader.switch("TRUST"),
            max_rate: peak.filter(|rate| *rate > 0).or(average).and_then(mbit),
            link_state: reader.value("VF_LINK_STATE", "auto, enable or disable", |text| {
                text.to_ascii_lowercase().parse().ok()
            })?,
            mtu: reader.number("MTU")?.max(reader.number("GUEST_MTU")?),
            unsupported: UNSUPPORTED.iter().filter(is_given).copied().collect(),
        })
    }
}

/// Converts kB/s to Mbit/s, rounded up. 0 means no limit.
fn mbit(rate: u32) -> Option<u32> {
    let mbit = u64::from(rate).saturating_mul(8).div_ceil(1000);
    u32::try_from(mbit).ok().filter(|mbit| *mbit > 0)
}

struct AttributeReader<'a> {
    fields: &'a Fields,
    mac: MacAddress,
}

impl AttributeReader<'_> {
    fn value<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, NicAttributeError> {
        let Some(text) = self.fields.text(name) else {
            return Ok(None);
        };
        let value = parse(text).ok_or_else(|| NicAttributeError {
            name,
            value: text.to_owned(),
            mac: self.mac,
            expected,
        })?;
        Ok(Some(value))
    }

    fn number(&self, name: &'static str) -> Result<Option<u32>, NicAttributeError> {
        self.value(name, "a number", |text| text.parse().ok())
    }

    /// As in OpenNebula's network drivers, everything but "yes" and "on" is "no" (`on_off` of `vnm/vf.rb`).
    fn switch(&self, name: &str) -> Option<bool> {
        let text = self.fields.text(name)?;
        Some(
            ["yes", "on"]
                .iter()
                .any(|yes| text.eq_ignore_ascii_case(yes)),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::opennebula::VmDocument;

    fn read(attributes: &str) -> Result<NicAttributes, String> {
        let text = format!(
            "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:05</MAC>{attributes}</NIC></TEMPLATE></VM>"
        );
        let mut document = VmDocument::parse(&text).unwrap();
        let nic = document.take_network("02:00:c0:a8:07:05".parse().unwrap(), "sriov_ens1f0");
        nic.attributes().map_err(|error| error.to_string())
    }

    #[test]
    fn a_nic_without_attributes_requests_nothing() {
        let none = NicAttributes::default();
        assert_eq!(read(""), Ok(none.clone()));
        assert_eq!(
            read("<SPOOFCHK></SPOOFCHK><OUTBOUND_AVG_BW>0</OUTBOUND_AVG_BW>"),
            Ok(none)
        );
    }

    #[test]
    fn attributes_are_read_as_opennebula_defines_them() {
        let all = "<VLAN_QOS>3</VLAN_QOS><VLAN_PROTO>802.1AD</VLAN_PROTO><SPOOFCHK>Yes</SPOOFCHK><TRUST>off</TRUST>\
            <VF_LINK_STATE>ENABLE</VF_LINK_STATE><MTU>1500</MTU><GUEST_MTU>9000</GUEST_MTU><CVLANS>1,2</CVLANS>\
            <INBOUND_AVG_BW>5</INBOUND_AVG_BW>";
        let expected = NicAttributes {
            vlan_qos: Some(3),
            is_8021ad: Some(true),
            spoof_check: Some(true),
            trust: Some(false),
            max_rate: None,
            link_state: Some(VfLinkState::Enable),
            mtu: Some(9000),
            unsupported: vec!["INBOUND_AVG_BW", "CVLANS"],
        };
        assert_eq!(read(all), Ok(expected));
    }

    #[test]
    fn the_rate_is_the_peak_or_the_average_rounded_up_to_megabits() {
        let rate = |peak: &str, average: &str| {
            let text = format!(
                "<OUTBOUND_PEAK_BW>{peak}</OUTBOUND_PEAK_BW><OUTBOUND_AVG_BW>{average}</OUTBOUND_AVG_BW>"
            );
            read(&text).map(|attributes| attributes.max_rate)
        };
        let table = [
            ("125000", "1", Some(1000)),
            ("", "125001", Some(1001)),
            ("0", "1", Some(1)),
            ("", "", None),
            ("4294967295", "", Some(34_359_739)),
        ];
        for (peak, average, expected) in table {
            assert_eq!(rate(peak, average), Ok(expected), "{peak} {average}");
        }
        let error =
            "failed to read OUTBOUND_AVG_BW 'x' of NIC '02:00:c0:a8:07:05': expected a number";
        assert_eq!(rate("", "x"), Err(error.into()));
    }

    #[test]
    fn an_invalid_value_is_reported() {
        let table = [
            ("<VLAN_QOS>8</VLAN_QOS>", "VLAN_QOS '8'", "0 to 7"),
            (
                "<VLAN_PROTO>q</VLAN_PROTO>",
                "VLAN_PROTO 'q'",
                "802.1q or 802.1ad",
            ),
            (
                "<VF_LINK_STATE>up</VF_LINK_STATE>",
                "VF_LINK_STATE 'up'",
                "auto, enable or disable",
            ),
        ];
        for (attributes, what, expected) in table {
            let error =
                format!("failed to read {what} of NIC '02:00:c0:a8:07:05': expected {expected}");
            assert_eq!(read(attributes), Err(error));
        }
    }
}
