//! NetworkManager's unmanaged devices, configured in the same way for keyfiles and `ifcfg` files.
//!
//! ```text
//! # /etc/NetworkManager/conf.d/90-one-sriov-eth1.conf
//! [keyfile]
//! unmanaged-devices+=mac:aa:00:c0:a8:07:05;interface-name:=eth1
//! ```
//! The MAC identifies the device whatever its name, but NetworkManager compares the permanent MAC, which not every driver
//! provides (`nm-device.c`, `nm_device_get_permanent_hw_address`).

use std::path::PathBuf;

use hwaddr::InterfaceName;

use super::configured::{Configured, configured};
use super::lines::Lines;
use super::{Backend, Reader, Rendered, RenderedFile};
use crate::plan::model::Child;
use crate::plan::{DummyNic, Plan};

/// Renders the file that keeps a dummy NIC unmanaged.
pub(super) fn unmanaged(dummy: &DummyNic) -> RenderedFile {
    let mut lines = Lines::for_dummy(dummy);
    // `+=` adds to the lists of other files instead of replacing them.
    lines.raw("[keyfile]");
    lines.raw(format_args!(
        "unmanaged-devices+=mac:{};interface-name:={}",
        dummy.mac, dummy.name
    ));
    let path = PathBuf::from(format!(
        "/etc/NetworkManager/conf.d/90-one-sriov-{}.conf",
        dummy.name
    ));
    lines.into_file(path, dummy.id(), &dummy.name)
}

/// Which foreign rules make a device unmanaged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmanaged {
    /// Whether `unmanaged-devices` contains a rule for a type of devices.
    pub by_list: bool,
    /// Whether a section `[device-x]` is for a type of devices.
    pub by_section: bool,
    /// Rules that name the device, each with its file: these are deliberate.
    pub by_name: Vec<String>,
}

/// Renders exceptions for NICs that a foreign rule makes unmanaged. A NIC that a rule names stays unmanaged, with a warning.
///
/// ```text
/// [keyfile]
/// unmanaged-devices+=except:interface-name:=ib0;interface-name:=one-sriov-is-no-device
///
/// [device-one-sriov-ib0]
/// match-device=interface-name:=ib0
/// managed=1
/// ```
/// `rules` takes the name and the kind of a device: `ethernet`, `infiniband` or `vlan`.
pub fn managed(
    backend: Backend,
    plan: &Plan,
    rules: impl Fn(&InterfaceName, &'static str) -> Unmanaged,
) -> Rendered {
    let mut rendered = Rendered::default();
    if backend.reader() != Reader::NetworkManager {
        return rendered;
    }
    for nic in configured(plan) {
        let kind = match nic.config.infiniband {
            Some(_) => "infiniband",
            None => "ethernet",
        };
        let child = nic.child.as_ref().map(|(child, name)| match child {
            Child::Partition(_) => (name, "infiniband"),
            Child::Vlan(_) => (name, "vlan"),
        });
        let devices = [(nic.device, kind)].into_iter().chain(child);
        let devices: Vec<_> = devices
            .map(|(name, kind)| (name, rules(name, kind)))
            .collect();
        for (name, unmanaged) in &devices {
            rendered.notes.extend(unmanaged.by_name.iter().map(|rule| {
                let label = nic.nic.label();
                format!("{label}: NetworkManager leaves '{name}' unmanaged by {rule}, so it gets no address; remove that rule")
            }));
        }
        let is_general = |(_, rules): &(&InterfaceName, Unmanaged)| {
            rules.by_name.is_empty() && (rules.by_list || rules.by_section)
        };
        let devices: Vec<_> = devices.into_iter().filter(is_general).collect();
        if !devices.is_empty() {
            rendered.files.push(exception(&nic, &devices));
        }
    }
    rendered
}

fn exception(nic: &Configured, devices: &[(&InterfaceName, Unmanaged)]) -> RenderedFile {
    let mut lines = Lines::for_nic(nic.nic);
    let listed = devices.iter().filter(|(_, rules)| rules.by_list);
    let exceptions: Vec<String> = listed
        .map(|(name, _)| format!("except:interface-name:={name};"))
        .collect();
    if !exceptions.is_empty() {
        let exceptions = exceptions.concat();
        lines.raw("[keyfile]");
        // A list that consists only of exceptions would match everything else: this name, too long for a device, prevents that.
        lines.raw(format_args!(
            "unmanaged-devices+={exceptions}interface-name:=one-sriov-is-no-device"
        ));
    }
    for (name, _) in devices.iter().filter(|(_, rules)| rules.by_section) {
        lines.raw(format_args!("[device-one-sriov-{name}]"));
        lines.raw(format_args!("match-device=interface-name:={name}"));
        lines.raw("managed=1");
    }
    let path = format!(
        "/etc/NetworkManager/conf.d/90-one-sriov-{}.conf",
        nic.device
    );
    lines.into_file(PathBuf::from(path), nic.nic.id, nic.device)
}

/// Returns the version in the name of a plugin directory: `1.18.8-2.el7_9` is 1.18.
pub(crate) fn version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
