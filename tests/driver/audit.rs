//! Audits a host without any of the driver's code.
//!
//! Leases are parsed as the documented JSON, domains by another XML parser, and the cards' state is that of the stand-ins' files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use one_sriov_tests::host::Host;
use roxmltree::Document;
use serde_json::Value;

/// A snapshot of a host.
pub(crate) struct Audit {
    /// Leases, by their place in the lease directory.
    leases: BTreeMap<String, Value>,
    /// Devices of running domains, by domain name.
    domains: BTreeMap<String, Vec<String>>,
    /// Other files in the lease directory.
    claims: BTreeSet<String>,
    deployments: BTreeSet<String>,
    /// A device that libvirt had to refuse because another domain has it.
    refused: Option<String>,
    /// VFs that are not in their original state, by address.
    changed: BTreeSet<String>,
}

impl Audit {
    pub(crate) fn of(host: &Host) -> Self {
        let mut leases = BTreeMap::new();
        for pool in names(host, "/run/one-sriov") {
            let is_dir = host.path(format!("/run/one-sriov/{pool}")).is_dir();
            for index in names(host, &format!("/run/one-sriov/{pool}"))
                .into_iter()
                .filter(|_| is_dir)
            {
                let place = format!("{pool}/{index}");
                leases.insert(place.clone(), host.lease(&place).unwrap());
            }
        }
        let domains = names(host, "/state/domains").into_iter().map(|file| {
            let text = host.read(&format!("/state/domains/{file}")).unwrap();
            (file.trim_end_matches(".xml").to_owned(), devices(&text))
        });
        Self {
            leases,
            domains: domains.collect(),
            claims: names(host, "/run/one-sriov/.devices").into_iter().collect(),
            deployments: names(host, "/run/one-sriov/.deployments")
                .into_iter()
                .collect(),
            refused: host.read("/state/refused-device"),
            changed: host.changed_vfs().into_iter().collect(),
        }
    }

    pub(crate) fn leases(&self) -> usize {
        self.leases.len()
    }

    /// Lists VFs with two holders.
    pub(crate) fn assigned_twice(&self) -> Vec<String> {
        let mut assigned_twice: Vec<String> = Vec::new();
        assigned_twice.extend(
            self.refused
                .iter()
                .map(|device| format!("libvirt had to refuse {device}")),
        );
        let leased = self.leases.values().map(|lease| text(&lease["address"]));
        let held = self.domains.values().flatten().cloned();
        assigned_twice.extend(duplicates(leased).map(|device| format!("two leases of {device}")));
        assigned_twice.extend(duplicates(held).map(|device| format!("two domains with {device}")));
        // The VF of a running domain must have a lease of its VM.
        for (name, devices) in &self.domains {
            for device in devices {
                let of_device = |lease: &&Value| lease["address"] == **device;
                let vm = self
                    .leases
                    .values()
                    .find(of_device)
                    .map(|lease| format!("one-{}", lease["vm"]));
                if vm.as_ref() != Some(name) {
                    assigned_twice.push(format!("{name} has {device}, which is leased to {vm:?}"));
                }
            }
        }
        assigned_twice
    }

    /// Lists VFs that have no holder, but are not available.
    pub(crate) fn lost(&self) -> Vec<String> {
        let mut lost = Vec::new();
        for (place, lease) in &self.leases {
            let name = format!("one-{}", lease["vm"]);
            let address = text(&lease["address"]);
            if !self
                .domains
                .get(&name)
                .is_some_and(|devices| devices.contains(&address))
            {
                lost.push(format!(
                    "{place} is leased to {name}, which has no {address}"
                ));
            }
        }
        let leased: BTreeSet<String> = self
            .leases
            .values()
            .map(|lease| text(&lease["address"]))
            .collect();
        lost.extend(
            self.claims
                .difference(&leased)
                .map(|device| format!("{device} is claimed without a lease")),
        );
        let deployments: BTreeSet<String> = self
            .leases
            .values()
            .map(|lease| text(&lease["deployment"]))
            .collect();
        lost.extend(
            self.deployments
                .difference(&deployments)
                .map(|id| format!("deployment {id} has no lease")),
        );
        lost.extend(
            self.changed
                .difference(&leased)
                .map(|device| format!("{device} was not restored")),
        );
        lost
    }
}

fn names(host: &Host, dir: &str) -> Vec<String> {
    let Ok(files) = fs::read_dir(host.path(dir)) else {
        return Vec::new();
    };
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn duplicates(items: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut seen = BTreeSet::new();
    items.filter(move |item| !seen.insert(item.clone()))
}

fn devices(text: &str) -> Vec<String> {
    let document = Document::parse(text).unwrap();
    let hostdevs = document
        .descendants()
        .filter(|node| node.has_tag_name("hostdev") || node.has_tag_name("interface"));
    let addresses = hostdevs.flat_map(|hostdev| {
        let source = hostdev.children().find(|node| node.has_tag_name("source"));
        source.into_iter().flat_map(|source| source.children())
    });
    let addresses = addresses.filter(|node| node.has_tag_name("address"));
    let part = |node: &roxmltree::Node<'_, '_>, name| {
        u32::from_str_radix(node.attribute(name).unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    addresses
        .map(|node| {
            let [domain, bus, slot, function] =
                ["domain", "bus", "slot", "function"].map(|name| part(&node, name));
            format!("{domain:04x}:{bus:02x}:{slot:02x}.{function:x}")
        })
        .collect()
}
