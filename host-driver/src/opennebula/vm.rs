//! The VM's own document, for what the domain does not say: network and VLAN.
//!
//! From 6.0 on it stands beside the deployment file, `/var/lib/one//datastores/0/7/vm.xml`:
//!
//! ```text
//! <VM>...<TEMPLATE>...<NIC><MAC><![CDATA[02:00:c0:a8:07:05]]></MAC>
//!     <NETWORK_ID><![CDATA[4]]></NETWORK_ID><VLAN_ID><![CDATA[100]]></VLAN_ID>...</NIC>
//! ```

use std::collections::HashMap;

use hwaddr::MacAddress;
use quick_xml::Reader;
use quick_xml::events::Event;

/// What is known of the NICs of a VM.
#[derive(Debug, Default)]
pub struct VmDocument {
    networks: HashMap<MacAddress, Network>,
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

    /// The network of the NIC with this MAC, as far as it is known.
    #[must_use]
    pub fn network(&self, mac: MacAddress) -> Network {
        self.networks.get(&mac).copied().unwrap_or_default()
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
            self.networks.insert(mac, network);
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
        let document = VmDocument::parse(text).map_err(|error| error.to_string())?;
        Ok(document.network("02:00:c0:a8:07:05".parse().unwrap()))
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
