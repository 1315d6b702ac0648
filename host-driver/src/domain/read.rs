//! Finds the elements of a domain.

use std::ops::Range;

use hwaddr::PciAddress;

use super::{Devices, Domain, DomainInterface, DroppedElement};
use crate::numa::NodeSet;
use crate::xml::{Piece, Pieces, Roots, Tag, XmlError, XmlProblem};

pub(super) fn read(bytes: &[u8]) -> Result<Domain<'_>, XmlError> {
    let mut pieces = Pieces::new(bytes, Roots::One)?;
    let mut reading = Reading::default();
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Start(tag) => {
                let read = reading.start(pieces.path(), &tag);
                read.map_err(|name| pieces.error(tag.place.start, XmlProblem::Attribute(name)))?;
            }
            Piece::Text(text) => reading.text(pieces.path(), &text),
            Piece::End(place) => reading.end(pieces.path(), &place),
        }
    }
    let filled = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(Domain {
        text: pieces.text(),
        name: filled(reading.name),
        uuid: filled(reading.uuid),
        interfaces: reading.interfaces,
        hostdevs: reading.hostdevs,
        memory_nodes: reading.memory_nodes,
        devices: reading.devices,
    })
}

#[derive(Default)]
struct Reading {
    name: String,
    uuid: String,
    interfaces: Vec<DomainInterface>,
    hostdevs: Vec<PciAddress>,
    memory_nodes: NodeSet,
    devices: Option<Devices>,
    /// The interface that is being read.
    interface: Option<DomainInterface>,
    /// The start of its current child element.
    child: usize,
}

impl Reading {
    /// Handles a start tag. The error is the name of an attribute that cannot be read.
    fn start(&mut self, path: &[&str], tag: &Tag<'_>) -> Result<(), String> {
        match *path {
            ["domain", "devices"] => {
                self.devices = Some(Devices {
                    start: tag.place.clone(),
                    end: 0..0,
                });
            }
            ["domain", "devices", "interface"] => {
                self.interface = Some(DomainInterface {
                    place: tag.place.clone(),
                    ..DomainInterface::default()
                });
            }
            ["domain", "devices", "interface", child] => {
                self.child = tag.place.start;
                let Some(interface) = &mut self.interface else {
                    return Ok(());
                };
                interface.child.get_or_insert(tag.place.start);
                match child {
                    "source" => interface.bridge = owned(tag.attribute("bridge")?),
                    "mac" => interface.mac = owned(tag.attribute("address")?),
                    "bandwidth" => interface.dropped.push(DroppedElement::Bandwidth),
                    "filterref" => interface.dropped.push(DroppedElement::FilterRef),
                    "script" => interface.dropped.push(DroppedElement::Script),
                    _ => {}
                }
            }
            // The memory of the VM as a whole, and of each of its NUMA cells.
            ["domain", "numatune", "memory" | "memnode"] => {
                // `placement='auto'` has no node set, and libvirt reports an invalid one.
                let nodes = tag
                    .attribute("nodeset")?
                    .and_then(|nodes| nodes.parse().ok());
                self.memory_nodes.extend(nodes.unwrap_or_default());
            }
            ["domain", "devices", "hostdev", "source", "address"] => {
                // If it is invalid, libvirt will report it.
                if let Ok(Some(Ok(address))) = tag.pci_address() {
                    self.hostdevs.push(address);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, path: &[&str], text: &str) {
        match *path {
            ["domain", "name"] => self.name.push_str(text),
            ["domain", "uuid"] => self.uuid.push_str(text),
            _ => {}
        }
    }

    fn end(&mut self, path: &[&str], place: &Range<usize>) {
        match *path {
            ["domain", "devices"] => {
                if let Some(devices) = &mut self.devices {
                    devices.end = place.clone();
                }
            }
            ["domain", "devices", "interface"] => {
                if let Some(mut interface) = self.interface.take() {
                    interface.place.end = place.end;
                    self.interfaces.push(interface);
                }
            }
            ["domain", "devices", "interface", child] => {
                let place = self.child..place.end;
                let Some(interface) = &mut self.interface else {
                    return;
                };
                match child {
                    "boot" => interface.boot = Some(place),
                    "address" => interface.address = Some(place),
                    "virtualport" => interface.virtualport = Some(place),
                    "model" => interface.model = Some(place),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn owned(text: Option<std::borrow::Cow<'_, str>>) -> Option<String> {
    text.map(std::borrow::Cow::into_owned)
}
