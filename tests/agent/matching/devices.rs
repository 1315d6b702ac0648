//! Which network devices are NICs at all.

use one_sriov_tests::{Machine, Nic, virtio};

use super::{dummy, nics, pairs, plain};

#[test]
fn stacked_and_virtual_devices_are_left_out() {
    let mac = "02:00:c0:a8:07:0a";
    let set = |nic: Nic| nic.with("addr_assign_type", "3");
    let made_up = |name: &str| set(virtio(name, mac, 9).virtual_device());
    let child = plain("ib0.8001", 5).with("iflink", "2");
    let old_child = plain("ib0.8002", 5).with("parent", "ib0");
    let devices = [
        made_up("bond0").with("uevent", "DEVTYPE=bond\nINTERFACE=bond0"),
        made_up("br0").with("bridge/bridge_id", "8000.020000000000"),
        made_up("vlan5").with("uevent", "DEVTYPE=vlan"),
        made_up("tap0").with("tun_flags", "0x1002"),
        made_up("team0").with("lower_eth0/ifindex", "2"),
        virtio("docker0", mac, 9)
            .virtual_device()
            .with("addr_assign_type", "1"),
        made_up("lo").with("type", "772"),
        child,
        old_child,
        virtio("eth0", mac, 3),
        dummy(1, 11),
        plain("ib0", 5),
    ];
    let machine = Machine::new(&nics(&[10, 11]), &devices);
    assert_eq!(
        pairs(&nics(&[10, 11]), &devices),
        ["ETH0 -> eth0", "ETH1 -> ib0"]
    );
    let explained = |name: &str| one_sriov_tests::run(&machine, &["explain", name]).stdout;
    assert_eq!(
        explained("bond0"),
        "'bond0' is not looked at: a device of kind 'bond'\n"
    );
    assert_eq!(
        explained("br0"),
        "'br0' is not looked at: a virtual device (it has 'bridge')\n"
    );
    assert_eq!(
        explained("team0"),
        "'team0' is not looked at: a virtual device (it has 'lower_eth0')\n"
    );
    assert_eq!(
        explained("docker0"),
        "'docker0' is not looked at: a virtual device with an address that nobody chose\n"
    );
    assert_eq!(
        explained("ib0.8001"),
        "'ib0.8001' is not looked at: a P_Key child\n"
    );
    assert_eq!(
        explained("ib0.8002"),
        "'ib0.8002' is not looked at: a P_Key child\n"
    );
    assert_eq!(
        explained("lo"),
        "'lo' is not looked at: neither Ethernet nor InfiniBand (ARPHRD type 772)\n"
    );
}

#[test]
fn in_a_container_the_nic_is_a_virtual_device_with_a_chosen_address() {
    let veth = virtio("eth0", "02:00:c0:a8:07:0a", 9)
        .virtual_device()
        .with("addr_assign_type", "3")
        .with("iflink", "77");
    assert_eq!(pairs(&nics(&[10]), &[veth]), ["ETH0 -> eth0"]);
}

#[test]
fn a_device_handed_in_by_its_pci_address_is_at_no_position() {
    // A VF that the cloud knows as a PCI device and not as a NIC.
    let context = nics(&[10]) + "PCI0_ADDRESS='05:05.0'\n";
    let devices = [dummy(0, 10), plain("ib0", 5), plain("ib1", 6)];
    assert_eq!(pairs(&context, &devices), ["ETH0 -> ib1"]);
}
