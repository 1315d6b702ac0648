//! Attaching SR-IOV NICs to a running VM, and detaching them.
//!
//! With every call failing in turn, and with the driver killed at every call, an independent audit compares domains, cards and
//! leases.

mod attached;
mod faults;
mod released;

use std::fs::File;
use std::process::Output;

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf};

const IB0: &str = "0000:81:00";

fn host() -> Host {
    let host = Host::new(&[
        Pf::infiniband("ib0", IB0, 4),
        Pf::ethernet("eth1", "0000:82:00", 4),
    ]);
    host.write("/etc/one-sriov/kvmrc", "UNPLUG_WAIT=1\n");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host
}

fn mac(nth: u8) -> String {
    format!("02:00:c0:a8:07:{nth:02x}")
}

/// Attaches a NIC as OpenNebula does since 5.0.
fn attach(host: &Host, bridge: &str, nth: u8) -> Outcome {
    attach_raw(host, bridge, nth).into()
}

fn attach_raw(host: &Host, bridge: &str, nth: u8) -> Output {
    let nic = |id: u32, attach: &str| {
        format!(
            "<NIC><BRIDGE><![CDATA[{bridge}]]></BRIDGE><MAC><![CDATA[{}]]></MAC>\
             <NETWORK_ID><![CDATA[{id}]]></NETWORK_ID>{attach}</NIC>",
            mac(nth)
        )
    };
    // The VM has a NIC with the same address on another network.
    let nics = nic(3, "") + &nic(9, "<ATTACH><![CDATA[YES]]></ATTACH>");
    let document = format!(
        "<VMM_DRIVER_ACTION_DATA><VM><ID>7</ID><TEMPLATE>{nics}</TEMPLATE></VM></VMM_DRIVER_ACTION_DATA>\n"
    );
    let arguments = [
        "one-7",
        &mac(nth),
        bridge,
        "virtio",
        "dummy",
        "one-7-2",
        "7",
        "host",
    ];
    action(host, "attach_nic", &arguments, &document)
}

/// Attaches a NIC to VM 8, without a document.
fn attach_to_a_vm_without_vfs(host: &Host) {
    assert_eq!(host.attach(8, &mac(2), "sriov_ib0").code, 0);
}

fn detach(host: &Host, mac: &str) -> Outcome {
    detach_raw(host, mac).into()
}

fn detach_raw(host: &Host, mac: &str) -> Output {
    action(host, "detach_nic", &["one-7", mac, "7", "host"], "")
}

/// Runs an action whose driver may be killed.
fn action(host: &Host, name: &str, arguments: &[&str], stdin: &str) -> Output {
    host.write("/state/stdin", stdin);
    let stdin = File::open(host.path("/state/stdin")).unwrap();
    let mut driver = host.driver(&["action", "--", name]);
    driver.args(arguments).stdin(stdin).output().unwrap()
}

fn driver_of(host: &Host, device: &str) -> String {
    let link = host.path(format!("/sys/bus/pci/devices/{device}/driver"));
    let target = std::fs::read_link(link).unwrap();
    target.file_name().unwrap().to_string_lossy().into_owned()
}
