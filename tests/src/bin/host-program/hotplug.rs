//! Devices of running domains, as libvirt and QEMU treat them for a user other than root.
//!
//! Attaching a device fails unless it is bound to `vfio-pci` already, because its node is not accessible otherwise. A device
//! that was bound by hand stays bound when a domain releases it.
//!
//! Switches: `attach-fails` (an element that contains the first line fails with the rest as its error), `guest-keeps-devices`
//! (libvirt reports success all the same), `guest-is-slow` (how many requests the guest misses).

use std::fs;

use roxmltree::{Document, Node};

use crate::network;
use crate::place::Place;
use crate::virsh::{self, Domain, address, is_host_device};

/// `nodedev-detach pci_0000_81_00_4`
pub(crate) fn bind(place: &Place, node: &str) -> Result<(), String> {
    let device = device(node)?;
    if !place
        .path(format!("/sys/bus/pci/devices/{device}"))
        .exists()
    {
        return Err(format!("error: Could not find matching device '{node}'"));
    }
    fs::create_dir_all(place.path("state/bound")).expect("a directory");
    place.write(format!("state/bound/{device}"), "");
    virsh::bind(place, &device, Some("vfio-pci"));
    Ok(())
}

/// `nodedev-reattach pci_0000_81_00_4`
pub(crate) fn unbind(place: &Place, node: &str) -> Result<(), String> {
    let device = device(node)?;
    if virsh::domains(place)
        .iter()
        .any(|domain| domain.devices.contains(&device))
    {
        return Err(format!(
            "error: Requested operation is not valid: PCI device {device} is still in use"
        ));
    }
    let _ = fs::remove_file(place.path(format!("state/bound/{device}")));
    virsh::bind(place, &device, None);
    Ok(())
}

/// Rebinds a managed device that a domain has released, as libvirt does.
pub(crate) fn release(place: &Place, device: &str) {
    if !place.path(format!("state/bound/{device}")).exists() {
        virsh::bind(place, device, None);
    }
}

/// Fails for a domain with a device of the host, because QEMU cannot save such a device.
pub(crate) fn save(place: &Place, domain: &Domain, file: &str) -> Result<(), String> {
    if !domain.devices.is_empty() {
        return Err(format!(
            "error: Failed to save domain '{}' to {file}\nerror: Requested operation is not valid: cannot migrate domain: \
             VFIO migration init failed",
            domain.name
        ));
    }
    fs::write(file, &domain.text).expect("a checkpoint");
    let path = place.path(format!("state/domains/{}.xml", domain.name));
    fs::remove_file(path).expect("the domain can be removed");
    Ok(())
}

pub(crate) fn attach(place: &Place, domain: &Domain, file: &str) -> Result<(), String> {
    let element = fs::read_to_string(file).expect("an element");
    if let Some(complaint) = place.switch("attach-fails") {
        let (part, said) = complaint.split_once('\n').expect("a part and a complaint");
        if element.contains(part) {
            return Err(format!(
                "error: Failed to attach device from {file}\nerror: {said}"
            ));
        }
    }
    let text = format!("<domain><name>x</name><devices>{element}</devices></domain>");
    for device in virsh::parse(text.clone())?.devices {
        let driver = fs::read_link(place.path(format!("/sys/bus/pci/devices/{device}/driver")));
        if !driver.is_ok_and(|driver| driver.ends_with("vfio-pci")) {
            return Err(format!(
                "error: internal error: unable to execute QEMU command 'device_add': vfio {device}: Could not open \
                 '/dev/vfio/15': Permission denied"
            ));
        }
        if virsh::domains(place)
            .iter()
            .any(|other| other.devices.contains(&device))
        {
            place.write("state/refused-device", &device);
            return Err(format!(
                "error: Requested operation is not valid: PCI device {device} is in use"
            ));
        }
    }
    network::set(place, &text);
    let end = domain.text.rfind("</devices>").expect("devices");
    let (before, after) = domain.text.split_at(end);
    place.write(
        format!("state/domains/{}.xml", domain.name),
        format!("{before}{element}{after}"),
    );
    Ok(())
}

/// Detaches a device, found by the host's address, or a NIC, found by its MAC. The rest of the element doesn't count.
pub(crate) fn detach(place: &Place, domain: &Domain, file: &str) -> Result<(), String> {
    let element = fs::read_to_string(file).expect("an element");
    let wanted = Document::parse(&element).map_err(|error| format!("error: {error}"))?;
    let wanted = key(&wanted.root_element());
    let document = Document::parse(&domain.text).expect("a domain");
    let mut devices = document
        .descendants()
        .filter(|node| node.has_tag_name("devices"))
        .flat_map(|node| node.children());
    // libvirt finds a VF of an interface by a hostdev element, too (`virDomainHostdevFind`).
    let is_it = |node: &Node<'_, '_>| key(node) == wanted || source(node) == wanted;
    let found = devices.find(|node| node.is_element() && is_it(node));
    let found = found.ok_or_else(|| {
        format!("error: Failed to detach device from {file}\nerror: device not found: {wanted:?}")
    })?;
    if is_host_device(&found) {
        if place.switch("guest-keeps-devices").is_some() {
            return Ok(());
        }
        if let Some(left) = place
            .switch("guest-is-slow")
            .and_then(|text| text.trim().parse::<u32>().ok())
            .filter(|left| *left > 0)
        {
            place.write("state/guest-is-slow", (left - 1).to_string());
            return Ok(());
        }
        let lost = format!(
            "<domain><devices>{}</devices></domain>",
            &domain.text[found.range()]
        );
        network::restore(place, &lost);
        let source = found
            .descendants()
            .find(|node| node.has_tag_name("source"))
            .expect("a source");
        let device = source
            .descendants()
            .find(|node| node.has_tag_name("address"))
            .expect("an address");
        release(place, &address(&device));
    }
    let mut text = domain.text.clone();
    text.replace_range(found.range(), "");
    place.write(format!("state/domains/{}.xml", domain.name), text);
    Ok(())
}

fn key(node: &Node<'_, '_>) -> Option<String> {
    let child = |name: &str| node.children().find(|node| node.has_tag_name(name));
    match node.tag_name().name() {
        "hostdev" => source(node),
        "interface" => child("mac")?
            .attribute("address")
            .map(str::to_ascii_lowercase),
        _ => None,
    }
}

/// The PCI address of the host's device in this element, if any.
fn source(node: &Node<'_, '_>) -> Option<String> {
    let mut children = node.children();
    let source = children.find(|node| node.has_tag_name("source"))?;
    let mut children = source.children();
    let found = children.find(|node| node.has_tag_name("address"))?;
    Some(address(&found))
}

fn device(node: &str) -> Result<String, String> {
    let parts: Vec<&str> = node.split('_').collect();
    match parts[..] {
        ["pci", domain, bus, slot, function] => Ok(format!("{domain}:{bus}:{slot}.{function}")),
        _ => Err(format!("error: Could not find matching device '{node}'")),
    }
}
