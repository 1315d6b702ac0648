//! Attaching SR-IOV NICs to a running VM, and detaching them.
//!
//! With every call failing in turn, and with the driver killed at every call, an independent audit compares domains, cards and
//! leases.

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

#[test]
fn an_infiniband_nic_comes_with_guids_and_dummy_and_goes_without_a_trace() {
    let host = host();
    let before = host.domain(7).unwrap();
    let driver = driver_of(&host, "0000:81:00.2");
    let attached = attach(&host, "sriov_ib0", 2);
    assert_eq!(
        (attached.code, attached.stdout.as_str()),
        (0, ""),
        "{}",
        attached.stderr
    );
    assert!(
        attached
            .stderr
            .contains("NIC '02:00:c0:a8:07:02' is VF 'ib0/1' (0000:81:00.2), position 1"),
        "{}",
        attached.stderr
    );
    let lease = host.lease("ib0/1").unwrap();
    assert_eq!(
        (&lease["state"], &lease["is_bound"], &lease["position"]),
        (&"active".into(), &true.into(), &1.into())
    );
    // The GUID has the network of the NIC that is attached.
    assert_eq!(lease["guid"], "00:09:aa:01:c0:a8:07:02");
    assert!(
        host.vf("ib0", 1)
            .contains("port_guid 00:09:aa:01:c0:a8:07:02"),
        "{}",
        host.vf("ib0", 1)
    );
    let during = host.domain(7).unwrap();
    assert!(during.contains("<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x81' slot='0x00' function='0x2'/></source></hostdev>"), "{during}");
    assert!(during.contains("<interface type='bridge'><source bridge='sriov_br'/><mac address='aa:01:c0:a8:07:02'/><model type='virtio'/><link state='down'/></interface>"), "{during}");

    let detached = detach(&host, &mac(2));
    assert_eq!(
        (detached.code, detached.stdout.as_str()),
        (0, ""),
        "{}",
        detached.stderr
    );
    assert_eq!(host.domain(7).unwrap(), before);
    assert_eq!(host.leased("ib0"), ["0"]);
    assert_eq!(driver_of(&host, "0000:81:00.2"), driver);
    assert_eq!(
        host.changed_vfs(),
        ["0000:81:00.1"],
        "only the VF of the deployment"
    );
}

#[test]
fn an_ethernet_nic_gets_its_mac_from_libvirt_and_needs_no_dummy() {
    let host = host();
    let attached = attach(&host, "sriov_eth1", 2);
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    let domain = host.domain(7).unwrap();
    assert!(
        domain
            .contains("<interface type='hostdev' managed='yes'><mac address='02:00:c0:a8:07:02'/>"),
        "{domain}"
    );
    assert!(!domain.contains("aa:01:"), "{domain}");
    assert!(host.vf("eth1", 0).contains("mac 02:00:c0:a8:07:02"));
    assert_eq!(detach(&host, &mac(2)).code, 0);
    assert_eq!(host.changed_vfs(), ["0000:81:00.1"]);
}

#[test]
fn up_to_4_14_the_front_end_says_less_and_its_stdin_never_ends() {
    let host = host();
    let mut command = host.driver(&["action", "--", "attach_nic"]);
    // The arguments of 4.0, and of 4.4 with the number of queues.
    let (open, _writer) = std::io::pipe().unwrap();
    command
        .args(["one-7", &mac(2), "sriov_ib0", "-", "7", "host"])
        .stdin(open);
    let attached: Outcome = command.output().unwrap().into();
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    let mut command = host.driver(&["action", "--", "attach_nic"]);
    let (open, _writer) = std::io::pipe().unwrap();
    command
        .args(["one-7", &mac(3), "sriov_ib0", "e1000", "vhost", "7", "host"])
        .stdin(open);
    let attached: Outcome = command.output().unwrap().into();
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    let domain = host.domain(7).unwrap();
    assert!(
        domain.contains("<mac address='aa:01:c0:a8:07:02'/><link"),
        "{domain}"
    );
    assert!(
        domain.contains("<mac address='aa:02:c0:a8:07:03'/><model type='e1000'/>"),
        "{domain}"
    );
    assert_eq!(
        host.lease("ib0/1").unwrap()["guid"],
        "00:00:aa:01:c0:a8:07:02"
    );
}

#[test]
fn a_nic_takes_the_lowest_position_that_is_free() {
    let host = host();
    for nth in [2, 3] {
        assert_eq!(attach(&host, "sriov_ib0", nth).code, 0);
    }
    assert_eq!(detach(&host, &mac(2)).code, 0);
    assert_eq!(attach(&host, "sriov_ib0", 9).code, 0);
    assert_eq!(host.lease("ib0/1").unwrap()["position"], 1);
    assert!(host.domain(7).unwrap().contains("aa:01:c0:a8:07:09"));
}

#[test]
fn what_fails_leaves_everything_as_it_was() {
    for (part, complaint, expected) in [
        (
            "<hostdev",
            "internal error: unable to execute QEMU command 'device_add': vfio 0000:81:00.2: no",
            "vfio 0000:81:00.2: no.",
        ),
        (
            "<hostdev",
            "internal error: No more available PCI slots",
            "No more available PCI slots; a q35 machine needs two free ports",
        ),
        (
            "aa:01:c0:a8:07:02",
            "internal error: No more available PCI slots",
            "No more available PCI slots; a q35 machine needs two free ports",
        ),
    ] {
        let host = host();
        let before = host.domain(7).unwrap();
        let driver = driver_of(&host, "0000:81:00.2");
        host.switch("attach-fails", &format!("{part}\n{complaint}"));
        let refused = attach(&host, "sriov_ib0", 2);
        assert_eq!(refused.code, 1);
        let start = "failed to attach NIC '02:00:c0:a8:07:02': ";
        let line = refused.stderr.lines().last().unwrap();
        assert!(
            line.starts_with(start) && line.contains(expected),
            "{}",
            refused.stderr
        );
        assert_eq!(host.domain(7).unwrap(), before);
        assert_eq!(host.leased("ib0"), ["0"]);
        assert_eq!(driver_of(&host, "0000:81:00.2"), driver);
        assert_eq!(host.changed_vfs(), ["0000:81:00.1"]);
    }
}

#[test]
fn a_guest_that_keeps_the_vf_keeps_its_lease_until_the_domain_shows_that_it_is_gone() {
    let host = host();
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    host.switch("guest-keeps-devices", "");
    let before = host.domain(7).unwrap();
    let refused = detach(&host, &mac(2));
    assert_eq!(refused.code, 1);
    let expected = "failed to detach NIC '02:00:c0:a8:07:02': the guest has not released VF 'ib0/1' within 1 s; it keeps the VF until it does.\n";
    assert_eq!(refused.stderr, expected);
    assert_eq!(host.domain(7).unwrap(), before);
    assert_eq!(host.lease("ib0/1").unwrap()["state"], "active");
    // The guest releases the VF later, for example at its next reboot.
    host.switch_off("guest-keeps-devices");
    assert_eq!(detach(&host, &mac(2)).code, 0);
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn a_guest_that_has_not_heard_is_asked_again() {
    let host = host();
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    host.switch("guest-is-slow", "2");
    let detached = detach(&host, &mac(2));
    assert_eq!(detached.code, 0, "{}", detached.stderr);
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn a_vm_that_ends_gives_all_its_vfs_back() {
    let host = host();
    let driver = driver_of(&host, "0000:81:00.2");
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
    assert_eq!(
        driver_of(&host, "0000:81:00.2"),
        driver,
        "libvirt leaves it with vfio-pci"
    );
    assert_eq!(host.changed_vfs(), [""; 0]);
}

#[test]
fn a_vf_that_went_from_vm_to_vm_goes_back_to_its_driver_at_last() {
    let host = host();
    let driver = driver_of(&host, "0000:81:00.2");
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    // The driver isn't called when the VM ends, and later allocates the VF to the next VM.
    host.power_off(7);
    assert_eq!(host.deploy(8, &["sriov_ib0"; 4]).code, 0);
    assert_eq!(host.lease("ib0/1").unwrap()["vm"], 8);
    assert_eq!(host.cancel(8).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
    assert_eq!(driver_of(&host, "0000:81:00.2"), driver);
    assert_eq!(host.changed_vfs(), [""; 0]);
}

/// Releases a VF of VM 7 without the driver: the guest reboots, and QEMU completes a pending unplug request.
fn guest_releases(host: &Host, function: u32) {
    let address = format!("<address bus='0x81' slot='0x0' function='0x{function}'/>");
    let element = format!("<hostdev type='pci'><source>{address}</source></hostdev>");
    host.write("/state/device", element);
    let mut virsh = host.command(&host.path("bin/virsh"));
    virsh
        .args(["detach-device", "one-7"])
        .arg(host.path("/state/device"))
        .arg("--live");
    assert!(virsh.status().unwrap().success());
}

#[test]
fn a_vf_that_another_vm_gets_leaves_no_dummy_nic_behind() {
    let host = host();
    // libvirt rebinds a VF that was in the deployed domain to its driver, so another VM can have it at once.
    guest_releases(&host, 1);
    assert!(host.domain(7).unwrap().contains("aa:00:c0:a8:07:01"));
    let deployed = host.deploy(8, &["sriov_ib0"; 4]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(host.lease("ib0/0").unwrap()["vm"], 8);
    let domain = host.domain(7).unwrap();
    assert!(!domain.contains("aa:00:"), "{domain}");
    // The position of the dummy NIC is free again.
    assert_eq!(host.cancel(8).code, 0);
    assert_eq!(attach(&host, "sriov_ib0", 3).code, 0);
    assert!(host.domain(7).unwrap().contains("aa:00:c0:a8:07:03"));
}

#[test]
fn a_dummy_nic_goes_with_its_vf_when_the_guest_releases_that_late() {
    let host = host();
    let before = host.domain(7).unwrap();
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    host.switch("guest-keeps-devices", "");
    assert_eq!(detach(&host, &mac(2)).code, 1);
    host.switch_off("guest-keeps-devices");
    guest_releases(&host, 2);
    assert!(host.domain(7).unwrap().contains("aa:01:c0:a8:07:02"));
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(host.domain(7).unwrap(), before);
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn a_vf_that_a_vm_no_longer_has_is_released_once() {
    let host = host();
    assert_eq!(host.deploy(8, &["sriov_ib0"; 2]).code, 0);
    let arguments = ["one-8", "02:00:c0:a8:08:01", "8", "host"];
    assert_eq!(host.action("detach_nic", &arguments, "").code, 0);
    let looked = host.operator(&["reconcile"]);
    assert_eq!(looked.stdout, "no stale lease\n");
}

#[test]
fn a_vm_without_vfs_gets_its_first_one() {
    let host = host();
    assert_eq!(host.deploy(8, &["br0"]).code, 0);
    attach_to_a_vm_without_vfs(&host);
    assert_eq!(host.lease("ib0/1").unwrap()["position"], 0);
    assert_eq!(
        host.action("detach_nic", &["one-8", &mac(2), "8", "host"], "")
            .code,
        0
    );
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn a_full_pool_is_told_before_anything_is_touched() {
    let host = host();
    assert_eq!(
        host.deploy(8, &["sriov_ib0", "sriov_ib0", "sriov_ib0"])
            .code,
        0
    );
    let before = host.domain(7).unwrap();
    let refused = attach(&host, "sriov_ib0", 2);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("ib0"), "{}", refused.stderr);
    assert_eq!(host.domain(7).unwrap(), before);
}

#[test]
fn two_nics_with_one_mac_are_not_told_apart() {
    let host = host();
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    assert_eq!(attach(&host, "sriov_eth1", 2).code, 0);
    let refused = detach(&host, &mac(2));
    let expected =
        "failed to detach NIC '02:00:c0:a8:07:02': VM 7 has 2 SR-IOV NICs with this MAC.\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (1, expected));
}

/// Lists inconsistencies: VFs in a domain without a lease, or the reverse; free VFs not in their original state; dummy NICs
/// without a VF.
fn audit(host: &Host, driver: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let domain = host.domain(7).unwrap();
    let leased = host.leased("ib0");
    for (vf, nth) in [(1, 2), (2, 3), (3, 4)] {
        let device = format!("0000:81:00.{nth}");
        let is_held = domain.contains(&format!("function='0x{nth}'"));
        let lease = leased
            .contains(&vf.to_string())
            .then(|| host.lease(&format!("ib0/{vf}")).unwrap());
        let dummies = domain.matches("<mac address='aa:01:").count();
        match (is_held, lease) {
            (true, Some(_)) if dummies == 1 => {}
            (false, None) => {
                if driver_of(host, &device) != driver || host.changed_vfs().contains(&device) {
                    problems.push(format!("{device} is free, but not as before"));
                }
                if vf == 1 && dummies > 0 {
                    problems.push("a dummy NIC without a VF".to_owned());
                }
            }
            (is_held, lease) => problems.push(format!(
                "{device}: held {is_held}, dummies {dummies}, lease {lease:?}"
            )),
        }
    }
    problems
}

/// Attaches and detaches a NIC, with a fault at every call of a program in turn, and runs `check` each time.
fn at_every_call(switch: &str, check: impl Fn(&Host, &Output, &str)) {
    for step in ["attach", "detach"] {
        let mut reached = 0;
        for nth in 1.. {
            let host = host();
            host.write("/etc/one-sriov/kvmrc", "UNPLUG_WAIT=1\nLEASE_GRACE=0\n");
            if step == "detach" {
                assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
            }
            host.switch(switch, &nth.to_string());
            let outcome = match step {
                "attach" => attach_raw(&host, "sriov_ib0", 2),
                _ => detach_raw(&host, &mac(2)),
            };
            let left = host.read(&format!("/state/{switch}")).unwrap();
            host.switch_off(switch);
            let what = format!("{step} {nth}: {}", String::from_utf8_lossy(&outcome.stderr));
            check(&host, &outcome, &what);
            if left.trim() != "0" {
                break;
            }
            reached = nth;
        }
        assert!(reached >= 8, "{step}: only {reached} calls");
    }
}

#[test]
fn a_call_that_fails_leaves_all_or_nothing() {
    let driver = driver_of(&host(), "0000:81:00.2");
    at_every_call("fails-at", |host, outcome, what| {
        // `reconcile` completes a failed release.
        assert_eq!(host.operator(&["reconcile"]).code, 0, "{what}");
        if outcome.status.success() {
            let is_there = host.leased("ib0").contains(&"1".to_owned());
            assert_eq!(is_there, what.starts_with("attach"), "{what}");
        }
        assert_eq!(audit(host, &driver), [""; 0], "{what}");
    });
}

#[test]
fn a_driver_that_is_killed_at_any_call_leaves_all_or_nothing_for_the_next_look() {
    let driver = driver_of(&host(), "0000:81:00.2");
    at_every_call("dies-at", |host, _, what| {
        let looked = host.operator(&["reconcile"]);
        assert_eq!(looked.code, 0, "{what}: {}{}", looked.stdout, looked.stderr);
        assert_eq!(audit(host, &driver), [""; 0], "{what}");
    });
}

#[test]
fn a_snapshot_is_refused_and_a_revert_names_the_nics_that_it_takes_away() {
    let host = host();
    host.stock("snapshot_create", "echo snap-1\n");
    let created = host.action("snapshot_create", &["one-7", "0", "7", "host"], "");
    let expected = "failed to take a snapshot of VM 7: it holds VF 'ib0/0'; libvirt takes no snapshot of a VM with a VF.\n";
    assert_eq!((created.code, created.stderr.as_str()), (1, expected));

    assert_eq!(host.deploy(8, &["br0"]).code, 0);
    assert_eq!(
        host.action("snapshot_create", &["one-8", "0", "8", "host"], "")
            .stdout,
        "snap-1\n"
    );
    let before = host.domain(8).unwrap();
    attach_to_a_vm_without_vfs(&host);
    let state = "$DIR/state/domains/one-8.xml";
    host.write("/state/snapshot", before);
    host.stock(
        "snapshot_revert",
        &format!("cp \"$DIR/state/snapshot\" \"{state}\"\n"),
    );
    let reverted = host.action("snapshot_revert", &["one-8", "snap-1", "8", "host"], "");
    assert_eq!(reverted.code, 0, "{}", reverted.stderr);
    let expected = "NIC '02:00:c0:a8:07:02' is not in the snapshot: VM 8 has lost VF 'ib0/1'; detach the NIC and attach it again";
    assert!(reverted.stderr.contains(expected), "{}", reverted.stderr);
    assert_eq!(host.leased("ib0"), ["0"]);
    assert_eq!(host.changed_vfs(), ["0000:81:00.1"]);
    // The message's remedy works: the document shows that this is an SR-IOV NIC.
    host.write("/var/tmp/one/VERSION", "7.0.0\n");
    host.stock("detach_nic", "echo 'no such interface' >&2; exit 1\n");
    let nic = format!(
        "<NIC><ATTACH>YES</ATTACH><BRIDGE>sriov_ib0</BRIDGE><MAC>{}</MAC></NIC>",
        mac(2)
    );
    let document = format!("<VM><TEMPLATE>{nic}</TEMPLATE></VM>");
    let detach =
        |document: &str| host.action("detach_nic", &["one-8", &mac(2), "8", "host"], document);
    let detached = detach(&document);
    assert_eq!(detached.code, 0, "{}", detached.stderr);
    let other = detach(&document.replace("sriov_ib0", "br0"));
    assert_eq!(
        (other.code, other.stderr.as_str()),
        (1, "no such interface\n")
    );
}
