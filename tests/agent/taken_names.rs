//! Device names that another NIC may have after the next boot: old files must not apply to that NIC.

use one_sriov_tests::{Machine, ethernet, infiniband, run, virtio};

use crate::files::{TWO, ifcfg, machine};
use crate::scenario::{address_of, apply};

/// The old file would apply to the NIC that has the name now.
#[test]
fn the_file_of_an_absent_nic_is_removed_if_another_device_has_its_name() {
    // A skipped NIC gets the name of an absent one.
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    machine.unplug("eth0");
    machine.unplug("eth1");
    let mut machine = machine;
    machine.plug(&virtio("eth0", "02:00:0a:00:00:06", 4));
    machine.write("/context/context.sh", format!("{TWO}ETH1_METHOD='skip'\n"));
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(machine.etc_paths(), Vec::<String>::new());

    // A port's GUID shows another position, whose NIC has no address.
    let guid = |position: u8, pci: &str| {
        let guid = format!("00:2a:aa:{position:02x}:0a:00:00:{:02x}", position + 5);
        infiniband(&format!("ib{position}"), &guid, pci)
    };
    let dummy = |position: u8| {
        let mac = format!("aa:{position:02x}:0a:00:00:{:02x}", position + 5);
        virtio(&format!("eth{position}"), &mac, 3 + position)
    };
    let nics = [
        dummy(0),
        dummy(1),
        guid(0, "0000:00:05.0"),
        guid(1, "0000:00:06.0"),
    ];
    let context =
        "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:0a:00:00:06'\n";
    let mut machine = Machine::new(context, &nics);
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(address_of(&machine, "ib0").as_deref(), Some("10.0.0.5"));
    machine.unplug("ib0");
    machine.unplug("ib1");
    let renamed = infiniband("ib0", "00:2a:aa:01:0a:00:00:06", "0000:00:07.0");
    machine.plug(&renamed);
    let outcome = apply(&machine);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: warning: ETH0 is not configured: 'ib0' is ETH1\n"
    );
    assert!(!machine.has(&ifcfg("ib0")));
}

/// NetworkManager's file of a dummy NIC contains its device name and its MAC. It must not apply to the next device with the name.
#[test]
fn the_file_of_a_dummy_is_removed_if_another_device_has_its_name() {
    const KEYFILE: [&str; 3] = ["apply", "--backend", "keyfile"];
    let two = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n";
    let nics = [
        virtio("eth0", "aa:00:0a:00:00:05", 3),
        virtio("eth1", "aa:01:0a:00:00:06", 4),
        infiniband("ib0", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
        infiniband("ib1", "24:8a:07:03:00:aa:bb:02", "0000:00:06.0"),
    ];
    let dummy_of = |name: &str| format!("/etc/NetworkManager/conf.d/90-one-sriov-{name}.conf");
    let before = || {
        let machine = Machine::new(two, &nics);
        assert_eq!(run(&machine, &KEYFILE).code, 0);
        assert!(machine.has(&dummy_of("eth0")) && machine.has(&dummy_of("eth1")));
        machine
    };

    // SR-IOV NIC 0 was replaced by a plain NIC, so positions are counted anew.
    let mut machine = before();
    for name in ["eth0", "eth1", "ib0", "ib1"] {
        machine.unplug(name);
    }
    machine.plug(&virtio("eth0", "aa:00:0a:00:00:06", 3));
    machine.plug(&virtio("eth1", "02:00:0a:00:00:07", 4));
    machine.plug(&infiniband(
        "ib0",
        "24:8a:07:03:00:aa:bb:01",
        "0000:00:07.0",
    ));
    let one = "ETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\nETH2_MAC='02:00:0a:00:00:07'\nETH2_IP='10.0.0.7'\n";
    machine.write("/context/context.sh", one);
    assert_eq!(run(&machine, &KEYFILE).code, 0);
    assert!(machine.has(&dummy_of("eth0")));
    assert!(!machine.has(&dummy_of("eth1")), "eth1 is ETH2");

    // The pool now gives VFs the NIC's MAC, without dummy NICs.
    let mut machine = before();
    for name in ["eth0", "eth1", "ib0", "ib1"] {
        machine.unplug(name);
    }
    machine.plug(&ethernet(
        "eth0",
        "02:00:0a:00:00:05",
        "0000:00:08.0",
        "igbvf",
    ));
    machine.plug(&virtio("eth1", "02:00:0a:00:00:09", 4));
    assert_eq!(run(&machine, &KEYFILE).code, 0);
    assert!(!machine.has(&dummy_of("eth0")), "eth0 is ETH0");
    assert!(!machine.has(&dummy_of("eth1")), "eth1 is a foreign device");
}
