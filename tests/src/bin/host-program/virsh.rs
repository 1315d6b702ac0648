//! `virsh`, and the libvirt that it talks to.
//!
//! A running domain is `<root>/state/domains/<name>.xml`. The devices of its hostdevs are bound to `vfio-pci` while it runs.
//! Like libvirt, it refuses a device that another domain has.
//!
//! Switches: `virsh-fails` (the error), `virsh-hangs`, `create-fails`, `destroy-fails`, `domstate` (the state of all domains),
//! those of [`hotplug`], `device-fails` (a device that QEMU cannot open), `devices-stay` (bound to `vfio-pci` when their domain
//! ends), `starts-after-list` (a domain's name and text: it runs from the next list of domains on, but is not in that list yet).

use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use roxmltree::{Document, Node};

use crate::hotplug;
use crate::migration;
use crate::network;
use crate::place::Place;

pub(crate) fn run(place: &Place, words: &[String]) -> Result<(), String> {
    if let Some(complaint) = place.switch("virsh-fails") {
        return Err(format!("error: {}", complaint.trim()));
    }
    if place.switch("virsh-hangs").is_some() {
        // Wait as long as the caller lives, so that a killed driver leaves no process.
        let stdout = std::io::stdout();
        let mut reader = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        let ended = poll(&mut reader, PollTimeout::NONE);
        return Err(format!("error: nobody listens: {ended:?}"));
    }
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(option) = words.next_if(|word| word.starts_with('-')) {
        if matches!(option, "-c" | "--connect") {
            words.next();
        }
    }
    let words: Vec<&str> = words.collect();
    // One argument may hold several commands.
    let commands: Vec<Vec<&str>> = match words[..] {
        [line] => line
            .split(';')
            .map(|command| command.split_whitespace().collect())
            .collect(),
        _ => vec![words],
    };
    let _lock = place.lock();
    let mut last = Ok(());
    for command in commands {
        last = run_one(place, &command);
        if let Err(complaint) = &last {
            eprint(complaint);
        }
    }
    last.map_err(|_| String::new())
}

fn run_one(place: &Place, words: &[&str]) -> Result<(), String> {
    match *words {
        ["list", "--uuid"] => {
            let uuids = domains(place).into_iter().map(|domain| domain.uuid + "\n");
            print(&uuids.collect::<String>());
            if let Some(coming) = place.switch("starts-after-list") {
                let (name, text) = coming.split_once('\n').expect("a name and a text");
                place.write(format!("state/domains/{name}.xml"), text);
                fs::remove_file(place.path("state/starts-after-list")).expect("the switch was on");
            }
            Ok(())
        }
        ["dumpxml", name] => {
            print(&find(place, name)?.text);
            print("\n");
            Ok(())
        }
        ["domstate", name, "--reason"] => {
            find(place, name)?;
            let state = place.switch("domstate");
            print(&format!(
                "{}\n\n",
                state.as_deref().unwrap_or("running (booted)")
            ));
            Ok(())
        }
        ["domuuid", name] => {
            print(&format!("{}\n\n", find(place, name)?.uuid));
            Ok(())
        }
        ["create" | "restore", file] => create(place, file),
        ["destroy" | "shutdown", name] => destroy(place, name),
        ["save-image-dumpxml", file] => {
            let saved = fs::read_to_string(file);
            print(&saved.map_err(|error| format!("error: {file}: {error}"))?);
            Ok(())
        }
        ["save", name, file] => hotplug::save(place, &find(place, name)?, file),
        ["migrate", "--live", name] => migration::migrate(place, &find(place, name)?),
        ["nodedev-detach", node] => hotplug::bind(place, node),
        ["nodedev-reattach", node] => hotplug::unbind(place, node),
        ["attach-device", name, file, "--live"] => {
            hotplug::attach(place, &find(place, name)?, file)
        }
        ["detach-device", name, file, "--live"] => {
            hotplug::detach(place, &find(place, name)?, file)
        }
        _ => Err(format!("error: unknown command: '{}'", words.join(" "))),
    }
}

pub(crate) struct Domain {
    pub(crate) name: String,
    uuid: String,
    pub(crate) text: String,
    pub(crate) devices: Vec<String>,
}

fn create(place: &Place, file: &str) -> Result<(), String> {
    if place.switch("create-fails").is_some() {
        return Err(format!("error: Failed to create domain from {file}"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("error: {file}: {error}"))?;
    let domain = parse(text)?;
    for other in domains(place) {
        if other.name == domain.name {
            return Err(format!("error: domain '{}' already exists", domain.name));
        }
        let mut common = other.devices.iter();
        if let Some(device) = common.find(|device| domain.devices.contains(device)) {
            // Must never happen with the driver under test.
            fs::write(place.path("state/refused-device"), device).expect("a note can be written");
            return Err(format!(
                "error: Requested operation is not valid: PCI device {device} is in use by driver QEMU, domain {}",
                other.name
            ));
        }
    }
    if let Some(device) = place.switch("device-fails")
        && domain.devices.contains(&device)
    {
        return Err(format!(
            "error: internal error: process exited while connecting to monitor: vfio {device}: failed to open \
             /dev/vfio/12: Device or resource busy"
        ));
    }
    network::set(place, &domain.text);
    for device in &domain.devices {
        bind(place, device, Some("vfio-pci"));
    }
    place.write(format!("state/domains/{}.xml", domain.name), &domain.text);
    print(&format!("Domain '{}' created from {file}\n", domain.name));
    Ok(())
}

fn destroy(place: &Place, name: &str) -> Result<(), String> {
    if place.switch("destroy-fails").is_some() {
        return Err(format!("error: Failed to destroy domain '{name}'"));
    }
    let domain = find(place, name)?;
    let path = place.path(format!("state/domains/{}.xml", domain.name));
    fs::remove_file(path).expect("the domain can be removed");
    if place.switch("devices-stay").is_none() {
        network::restore(place, &domain.text);
        for device in &domain.devices {
            hotplug::release(place, device);
        }
    }
    Ok(())
}

/// Binds a device to a driver, or back to its own one.
pub(crate) fn bind(place: &Place, device: &str, driver: Option<&str>) {
    let dir = place.path(format!("/sys/bus/pci/devices/{device}"));
    if !dir.exists() {
        return;
    }
    let own = fs::read_to_string(dir.join("own_driver")).unwrap_or_default();
    let link = dir.join("driver");
    let new = dir.join(".driver.new");
    let _ = fs::remove_file(&new);
    match driver.or(Some(own.trim())).filter(|name| !name.is_empty()) {
        Some(name) => {
            let target = Path::new("../../../bus/pci/drivers").join(name);
            symlink(target, &new).expect("a link can be made");
            fs::rename(&new, &link).expect("a link can be renamed");
        }
        None => drop(fs::remove_file(&link)),
    }
}

pub(crate) fn domains(place: &Place) -> Vec<Domain> {
    let files = fs::read_dir(place.path("state/domains")).expect("domains can be listed");
    let mut paths: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "xml"));
    paths.sort();
    let texts = paths
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    texts
        .map(|text| parse(text).expect("the created domain is not valid"))
        .collect()
}

fn find(place: &Place, name: &str) -> Result<Domain, String> {
    let mut domains = domains(place).into_iter();
    domains
        .find(|domain| domain.name == name || domain.uuid == name)
        .ok_or_else(|| format!("error: failed to get domain '{name}'"))
}

pub(crate) fn parse(text: String) -> Result<Domain, String> {
    let document = Document::parse(&text).map_err(|error| format!("error: XML error: {error}"))?;
    let domain = document.root_element();
    let child = |name: &str| {
        let found = domain.children().find(|node| node.has_tag_name(name));
        found
            .and_then(|node| node.text())
            .unwrap_or_default()
            .to_owned()
    };
    let sources = domain
        .descendants()
        .filter(|node| node.has_tag_name("source"))
        .filter(|node| node.parent().is_some_and(|parent| is_host_device(&parent)));
    let devices = sources
        .flat_map(|source| source.children().collect::<Vec<_>>())
        .filter(|node| node.has_tag_name("address") && node.has_attribute("bus"))
        .map(|node| address(&node))
        .collect();
    let name = child("name");
    let uuid = match child("uuid") {
        // libvirt generates one.
        uuid if uuid.is_empty() => made_up_uuid(&name),
        uuid => uuid,
    };
    let text = if text.contains("<uuid>") {
        text
    } else {
        text.replacen("</name>", &format!("</name><uuid>{uuid}</uuid>"), 1)
    };
    Ok(Domain {
        name,
        uuid,
        text,
        devices,
    })
}

pub(crate) fn is_host_device(node: &Node<'_, '_>) -> bool {
    let is_type = |value| node.attribute("type") == Some(value);
    node.has_tag_name("hostdev") && is_type("pci")
        || node.has_tag_name("interface") && is_type("hostdev")
}

fn made_up_uuid(name: &str) -> String {
    let number = name.bytes().fold(7_u64, |number, byte| {
        number.wrapping_mul(31).wrapping_add(u64::from(byte)) & 0xffff_ffff_ffff
    });
    format!("00000000-0000-4000-8000-{number:012x}")
}

pub(crate) fn address(node: &Node<'_, '_>) -> String {
    let part = |name: &str| {
        let text = node.attribute(name).unwrap_or("0");
        u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a hexadecimal number")
    };
    let (domain, bus) = (part("domain"), part("bus"));
    format!(
        "{domain:04x}:{bus:02x}:{:02x}.{:x}",
        part("slot"),
        part("function")
    )
}

fn print(text: &str) {
    use std::io::Write as _;
    // The caller may have ended.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn eprint(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
