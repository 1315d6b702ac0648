//! libvirt sets the MAC and VLAN of the VF of an `<interface type='hostdev'>`, and restores them when the domain ends. It saves
//! only the VLAN's ID, so it restores the VLAN as 802.1Q without a priority (`virNetDevSetNetConfig` and `virNetDevReadNetConfig`
//! of src/util/virnetdev.c).
//!
//! The previous values are in `<root>/state/hostdevs/<address>`; on a real host they are in /run/libvirt/hostdevmgr.

use std::fs;
use std::path::Path;

use one_sriov_tests::host::kernel;
use roxmltree::{Document, Node};

use crate::ip::apply;
use crate::place::Place;
use crate::virsh::address;

pub(crate) fn set(place: &Place, domain: &str) {
    each(domain, |device, interface| {
        let Some((pf, vf)) = of_pf(place, device) else {
            return;
        };
        let vfs = fs::read_to_string(place.path(format!("state/vfs/{pf}"))).expect("a PF");
        let vfs = kernel::parse(&vfs);
        let get = |name| vfs[&vf].get(name).map_or("", String::as_str);
        let before = format!("{} {}", get("mac"), get("vlan"));
        fs::create_dir_all(place.path("state/hostdevs")).expect("a directory");
        place.write(format!("state/hostdevs/{device}"), before);
        let child = |name| {
            interface
                .descendants()
                .find(|node: &Node<'_, '_>| node.has_tag_name(name))
        };
        let mac = child("mac").and_then(|node| node.attribute("address"));
        let vlan = child("tag").and_then(|node| node.attribute("id"));
        let settings = ["mac", mac.expect("a MAC"), "vlan", vlan.unwrap_or("0")];
        apply(place, &pf, vf, &settings).expect("a VF");
    });
}

pub(crate) fn restore(place: &Place, domain: &str) {
    each(domain, |device, _| {
        let saved = place.path(format!("state/hostdevs/{device}"));
        let (Some((pf, vf)), Ok(before)) = (of_pf(place, device), fs::read_to_string(&saved))
        else {
            return;
        };
        let (mac, vlan) = before.split_once(' ').expect("a MAC and a VLAN");
        for setting in [["mac", mac], ["vlan", vlan]] {
            if !setting[1].is_empty() {
                apply(place, &pf, vf, &setting).expect("a VF");
            }
        }
        fs::remove_file(saved).expect("the saved settings are missing");
    });
}

fn each(domain: &str, mut act: impl FnMut(&str, Node<'_, '_>)) {
    let document = Document::parse(domain).expect("the created domain is not valid");
    let interfaces = document
        .descendants()
        .filter(|node| node.has_tag_name("interface") && node.attribute("type") == Some("hostdev"));
    for interface in interfaces {
        let source = interface
            .children()
            .find(|node| node.has_tag_name("source"));
        let found = source.and_then(|source| {
            let mut children = source.children();
            children.find(|node| node.has_tag_name("address"))
        });
        if let Some(found) = found {
            act(&address(&found), interface);
        }
    }
}

/// The netdev of a VF's PF, and the VF's number.
fn of_pf(place: &Place, device: &str) -> Option<(String, u32)> {
    let physfn = place.path(format!("/sys/bus/pci/devices/{device}/physfn"));
    let pf = fs::read_link(physfn).ok()?;
    let pf = place.path(Path::new("/sys/bus/pci/devices").join(pf.file_name()?));
    let number = (0..).map_while(|number| {
        let vf = fs::read_link(pf.join(format!("virtfn{number}"))).ok()?;
        Some((number, vf))
    });
    let mut number = number.filter(|(_, vf)| vf.ends_with(device));
    let (number, _) = number.next()?;
    let netdevs = fs::read_dir(pf.join("net")).ok()?;
    let mut names = netdevs.filter_map(|netdev| netdev.ok()?.file_name().into_string().ok());
    // A representor has no VFs.
    let name = names.find(|name| place.path(format!("state/vfs/{name}")).exists())?;
    Some((name, number))
}
