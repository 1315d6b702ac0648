//! A PCI NIC: `PCI = [ TYPE = "NIC", ... ]`.
//!
//! ```text
//! <PCI><ADDRESS><![CDATA[0000:81:00:2]]></ADDRESS><BUS><![CDATA[81]]></BUS><CLASS><![CDATA[0207]]></CLASS>
//!     <DOMAIN><![CDATA[0000]]></DOMAIN><FUNCTION><![CDATA[2]]></FUNCTION><MAC><![CDATA[02:00:c0:a8:07:14]]></MAC>
//!     <NETWORK_ID><![CDATA[4]]></NETWORK_ID><PCI_ID><![CDATA[0]]></PCI_ID><SLOT><![CDATA[00]]></SLOT>
//!     <TYPE><![CDATA[NIC]]></TYPE><VN_MAD><![CDATA[dummy]]></VN_MAD>...</PCI>
//! ```
//!
//! The scheduler chooses the device, and `oned` writes its address once the VM has a host.

use hwaddr::{MacAddress, PciAddress};

use super::vm::{Fields, VmDocumentError};
use super::{NicAttributeError, NicAttributes};

/// The class of an InfiniBand controller in the PCI ID list.
const INFINIBAND_CLASS: &str = "0207";

/// A NIC of a VM with the device that OpenNebula has chosen for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PciNic {
    /// `PCI_ID`: its index among the PCI devices of the VM.
    pub id: u32,
    /// The device of the host.
    pub address: PciAddress,
    /// Its MAC in OpenNebula.
    pub mac: MacAddress,
    /// The ID of its virtual network.
    pub network: Option<u32>,
    /// `VN_MAD`: the network driver.
    pub network_driver: Option<String>,
    /// Whether the device is an InfiniBand controller.
    pub is_infiniband: bool,
    /// Whether the action is about this NIC: `ATTACH=YES`.
    pub is_attached: bool,
    /// Its VLAN; a P_Key for InfiniBand.
    pub vlan: Option<u32>,
    /// The attributes of its network.
    pub attributes: Result<NicAttributes, NicAttributeError>,
}

impl PciNic {
    /// Reads a NIC. Returns `None` if the device is of another kind, or has not been chosen yet.
    pub(super) fn read(fields: &Fields) -> Result<Option<Self>, VmDocumentError> {
        if fields.text("TYPE") != Some("NIC") {
            return Ok(None);
        }
        let mac = fields.text("MAC").and_then(|mac| mac.parse().ok());
        let (Some(mac), Some(address)) = (mac, address(fields)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            id: fields.number("PCI_ID")?.unwrap_or(u32::MAX),
            address,
            mac,
            network: fields.number("NETWORK_ID")?,
            network_driver: fields.text("VN_MAD").map(str::to_owned),
            is_infiniband: fields.text("CLASS") == Some(INFINIBAND_CLASS),
            is_attached: fields.is_yes("ATTACH"),
            vlan: fields.number("VLAN_ID")?,
            attributes: NicAttributes::read(fields, mac),
        }))
    }
}

/// Reads the address. The four parts are hexadecimal without `0x`; in `ADDRESS` a colon precedes the function.
fn address(fields: &Fields) -> Option<PciAddress> {
    let part = |name: &str| fields.text(name);
    let parts = (part("DOMAIN"), part("BUS"), part("SLOT"), part("FUNCTION"));
    if let (Some(domain), Some(bus), Some(slot), Some(function)) = parts {
        let text = format!("{domain}:{bus}:{slot}.{function}");
        if let Ok(address) = text.parse() {
            return Some(address);
        }
    }
    part("ADDRESS")?.parse().ok()
}
