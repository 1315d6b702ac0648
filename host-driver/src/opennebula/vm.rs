//! The VM's own document, for what the domain does not say: network and VLAN.
//!
//! From 6.0 on it stands beside the deployment file, `/var/lib/one//datastores/0/7/vm.xml`:
//!
//! ```text
//! <VM>...<TEMPLATE>...<NIC><BRIDGE><![CDATA[sriov_ib0]]></BRIDGE><MAC><![CDATA[02:00:c0:a8:07:05]]></MAC>
//!     <NETWORK_ID><![CDATA[4]]></NETWORK_ID><VLAN_ID><![CDATA[100]]></VLAN_ID>...</NIC>
//! ```
//!
//! A MAC alone names no NIC: OpenNebula makes it of the IPv4 address, and two networks with one range lease the same one.
//! The domain has the bridge, too, and its interfaces stand in the order of the NICs here.

use std::collections::HashMap;

use hwaddr::MacAddress;
use quick_xml::Reader;
use quick_xml::events::Event;

/// What is known of the NICs of a VM.
#[derive(Debug, Default)]
pub struct VmDocument {
    /// In the order of the document.
    nics: Vec<Nic>,
}

/// A NIC: what the domain says of it as well, and what it does not say.
#[derive(Debug)]
struct Nic {
    mac: MacAddress,
    bridge: Option<String>,
    network: Network,
}

/// The network of a NIC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Network {
    /// The id of the virtual network.
    pub id: Option<u32>,
    /// Its VLAN; a P_Key for InfiniBand.
    pub vlan: Option<u32>,
}

/// Why the document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VmDocumentError {
    /// It is no XML.
    #[error("{0}")]
    Xml(#[from] quick_xml::Error),
    /// It ends too early.
    #[error("it ends in the middle")]
    Cut,
    /// A number is none.
    #[error("{name} '{}' of NIC '{mac}' is no number", value.escape_debug())]
    Number {
        /// Of which attribute.
        name: &'static str,
        /// What stands there.
        value: String,
        /// Of which NIC.
        mac: String,
    },
}

impl VmDocument {
    /// Reads the document.
    pub fn parse(text: &str) -> Result<Self, VmDocumentError> {
        let mut reader = Reader::from_str(text);
        let mut path: Vec<Vec<u8>> = Vec::new();
        let mut nic: HashMap<Vec<u8>, String> = HashMap::new();
        let mut document = Self::default();
        loop {
            match reader.read_event()? {
                Event::Start(start) => {
                    path.push(start.name().as_ref().to_vec());
                    if is_nic(&path) {
                        nic.clear();
                    }
                }
                Event::End(_) => {
                    if is_nic(&path) {
                        document.add(&nic)?;
                    }
                    path.pop();
                }
                Event::CData(data) => note(&path, &String::from_utf8_lossy(&data), &mut nic),
                Event::Text(data) => note(&path, &String::from_utf8_lossy(&data), &mut nic),
                Event::Eof if path.is_empty() => return Ok(document),
                Event::Eof => return Err(VmDocumentError::Cut),
                _ => {}
            }
        }
    }

    /// The network of the next interface of the domain that has this MAC and this bridge, as far as it is known.
    pub fn take_network(&mut self, mac: MacAddress, bridge: &str) -> Network {
        let is_it = |nic: &Nic| nic.mac == mac && nic.bridge.as_deref() == Some(bridge);
        let nth = self.nics.iter().position(is_it);
        // A bridge that is called otherwise here, or not at all, is no reason to leave the VLAN out.
        let nth = nth.or_else(|| self.nics.iter().position(|nic| nic.mac == mac));
        nth.map_or_else(Network::default, |nth| self.nics.remove(nth).network)
    }

    fn add(&mut self, nic: &HashMap<Vec<u8>, String>) -> Result<(), VmDocumentError> {
        let text = |name: &[u8]| {
            nic.get(name)
                .map(|text| text.trim())
                .filter(|text| !text.is_empty())
        };
        let Some(mac) = text(b"MAC") else {
            return Ok(());
        };
        let number = |name: &'static str| {
            let value = text(name.as_bytes());
            let parsed = value.map(|value| {
                value.parse().map_err(|_| VmDocumentError::Number {
                    name,
                    value: value.to_owned(),
                    mac: mac.to_owned(),
                })
            });
            parsed.transpose()
        };
        let network = Network {
            id: number("NETWORK_ID")?,
            vlan: number("VLAN_ID")?,
        };
        // A NIC whose MAC is none cannot be one of ours.
        if let Ok(mac) = mac.parse() {
            self.nics.push(Nic {
                mac,
                bridge: text(b"BRIDGE").map(str::to_owned),
                network,
            });
        }
        Ok(())
    }
}

fn is_nic(path: &[Vec<u8>]) -> bool {
    path == [b"VM".as_slice(), b"TEMPLATE", b"NIC"]
}

/// Keeps the text of `VM/TEMPLATE/NIC/<name>`.
fn note(path: &[Vec<u8>], text: &str, nic: &mut HashMap<Vec<u8>, String>) {
    if let [nic_path @ .., name] = path
        && is_nic(nic_path)
    {
        nic.entry(name.clone()).or_default().push_str(text);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn network(text: &str) -> Result<Network, String> {
        let mut document = VmDocument::parse(text).map_err(|error| error.to_string())?;
        Ok(document.take_network("02:00:c0:a8:07:05".parse().unwrap(), "sriov_ib0"))
    }

    #[test]
    fn a_nic_is_found_by_its_mac() {
        let text = "<VM><ID>7</ID><TEMPLATE><CONTEXT><MAC>02:00:c0:a8:07:05</MAC></CONTEXT>\
            <NIC><MAC><![CDATA[02:00:c0:a8:07:04]]></MAC><NETWORK_ID>1</NETWORK_ID></NIC>\
            <NIC><MAC><![CDATA[02:00:c0:a8:07:05]]></MAC><NETWORK_ID><![CDATA[4]]></NETWORK_ID>\
            <VLAN_ID><![CDATA[100]]></VLAN_ID></NIC></TEMPLATE></VM>\n";
        let expected = Network {
            id: Some(4),
            vlan: Some(100),
        };
        assert_eq!(network(text), Ok(expected));
        assert_eq!(network("<VM><TEMPLATE/></VM>"), Ok(Network::default()));
    }

    #[test]
    fn nics_with_one_mac_are_told_apart_by_bridge_and_order() {
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
        // What is left has that MAC, and is taken once.
        assert_eq!(["sriov_x", "sriov_x"].map(take), [Some(1), None]);
    }

    #[test]
    fn a_document_that_is_none_is_an_error() {
        let nic = |vlan: &str| {
            format!(
                "<VM><TEMPLATE><NIC><MAC>02:00:c0:a8:07:05</MAC><VLAN_ID>{vlan}</VLAN_ID></NIC></TEMPLATE></VM>"
            )
        };
        assert_eq!(network(&nic("")).unwrap().vlan, None);
        let error = network(&nic("x")).unwrap_err();
        assert_eq!(error, "VLAN_ID 'x' of NIC '02:00:c0:a8:07:05' is no number");
        assert_eq!(
            network("<VM><TEMPLATE>").unwrap_err(),
            "it ends in the middle"
        );
        assert!(network("<VM></TEMPLATE>").is_err());
    }
}
