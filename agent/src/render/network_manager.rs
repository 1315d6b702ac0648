//! What NetworkManager is told whatever reader it has: which devices are none of its business.
//!
//! ```text
//! # /etc/NetworkManager/conf.d/90-one-sriov-eth1.conf
//! [keyfile]
//! unmanaged-devices+=mac:aa:00:c0:a8:07:05;interface-name:=eth1
//! ```
//! By the MAC it is known under any name; but NetworkManager asks for the permanent one, and not every
//! driver has that (`nm-device.c`, `nm_device_get_permanent_hw_address`).

use std::path::PathBuf;

use hwaddr::InterfaceName;

use super::configured::{Configured, configured};
use super::lines::Lines;
use super::{Backend, Reader, RenderedFile};
use crate::plan::model::Child;
use crate::plan::{DummyNic, Plan};

/// A dummy NIC, unmanaged.
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

/// The NICs that a rule of others would keep NetworkManager from, each with a file that makes an exception of it.
///
/// ```text
/// [keyfile]
/// unmanaged-devices+=except:interface-name:=ib0;interface-name:=one-sriov-is-no-device
/// ```
/// `is_unmanaged` is asked with the name of a device and its kind, `ethernet`, `infiniband` or `vlan`.
pub fn managed(
    backend: Backend,
    plan: &Plan,
    is_unmanaged: impl Fn(&InterfaceName, &'static str) -> bool,
) -> Vec<RenderedFile> {
    let is_reader = backend.reader() == Reader::NetworkManager;
    let file = |nic: Configured| {
        let kind = match nic.config.infiniband {
            Some(_) => "infiniband",
            None => "ethernet",
        };
        let child = nic.child.as_ref().map(|(child, name)| match child {
            Child::Partition(_) => (name, "infiniband"),
            Child::Vlan(_) => (name, "vlan"),
        });
        let mut devices: Vec<_> = [(nic.device, kind)].into_iter().chain(child).collect();
        devices.retain(|(name, kind)| is_unmanaged(name, kind));
        (!devices.is_empty()).then(|| exception(&nic, devices.into_iter().map(|(name, _)| name)))
    };
    let nics = configured(plan).filter(|_| is_reader);
    nics.filter_map(file).collect()
}

fn exception<'n>(
    nic: &Configured,
    devices: impl Iterator<Item = &'n InterfaceName>,
) -> RenderedFile {
    let mut lines = Lines::for_nic(nic.nic);
    let exceptions: Vec<String> = devices
        .map(|name| format!("except:interface-name:={name};"))
        .collect();
    let exceptions = exceptions.concat();
    lines.raw("[keyfile]");
    // Exceptions alone would be exceptions to everything: the name, longer than any, keeps the list from that.
    lines.raw(format_args!(
        "unmanaged-devices+={exceptions}interface-name:=one-sriov-is-no-device"
    ));
    let path = format!(
        "/etc/NetworkManager/conf.d/90-one-sriov-{}.conf",
        nic.device
    );
    lines.into_file(PathBuf::from(path), nic.nic.id, nic.device)
}

/// The version in the name of a directory of plugins: `1.18.8-2.el7_9` is 1.18.
pub(crate) fn version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
