//! The VM document contains what the domain lacks: network and VLAN of the NICs, and which PCI devices are NICs.
//!
//! Since 6.0 it is beside the deployment file, `/var/lib/one//datastores/0/7/vm.xml`:
//!
//! ```text
//! <VM>...<TEMPLATE>...<NIC><BRIDGE><![CDATA[sriov_ib0]]></BRIDGE><MAC><![CDATA[02:00:c0:a8:07:05]]></MAC>
//!     <NETWORK_ID><![CDATA[4]]></NETWORK_ID><VLAN_ID><![CDATA[100]]></VLAN_ID>...</NIC>
//! ```
//!
//! A MAC alone does not identify a NIC: OpenNebula derives it from the IPv4 address, so two networks with the same range have the
//! same MACs. The domain also has the bridge, and its interfaces are in the order of the NICs here.

use std::collections::HashMap;

use hwaddr::{MacAddress, PciAddress};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::{NicAttributeError, NicAttributes, PciNic};
use crate::xml::excerpt;

/// The NICs of a VM.
#[derive(Debug, Default)]
pub struct VmDocument {
    /// In the order of the document.
    nics: Vec<VmNic>,
    /// In the order of their IDs.
    pci_nics: Vec<PciNic>,
}

/// A NIC.
#[derive(Debug)]
struct VmNic {
    mac: MacAddress,
    bridge: Option<String>,
    network: Network,
    /// Whether the action is about this NIC: `ATTACH=YES`.
    is_attached: bool,
    /// Whether its bridge is an Open vSwitch bridge.
    is_open_vswitch: bool,
}

/// The network of a NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The ID of the virtual network.
    pub id: Option<u32>,
    /// Its VLAN; a P_Key for InfiniBand.
    pub vlan: Option<u32>,
    mac: MacAddress,
    fields: Fields,
}

impl Network {
    /// Its attributes for a VF.
    ///
    /// # Errors
    /// [`NicAttributeError`] if a value is invalid.
    pub fn attributes(&self) -> Result<NicAttributes, NicAttributeError> {
        NicAttributes::read(&self.fields, self.mac)
    }
}

/// Why the document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VmDocumentError {
    /// It is not XML.
    #[error("{}", excerpt(&.0.to_string()))]
    Xml(#[from] quick_xml::Error),
    /// It ends too early.
    #[error("it is truncated")]
    Cut,
    /// A number is invalid.
    #[error(
        "{name} '{}' of NIC '{}' is not a number",
        excerpt(value),
        excerpt(mac)
    )]
    Number {
        /// The attribute.
        name: &'static str,
        /// Its value.
        value: String,
        /// The NIC.
        mac: String,
    },
}

impl VmDocument {
    /// Reads the document: a `<VM>`, alone or inside the document of an action.
    pub fn parse(text: &str) -> Result<Self, VmDocumentError> {
        let mut reader = Reader::from_str(text);
        let mut path: Vec<Vec<u8>> = Vec::new();
        let mut fields = Fields::default();
        let mut document = Self::default();
        loop {
            match reader.read_event()? {
                Event::Start(start) => {
                    path.push(start.name().as_ref().to_vec());
                    if Section::of(&path).is_some() {
                        fields = Fields::default();
                    }
                }
                Event::End(_) => {
                    match Section::of(&path) {
                        Some(Section::Nic) => {
                            document.nics.extend(nic(std::mem::take(&mut fields))?);
                        }
                        Some(Section::Pci) => document.pci_nics.extend(PciNic::read(&fields)?),
                        None => {}
                    }
                    path.pop();
                }
                Event::CData(data) => fields.note(&path, &String::from_utf8_lossy(&data)),
                Event::Text(data) => fields.note(&path, &String::from_utf8_lossy(&data)),
                Event::Eof if path.is_empty() => break,
                Event::Eof => return Err(VmDocumentError::Cut),
                _ => {}
            }
        }
        document.pci_nics.sort_by_key(|nic| nic.id);
        Ok(document)
    }

    /// Takes the network of the domain's next interface with this MAC and bridge, as far as known.
    pub fn take_network(&mut self, mac: MacAddress, bridge: &str) -> Network {
        let is_it = |nic: &VmNic| nic.mac == mac && nic.bridge.as_deref() == Some(bridge);
        let nth = self.nics.iter().position(is_it);
        // If the bridge differs or is missing here, the MAC alone decides.
        let nth = nth.or_else(|| self.nics.iter().position(|nic| nic.mac == mac));
        let unknown = || Network {
            id: None,
            vlan: None,
            mac,
            fields: Fields::default(),
        };
        nth.map_or_else(unknown, |nth| self.nics.remove(nth).network)
    }

    /// Takes the network of the NIC that is being attached, and returns whether its bridge is an Open vSwitch bridge.
    pub fn take_attached(&mut self, mac: MacAddress, bridge: &str) -> (Network, bool) {
        let mut nics = self.nics.iter();
        match nics.position(|nic| nic.is_attached && nic.mac == mac) {
            Some(nth) => {
                let nic = self.nics.remove(nth);
                (nic.network, nic.is_open_vswitch)
            }
            None => (self.take_network(mac, bridge), false),
        }
    }

    /// Whether any NIC is on an Open vSwitch bridge.
    #[must_use]
    pub fn has_open_vswitch(&self) -> bool {
        self.nics.iter().any(|nic| nic.is_open_vswitch)
    }

    /// Returns the bridge of the NIC that the action is about, if it has this MAC.
    #[must_use]
    pub fn attached_bridge(&self, mac: MacAddress) -> Option<&str> {
        let mut nics = self.nics.iter();
        let nic = nics.find(|nic| nic.is_attached && nic.mac == mac)?;
        nic.bridge.as_deref()
    }

    /// Whether it has a NIC with this MAC.
    #[must_use]
    pub fn has_nic(&self, mac: MacAddress) -> bool {
        self.nics.iter().any(|nic| nic.mac == mac)
    }

    /// Takes the PCI NIC with this MAC, preferably the one with this device.
    pub fn take_pci_nic(&mut self, mac: MacAddress, device: PciAddress) -> Option<PciNic> {
        let mut nics = self.pci_nics.iter();
        let nth = nics.position(|nic| nic.mac == mac && nic.address == device);
        let nth = nth.or_else(|| self.pci_nics.iter().position(|nic| nic.mac == mac))?;
        Some(self.pci_nics.remove(nth))
    }

    /// The PCI NICs, in the order of their IDs.
    #[must_use]
    pub fn pci_nics(&self) -> &[PciNic] {
        &self.pci_nics
    }
}

fn nic(fields: Fields) -> Result<Option<VmNic>, VmDocumentError> {
    // A NIC without a valid MAC is not an SR-IOV NIC.
    let Some(mac) = fields.text("MAC").and_then(|mac| mac.parse().ok()) else {
        return Ok(None);
    };
    Ok(Some(VmNic {
        mac,
        bridge: fields.text("BRIDGE").map(str::to_owned),
        is_attached: fields.is_yes("ATTACH"),
        is_open_vswitch: fields
            .text("BRIDGE_TYPE")
            .is_some_and(|kind| kind.starts_with("openvswitch")),
        network: Network {
            id: fields.number("NETWORK_ID")?,
            vlan: fields.number("VLAN_ID")?,
            mac,
            fields,
        },
    }))
}

/// An element of the template that may be a NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Nic,
    Pci,
}

impl Section {
    fn of(path: &[Vec<u8>]) -> Option<Self> {
        let [.., vm, template, name] = path else {
            return None;
        };
        if vm != b"VM" || template != b"TEMPLATE" {
            return None;
        }
        match name.as_slice() {
            b"NIC" => Some(Self::Nic),
            b"PCI" => Some(Self::Pci),
            _ => None,
        }
    }
}

/// The attributes of such an element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(HashMap<Vec<u8>, String>);

impl Fields {
    /// Records the text of `VM/TEMPLATE/NIC/<name>`.
    fn note(&mut self, path: &[Vec<u8>], text: &str) {
        if let [element @ .., name] = path
            && Section::of(element).is_some()
        {
            self.0.entry(name.clone()).or_default().push_str(text);
        }
    }

    /// Returns an attribute, if it has a value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name.as_bytes())?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Whether an attribute is "yes".
    pub(super) fn is_yes(&self, name: &str) -> bool {
        let value = self.text(name);
        value.is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// Returns an attribute that is a number.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<u32>, VmDocumentError> {
        let parse = |value: &str| {
            value.parse().map_err(|_| VmDocumentError::Number {
                name,
                value: value.to_owned(),
                mac: self.text("MAC").unwrap_or_default().to_owned(),
            })
        };
        self.text(name).map(parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Returns ID and VLAN of a network.
    fn network(text: &str) -> Result<(Option<u32>, Option<u32>), String> {
        let mut document = VmDocument::parse(text).map_err(|error| error.to_string())?;
        let network = document.take_network("02:00:c0:a8:07:05".parse().unwrap(), "sriov_ib0");
        Ok((network.id, network.vlan))
    }

    #[test]
    fn a_nic_is_found_by_its_mac() {
        let text = "<VM><ID>7</ID><TEMPLATE><CONTEXT><MAC>02:00:c0:a8:07:05</MAC></CONTEXT>\
            <NIC><MAC><![CDATA[02:00:c0:a8:07:04]]></MAC><NETWORK_ID>1</NETWORK_ID></NIC>\
            <NIC><MAC><![CDATA[02:00:c0:a8:07:05]]></MAC><NETWORK_ID><![CDATA[4]]></NETWORK_ID>\
            <VLAN_ID><![CDATA[100]]></VLAN_ID></NIC></TEMPLATE></VM>\n";
        assert_eq!(network(text), Ok((Some(4), Some(100))));
        assert_eq!(network("<VM><TEMPLATE/></VM>"), Ok((None, None)));
    }

    #[test]
    fn nics_with_the_same_mac_are_distinguished_by_bridge_and_order() {
        let nic = |(id, bridge): (u32, &str)| {
            format!(
                "<NIC><BRIDGE><![CDATA[{bridge}]]></BRIDGE><MAC>02:00:c0:a8:07:05</MAC>\
                 <NETWORK_ID>{id}</NETWORK_ID></NIC>"
            )
        };
        let nics = [
            (1, "br0"),
            (2, "sriov_ib1"),
            (3, "sriov_ib0"),
            (4, "sriov_ib0"),
        ]
        .map(nic);
        let text = format!("<VM><TEMPLATE>{}</TEMPLATE></VM>", nics.concat());
        let mut document = VmDocument::parse(&text).unwrap();
        let mac = "02:00:c0:a8:07:05".parse().unwrap();
        let mut take = |bridge| document.take_network(mac, bridge).id;
        let bridges = ["sriov_ib0", "sriov_ib0", "sriov_ib1"];
        assert_eq!(bridges.map(&mut take), [Some(3), Some(4), Some(2)]);
        // The NIC that is left has that MAC, and is taken once.
        assert_eq!(["sriov_x", "sriov_x"].map(take), [Some(1), None]);
    }

    const PCI: &str = "<PCI><ADDRESS><![CDATA[0000:81:00:2]]></ADDRESS><BUS>81</BUS><DOMAIN>0000</DOMAIN>\
        <FUNCTION>2</FUNCTION><SLOT>00</SLOT><TYPE>NIC</TYPE><MAC>02:00:c0:a8:07:14</MAC><PCI_ID>3</PCI_ID>\
        <NETWORK_ID>4</NETWORK_ID><VN_MAD><![CDATA[dummy]]></VN_MAD><CLASS>0207</CLASS></PCI>";

    fn pci_nics(elements: &str) -> Vec<PciNic> {
        let text = format!("<VM><TEMPLATE>{elements}</TEMPLATE></VM>");
        VmDocument::parse(&text).unwrap().pci_nics().to_vec()
    }

    #[test]
    fn a_pci_device_with_a_network_is_a_nic() {
        let nic = PciNic {
            id: 3,
            address: "0000:81:00.2".parse().unwrap(),
            mac: "02:00:c0:a8:07:14".parse().unwrap(),
            network: Some(4),
            network_driver: Some("dummy".into()),
            vlan: None,
            is_infiniband: true,
            is_attached: false,
            attributes: Ok(NicAttributes::default()),
        };
        assert_eq!(pci_nics(PCI), std::slice::from_ref(&nic));
        // Only `ADDRESS` is complete.
        let whole = PCI.replace("<SLOT>00</SLOT>", "");
        assert_eq!(pci_nics(&whole), std::slice::from_ref(&nic));
        let first = PCI
            .replace("<PCI_ID>3", "<ATTACH>YES</ATTACH><PCI_ID>0")
            .replace("81", "0A");
        let both = pci_nics(&format!("{PCI}{first}"));
        let known: Vec<_> = both
            .iter()
            .map(|nic| (nic.id, nic.address.to_string(), nic.is_attached))
            .collect();
        let expected = [(0, "0000:0a:00.2", true), (3, "0000:81:00.2", false)];
        assert_eq!(
            known,
            expected.map(|(id, address, attach)| (id, address.to_owned(), attach))
        );
    }

    #[test]
    fn devices_without_type_address_or_mac_are_not_nics() {
        let others = [
            PCI.replace("<TYPE>NIC</TYPE>", ""),
            PCI.replace(">81<", "><").replace("0000:81:00:2", ""),
            PCI.replace("<MAC>02:00:c0:a8:07:14</MAC>", ""),
        ];
        assert_eq!(pci_nics(&others.concat()), []);
    }

    #[test]
    fn control_characters_of_a_document_do_not_reach_a_message() {
        let error = network("<VM><TEM\u{1}\nPLATE></TEMPLATE></VM>").unwrap_err();
        assert!(!error.contains(char::is_control), "{error:?}");
        let error = network(
            "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:05\n</MAC><VLAN_ID>1\u{7}2</VLAN_ID></NIC></TEMPLATE></VM>",
        );
        let error = error.unwrap_err();
        assert!(!error.contains(char::is_control), "{error:?}");
    }

    #[test]
    fn an_invalid_document_is_an_error() {
        let nic = |vlan: &str| {
            format!(
                "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:05</MAC><VLAN_ID>{vlan}</VLAN_ID></NIC></TEMPLATE></VM>"
            )
        };
        assert_eq!(network(&nic("")).unwrap(), (None, None));
        let error = network(&nic("x")).unwrap_err();
        assert_eq!(
            error,
            "VLAN_ID 'x' of NIC '02:00:c0:a8:07:05' is not a number"
        );
        assert_eq!(network("<VM><TEMPLATE>").unwrap_err(), "it is truncated");
        assert!(network("<VM></TEMPLATE>").is_err());
    }
}
