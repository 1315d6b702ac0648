//! PCI NICs: OpenNebula chooses their VFs, and the driver leases and prepares them.

mod hotplug;
mod pools;
mod suspend;

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf, domain, hostdev, pci_nic};

fn host() -> Host {
    Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 4),
        Pf::ethernet("ens1f0", "0000:82:00", 4),
    ])
}

/// Adds devices of the host to a domain, after its NICs.
pub(crate) fn with_devices(domain: &str, devices: &[&str]) -> String {
    let hostdevs: String = devices.iter().map(|device| hostdev(device)).collect();
    domain.replace("\t</devices>", &format!("{hostdevs}\n\t</devices>"))
}

pub(crate) fn write_document(host: &Host, vm: u32, nics: &str) {
    host.write(
        &format!("/var/lib/one/datastores/0/{vm}/vm.xml"),
        format!("<VM><ID>{vm}</ID><TEMPLATE>{nics}</TEMPLATE></VM>"),
    );
}

/// Deploys a VM with a PCI NIC for each of these devices.
fn deploy(host: &Host, vm: u32, bridges: &[&str], devices: &[&str]) -> (String, Outcome) {
    let nics: String = (0..)
        .zip(devices)
        .map(|(nth, device)| pci_nic(vm, nth, device, ""))
        .collect();
    write_document(host, vm, &nics);
    let domain = with_devices(&domain(vm, bridges), devices);
    let outcome = host.deploy_domain(vm, &domain);
    (domain, outcome)
}

const ORIGINAL: &str =
    "node_guid 0c:42:a1:03:00:00:00:00 port_guid 0c:42:a1:03:00:00:00:00 state disable";

#[test]
fn an_infiniband_vf_gets_its_guids_and_the_domain_is_unchanged() {
    let host = host();
    let (domain, deployed) = deploy(&host, 7, &["br0"], &["0000:81:00.1"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(host.domain(7).unwrap(), domain);
    let expected =
        "INFO: deploy: PCI NIC '02:00:c0:a8:07:c8' is VF 'ib0/0' (0000:81:00.1), position 0\n";
    assert_eq!(deployed.stderr, expected);
    let guid = "00:04:aa:00:c0:a8:07:c8";
    assert_eq!(
        host.vf("ib0", 0),
        format!("node_guid {guid} port_guid {guid} state auto")
    );
    let lease = host.lease("ib0/0").unwrap();
    assert_eq!(lease["identity"], "native");
    assert_eq!(lease["state"], "active");
    assert_eq!(lease["dummy_mac"], serde_json::Value::Null);
    let pool = host.operator(&["pool", "ib0"]);
    assert!(pool.stdout.contains("ib0: 3 of 4 free"), "{}", pool.stdout);
    assert!(pool.stdout.contains("VM 7 (PCI NIC)"), "{}", pool.stdout);
    let json = host.operator(&["--json", "pool", "ib0"]).stdout;
    assert!(json.contains("\"identity\": \"native\""), "{json}");
    let probe = host.operator(&["probe"]);
    assert!(
        probe.stdout.contains("SRIOV_IB0_FREE=3"),
        "{}",
        probe.stdout
    );

    let cancelled = host.cancel(7);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    assert_eq!(host.vf("ib0", 0), ORIGINAL);
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn pci_nics_get_positions_after_other_nics_and_no_vf_is_allocated_twice() {
    let host = host();
    let devices = ["0000:81:00.2", "0000:81:00.1"];
    let (domain, deployed) = deploy(&host, 7, &["sriov_ib0", "sriov_ib0"], &devices);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let places = ["ib0/0", "ib0/1", "ib0/2", "ib0/3"];
    let positions = places.map(|place| host.lease(place).unwrap()["position"].clone());
    assert_eq!(positions, [3, 2, 0, 1]);
    // The driver edits only the other NICs.
    let devices: String = devices.map(hostdev).concat();
    assert!(domain.contains(&devices));
    assert!(host.domain(7).unwrap().contains(&devices));
    assert_eq!(host.domain(7).unwrap().matches("<hostdev").count(), 4);
    assert_eq!(host.domain(7).unwrap().matches("sriov_br").count(), 2);
    assert_eq!(host.cancel(7).code, 0);
    assert!(host.changed_vfs().is_empty());
}

#[test]
fn a_plain_pci_device_of_the_vm_is_not_allocated_to_one_of_its_nics() {
    let host = host();
    write_document(&host, 7, "");
    let domain = with_devices(&domain(7, &["sriov_ib0"]), &["0000:81:00.1"]);
    assert_eq!(host.deploy_domain(7, &domain).code, 0);
    assert_eq!(host.leased("ib0"), ["1"]);
}

#[test]
fn a_vf_in_use_is_refused_and_its_holder_named() {
    let host = host();
    assert_eq!(host.deploy(3, &["sriov_ib0"]).code, 0);
    host.foreign_domain("other", &["0000:81:00.2"]);
    let table = [
        ("0000:81:00.1", "VM 3 has it"),
        ("0000:81:00.2", "domain 'other' has it"),
    ];
    for (device, holder) in table {
        let (_, deployed) = deploy(&host, 7, &[], &[device]);
        let expected =
            format!("failed to use VF '{device}' of PCI NIC '02:00:c0:a8:07:c8': {holder}.\n");
        assert_eq!((deployed.code, deployed.stderr), (1, expected));
        assert_eq!(host.domain(7), None);
    }
    assert_eq!(host.leased("ib0"), ["0"]);
    // The VM has stopped, so the next action releases its VF first.
    host.power_off(3);
    let (_, deployed) = deploy(&host, 7, &[], &["0000:81:00.1"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(host.cancel(7).code, 0);
    assert!(host.changed_vfs().is_empty());
}

#[test]
fn a_vf_that_libvirt_has_not_released_is_refused_until_the_wait_is_over() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "VF_RELEASE_WAIT=0\n");
    assert_eq!(host.deploy(3, &["sriov_ib0"]).code, 0);
    host.switch("devices-stay", "");
    host.power_off(3);
    let refused = deploy(&host, 7, &[], &["0000:81:00.1"]).1;
    let why = "libvirt has not released it yet after the end of VM 3";
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    // The VF stays bound to vfio-pci, but after the wait it counts as released.
    let deployed = deploy(&host, 7, &[], &["0000:81:00.1"]).1;
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert!(host.vf("ib0", 0).contains("00:04:aa:00:c0:a8:07:c8"));
}

#[test]
fn settings_of_the_network_driver_are_cleared_however_the_vm_ends() {
    let host = host();
    for ends in ["cancel", "reconcile", "probe"] {
        let (domain, deployed) = deploy(&host, 7, &[], &["0000:82:00.2"]);
        assert_eq!(deployed.code, 0, "{}", deployed.stderr);
        assert_eq!(host.domain(7).unwrap(), domain);
        assert_eq!(host.lease("ens1f0/1").unwrap()["identity"], "native");
        let dirty = "1 mac 02:00:c0:a8:07:c8 vlan 100 spoofchk on trust on max_tx_rate 500";
        let clean = "1 mac 02:11:00:00:00:01 vlan 0 spoofchk off trust off max_tx_rate 0";
        // As if the PF showed all these settings.
        let lease = host.read("/run/one-sriov/ens1f0/1").unwrap();
        let known = lease.replace(
            "\"spoof_check\":null,\"trust\":null,\"rates\":null",
            "\"spoof_check\":false,\"trust\":false,\"rates\":[0,0]",
        );
        assert_ne!(lease, known);
        host.write("/run/one-sriov/ens1f0/1", known);
        let others = |own: &str| {
            let line = |vf: u32| format!("{vf} mac 02:11:00:00:00:{vf:02x} vlan 0\n");
            format!("{}{own}\n{}{}", line(0), line(2), line(3))
        };
        host.set_vfs("ens1f0", &others(dirty));
        if ends == "cancel" {
            assert_eq!(host.cancel(7).code, 0);
        } else {
            host.power_off(7);
            assert_eq!(host.operator(&[ends]).code, 0);
        }
        let words: std::collections::BTreeSet<_> = clean[2..].split(' ').collect();
        let shown = host.vf("ens1f0", 1);
        let shown: std::collections::BTreeSet<_> = shown
            .split(' ')
            .filter(|word| *word != "min_tx_rate")
            .collect();
        assert_eq!(shown, words, "{ends}");
        assert_eq!(host.leased("ens1f0"), [""; 0]);
        host.reset_cards();
    }
}

#[test]
fn a_previous_vm_leaves_no_settings_on_an_ethernet_vf() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "VF_IDENTITY_ens1f0=dummy\n");
    assert_eq!(host.deploy(3, &["sriov_ens1f0"]).code, 0);
    host.power_off(3);
    assert_eq!(host.vf("ens1f0", 0), "mac 02:00:c0:a8:03:01 vlan 0");
    let (_, deployed) = deploy(&host, 7, &[], &["0000:82:00.1"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(host.vf("ens1f0", 0), "mac 02:11:00:00:00:00 vlan 0");
}

#[test]
fn a_network_whose_driver_would_cancel_the_vm_is_refused_before_the_boot() {
    let host = host();
    let deploy = |device: &str, driver: &str| {
        let driver = format!("<VN_MAD>{driver}</VN_MAD>");
        write_document(&host, 7, &pci_nic(7, 0, device, &driver));
        let deployed = host.deploy_domain(7, &with_devices(&domain(7, &[]), &[device]));
        if deployed.code == 0 {
            assert_eq!(host.cancel(7).code, 0);
        }
        deployed
    };
    // Before 6.6, network drivers don't set up PCI NICs.
    assert_eq!(deploy("0000:81:00.1", "bridge").code, 0);
    host.write("/var/tmp/one/vnm/vf.rb", "");
    for driver in ["bridge", "fw", "802.1Q", "ovswitch"] {
        let refused = deploy("0000:81:00.1", driver);
        let expected = format!(
            "failed to use InfiniBand VF '0000:81:00.1': its network needs VN_MAD=\"dummy\"; '{driver}' would \
             cancel the VM after its boot.\n"
        );
        assert_eq!((refused.code, refused.stderr), (1, expected));
        assert_eq!(host.vf("ib0", 0), ORIGINAL);
        assert_eq!(deploy("0000:82:00.1", driver).code, 0);
    }
    for driver in ["dummy", "vxlan", "ovswitch_vxlan"] {
        assert_eq!(deploy("0000:81:00.1", driver).code, 0, "{driver}");
    }
}

#[test]
fn without_a_document_pci_devices_are_not_managed() {
    let host = host();
    let text = with_devices(&domain(7, &[]), &["0000:81:00.1"]);
    let cut = "failed to read '/var/lib/one//datastores/0/7/vm.xml': it is truncated";
    let table = [
        (None, "there is no 'vm.xml' beside the deployment file"),
        (Some("<VM><TEMPLATE>"), cut),
    ];
    for (document, why) in table {
        if let Some(document) = document {
            host.write("/var/lib/one/datastores/0/7/vm.xml", document);
        }
        let deployed = host.deploy_domain(7, &text);
        let expected = format!("INFO: deploy: {why}: the PCI devices of the VM are not managed\n");
        assert_eq!((deployed.code, deployed.stderr), (0, expected));
        assert_eq!(host.domain(7).unwrap(), text);
        assert_eq!(host.leased("ib0"), [""; 0]);
        assert_eq!(host.cancel(7).code, 0);
    }
    // PCI devices that are not NICs are ignored.
    write_document(&host, 7, "<PCI><ADDRESS>0000:81:00:1</ADDRESS></PCI>");
    let deployed = host.deploy_domain(7, &text);
    assert_eq!((deployed.code, &*deployed.stderr), (0, ""));
    assert_eq!(host.vf("ib0", 0), ORIGINAL);
}

#[test]
fn a_vm_runs_even_if_the_pf_does_not_accept_guids() {
    let host = host();
    host.switch("ip-unsupported", "ib0");
    let (_, deployed) = deploy(&host, 7, &[], &["0000:81:00.1"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let note =
        "'ib0' does not accept GUIDs: the guest recognizes VF 'ib0/0' only by its PCI address";
    assert!(deployed.stderr.contains(note), "{}", deployed.stderr);
    let lease = host.lease("ib0/0").unwrap();
    assert_eq!(
        (&lease["identity"], &lease["guid"]),
        (&"native".into(), &serde_json::Value::Null)
    );
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn a_whole_card_is_not_managed() {
    let host = host();
    let class = "<CLASS>0207</CLASS>";
    write_document(&host, 7, &pci_nic(7, 0, "0000:81:00.0", class));
    let text = with_devices(&domain(7, &[]), &["0000:81:00.0"]);
    let deployed = host.deploy_domain(7, &text);
    let note = "INFO: deploy: PCI NIC '02:00:c0:a8:07:c8' is a whole InfiniBand card ('0000:81:00.0'): it keeps \
                its own GUIDs\n";
    assert_eq!((deployed.code, &*deployed.stderr), (0, note));
    assert_eq!(host.domain(7).unwrap(), text);
}

#[test]
fn a_vf_whose_pf_has_no_network_device_is_not_managed() {
    let host = host();
    std::fs::remove_dir_all(host.path("/sys/bus/pci/devices/0000:82:00.0/net")).unwrap();
    let (domain, deployed) = deploy(&host, 7, &[], &["0000:82:00.1"]);
    let note = "INFO: deploy: PCI NIC '02:00:c0:a8:07:c8' is not managed: the PF of VF '0000:82:00.1' has no network \
                device\n";
    assert_eq!((deployed.code, &*deployed.stderr), (0, note));
    assert_eq!(host.domain(7).unwrap(), domain);
    assert_eq!(host.leased("ens1f0"), [""; 0]);
}

#[test]
fn a_failed_boot_leaves_the_card_unchanged() {
    let host = host();
    host.switch("create-fails", "");
    let (_, deployed) = deploy(&host, 7, &[], &["0000:81:00.1", "0000:82:00.1"]);
    assert_eq!(deployed.code, 255);
    assert!(host.changed_vfs().is_empty());
    assert_eq!(
        (host.leased("ib0"), host.leased("ens1f0")),
        (vec![], vec![])
    );
}

#[test]
fn a_vf_that_is_not_in_the_map_of_its_pf_is_leased_too() {
    let host = host();
    host.write(
        "/var/tmp/one/vmm/kvm-sriov/vf_maps/ib0",
        "0x81 0x00 0x3\n0x81 0x00 0x2\n",
    );
    let (_, deployed) = deploy(&host, 7, &["sriov_ib0"], &["0000:81:00.1", "0000:81:00.2"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(host.leased("ib0"), ["0", "1", "65536"]);
    assert_eq!(host.lease("ib0/65536").unwrap()["address"], "0000:81:00.1");
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn without_a_lease_directory_an_ethernet_vf_is_not_managed() {
    let host = host();
    std::fs::remove_dir(host.path("/run/one-sriov")).unwrap();
    let (domain, deployed) = deploy(&host, 7, &[], &["0000:82:00.1"]);
    let note =
        "INFO: deploy: there is no lease directory: the PCI NICs of the VM are not managed\n";
    assert_eq!((deployed.code, &*deployed.stderr), (0, note));
    assert_eq!(host.domain(7).unwrap(), domain);
    let (_, deployed) = deploy(&host, 8, &[], &["0000:81:00.1"]);
    assert_eq!(deployed.code, 1);
    assert!(
        deployed.stderr.contains("/run/one-sriov"),
        "{}",
        deployed.stderr
    );
}

/// A VM and the pool of its PCI NIC, by release. `7.5` is recorded, the others are derived from the source of `oned`.
const RELEASES: [(&str, u32, &str); 4] = [
    ("6.0", 42, "ib0"),
    ("6.6", 42, "ib0"),
    ("6.10", 42, "ib0"),
    ("7.5", 9, "ens2"),
];

#[test]
fn the_vfs_are_found_in_the_documents_of_every_release() {
    for (release, vm, pool) in RELEASES {
        let host = Host::new(&[
            Pf::infiniband("ib0", "0000:81:00", 4),
            Pf::ethernet("ens2", "0000:82:00", 4),
        ]);
        host.write("/var/tmp/one/vnm/vf.rb", "");
        let read = |name: &str| {
            let path = one_sriov_tests::fixture(&format!("pci/{release}/{name}"));
            std::fs::read_to_string(path).unwrap()
        };
        host.write(
            &format!("/var/lib/one/datastores/0/{vm}/vm.xml"),
            read("vm.xml"),
        );
        let domain = read("domain.xml");
        let deployed = host.deploy_domain(vm, &domain);
        assert_eq!(deployed.code, 0, "{release}: {}", deployed.stderr);
        let lease = host.lease("ib0/1").unwrap();
        assert_eq!(lease["identity"], "native", "{release}");
        assert_eq!(lease["mac"], "02:00:c0:a8:07:14", "{release}");
        let guid = "00:04:aa:01:c0:a8:07:14";
        let set = format!("node_guid {guid} port_guid {guid} state auto");
        assert_eq!(host.vf("ib0", 1), set, "{release}");
        assert_eq!(
            host.lease(&format!("{pool}/0")).unwrap()["position"],
            0,
            "{release}"
        );
        // The element of the PCI device is unchanged, to the byte.
        let start = domain.find("\t\t<hostdev").unwrap();
        let end = domain.find("</hostdev>").unwrap();
        assert!(
            host.domain(vm).unwrap().contains(&domain[start..end]),
            "{release}"
        );
        assert_eq!(host.cancel(vm).code, 0);
        assert!(host.changed_vfs().is_empty(), "{release}");
    }
}

#[test]
fn a_killed_deployment_keeps_its_vf_for_its_own_vm() {
    let host = crate::kill::stopping_host(2);
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=3600\n");
    let text = |vm: u32| {
        write_document(&host, vm, &pci_nic(vm, 0, "0000:81:00.1", ""));
        with_devices(&domain(vm, &[]), &["0000:81:00.1"])
    };
    let start = || {
        let child = crate::kill::spawn_domain(&host, 7, &text(7));
        crate::kill::reach_the_stock_action(child)
    };
    let mut child = start();
    let first = host.lease("ib0/0").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // The stock action is still alive and keeps the deployment locked. When it has ended, libvirt may still complete the domain.
    let refused = "failed to use VF '0000:81:00.1' of PCI NIC '02:00:c0:a8:08:c8': VM 7 has it.\n";
    assert_eq!(host.deploy_domain(8, &text(8)).stderr, refused);
    crate::kill::answer(&host, "no");
    crate::kill::wait_for_the_stock_action(&host);
    assert_eq!(host.deploy_domain(8, &text(8)).stderr, refused);
    // The same VM resumes the deployment, and the saved original state stays.
    let child = start();
    let second = host.lease("ib0/0").unwrap();
    assert_ne!(first["deployment"], second["deployment"]);
    assert_eq!(first["original"], second["original"]);
    crate::kill::answer(&host, "yes");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    host.power_off(7);
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(host.vf("ib0", 0), ORIGINAL);
}
