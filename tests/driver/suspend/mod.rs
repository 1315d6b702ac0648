//! Saving VMs with VFs, and restoring them here or on another host.

mod faults;
mod missing;
mod saved;

pub(crate) use faults::{Scenario, at_every_call, audit, audit_vfs, wait_for_stock_actions};

use std::fs::File;
use std::process::Output;

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf, domain};

pub(crate) const CHECKPOINT: &str = "/var/lib/one//datastores/0/7/checkpoint";
pub(crate) const SAVED: &str = "/var/lib/one/datastores/0/7/one-sriov-nics.json";

pub(crate) fn cards() -> [Pf; 2] {
    [
        Pf::infiniband("ib0", "0000:81:00", 4),
        Pf::ethernet("eth1", "0000:82:00", 4),
    ]
}

pub(crate) fn empty() -> Host {
    let host = Host::new(&cards());
    install_stock_actions(&host);
    host
}

/// Installs stock actions that save and restore.
pub(crate) fn install_stock_actions(host: &Host) {
    host.write("/etc/one-sriov/kvmrc", "UNPLUG_WAIT=1\nLEASE_GRACE=0\n");
    host.write("/var/tmp/one/VERSION", "6.10.5\n");
    let virsh = |words: &str| {
        format!("virsh -c qemu:///system {words} || exit 1\ncat >$DIR/state/stock-stdin\n")
    };
    host.stock("save", &virsh("save \"$1\" \"$DIR$2\""));
    host.stock("restore", &virsh("restore \"$DIR$1\""));
}

/// A host with a VM that has two VFs. The template names a guest address for the first.
pub(crate) fn host() -> Host {
    let host = empty();
    deploy(&host);
    host
}

pub(crate) fn deploy(host: &Host) {
    let address = "<address type='pci' domain='0x0000' bus='0x00' slot='0x0a' function='0x0'/>\n\t\t</interface>";
    let domain = domain(7, &["sriov_ib0", "sriov_eth1"]).replacen("</interface>", address, 1);
    let deployed = host.deploy_domain(7, &domain);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
}

/// The VM's document, with these NICs and a VLAN on the Ethernet network.
pub(crate) fn document(nics: &[(&str, u8)]) -> String {
    let nic = |(bridge, nth): &(&str, u8)| {
        let vlan = if *bridge == "sriov_eth1" {
            "<VLAN_ID><![CDATA[42]]></VLAN_ID>"
        } else {
            ""
        };
        format!(
            "<NIC><BRIDGE><![CDATA[{bridge}]]></BRIDGE><MAC><![CDATA[02:00:c0:a8:07:{nth:02x}]]></MAC>\
             <NETWORK_ID><![CDATA[5]]></NETWORK_ID>{vlan}</NIC>"
        )
    };
    let nics: String = nics.iter().map(nic).collect();
    format!(
        "<VMM_DRIVER_ACTION_DATA><VM><ID>7</ID><TEMPLATE>{nics}</TEMPLATE></VM></VMM_DRIVER_ACTION_DATA>\n"
    )
}

pub(crate) const BOTH: [(&str, u8); 2] = [("sriov_ib0", 1), ("sriov_eth1", 2)];

pub(crate) fn save(host: &Host) -> Outcome {
    raw(
        host,
        "save",
        &["one-7", CHECKPOINT, "host", "7", "host"],
        &document(&BOTH),
    )
    .into()
}

pub(crate) fn restore(host: &Host, nics: &[(&str, u8)]) -> Outcome {
    raw(
        host,
        "restore",
        &[CHECKPOINT, "host", "one-7", "7", "host"],
        &document(nics),
    )
    .into()
}

pub(crate) fn raw(host: &Host, name: &str, arguments: &[&str], stdin: &str) -> Output {
    host.write("/state/stdin", stdin);
    let stdin = File::open(host.path("/state/stdin")).unwrap();
    let mut driver = host.driver(&["action", "--", name]);
    driver.args(arguments).stdin(stdin).output().unwrap()
}

pub(crate) fn assert_free(host: &Host) {
    assert_eq!((host.leased("ib0"), host.leased("eth1")), (vec![], vec![]));
    assert_eq!(host.changed_vfs(), [""; 0]);
}

/// A host with a VM that was restored without its InfiniBand VF.
pub(crate) fn lacking() -> (Host, Outcome) {
    let host = host();
    assert_eq!(save(&host).code, 0);
    host.switch(
        "attach-fails",
        "<hostdev\ninternal error: vfio 0000:81:00.1: no",
    );
    let restored = restore(&host, &BOTH);
    host.switch_off("attach-fails");
    (host, restored)
}
