//! Reads the documents of running domains.
//!
//! `virsh 'dumpxml a; dumpxml b'` prints one document after the other:
//!
//! ```text
//! <domain type='kvm' id='7'>
//!   <name>one-7</name>
//!   <uuid>24db4e6f-...</uuid>
//!   <devices>
//!     <hostdev mode='subsystem' type='pci' managed='yes'>
//!       <driver name='vfio'/>
//!       <source>
//!         <address domain='0x0000' bus='0x81' slot='0x00' function='0x4'/>
//!       </source>
//!       <address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>
//! ```
//!
//! The address inside `<source>` is that on the host, the other one is that in the guest.

use hwaddr::{AddressError, PciAddress};

use crate::xml::{Piece, Pieces, Roots, XmlError, XmlProblem, excerpt};

/// A running domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunningDomain {
    /// Its name, `one-7`.
    pub name: String,
    /// Its UUID, in lower case.
    pub uuid: String,
    /// The PCI devices of the host that it holds.
    pub devices: Vec<PciAddress>,
}

/// Why a dump cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// It is not XML, or is truncated.
    #[error("failed to read the domains: {0}")]
    Xml(#[from] XmlError),
    /// A device has an invalid address.
    #[error("failed to read the devices of domain '{}': {cause}", excerpt(domain))]
    Address {
        /// The domain.
        domain: String,
        /// The address.
        cause: AddressError,
    },
}

/// Reads the documents.
pub fn read_dumps(output: &[u8]) -> Result<Vec<RunningDomain>, DumpError> {
    let mut pieces = Pieces::new(output, Roots::Many)?;
    let mut domains = Vec::new();
    let mut domain = RunningDomain::default();
    while let Some(piece) = pieces.next()? {
        match (pieces.path(), piece) {
            (["domain", "name"], Piece::Text(text)) => domain.name.push_str(&text),
            (["domain", "uuid"], Piece::Text(text)) => domain.uuid.push_str(&text),
            // Devices of any kind: hostdev, interface, a disk that is an NVMe controller.
            (["domain", "devices", _, "source", "address"], Piece::Start(tag)) => {
                let address = tag
                    .pci_address()
                    .map_err(|name| pieces.error(tag.place.start, XmlProblem::Attribute(name)))?;
                let address = address.transpose().map_err(|cause| DumpError::Address {
                    domain: domain.name.clone(),
                    cause,
                })?;
                domain.devices.extend(address);
            }
            (["domain"], Piece::End(_)) => {
                let done = std::mem::take(&mut domain);
                domains.push(RunningDomain {
                    name: done.name.trim().to_owned(),
                    uuid: done.uuid.trim().to_ascii_lowercase(),
                    devices: done.devices,
                });
            }
            _ => {}
        }
    }
    Ok(domains)
}

/// How a running domain holds a device of the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldDevice {
    /// Its address in the guest; `None` if it is not on a PCI bus.
    pub guest: Option<PciAddress>,
    /// Whether it is an `<interface type='hostdev'>`, whose MAC libvirt sets.
    pub is_interface: bool,
}

/// Finds a device of the host in a domain. Returns `None` if the domain does not have it.
///
/// # Errors
/// The document is not a domain.
pub fn held_device(document: &[u8], device: PciAddress) -> Result<Option<HeldDevice>, DumpError> {
    let mut pieces = Pieces::new(document, Roots::Many)?;
    let (mut host, mut guest) = (None, None);
    while let Some(piece) = pieces.next()? {
        let place = match (pieces.path(), &piece) {
            (["domain", "devices", _, "source", "address"], Piece::Start(_)) => &mut host,
            (["domain", "devices", _, "address"], Piece::Start(_)) => &mut guest,
            (["domain", "devices", name], Piece::End(_)) => {
                if host == Some(device) {
                    let is_interface = *name == "interface";
                    return Ok(Some(HeldDevice {
                        guest,
                        is_interface,
                    }));
                }
                (host, guest) = (None, None);
                continue;
            }
            _ => continue,
        };
        if let Piece::Start(tag) = piece {
            // An address that cannot be read is not that of a VF.
            *place = tag.pci_address().ok().flatten().and_then(Result::ok);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
