//! Devices that are ports of other devices, which have the addresses.

use std::process::Command;

use one_sriov_system::netlink::record::permanent_address_message;
use one_sriov_tests::{Machine, Nic, Outcome, agent_path, ethernet, infiniband, run, virtio};

use super::{dummy, nics, plain};

const FIRST: &str = "02:00:c0:a8:07:05";
const SECOND: &str = "02:00:c0:a8:07:06";

/// Makes a device a port of another.
fn enslave(machine: &Machine, port: &str, master: &str) {
    let link = format!("/sys/class/net/{port}/master");
    machine.link(&link, &format!("../../../../virtual/net/{master}"));
}

/// The lines of `plan` about NICs.
fn plan(machine: &Machine) -> String {
    let outcome = run(machine, &["plan", "--backend", "ifcfg-initscripts"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stdout
}

fn made_up(name: &str, mac: &str) -> Nic {
    virtio(name, mac, 9)
        .virtual_device()
        .with("addr_assign_type", "3")
}

#[test]
fn a_bond_port_is_identified_by_its_original_mac_and_gets_no_address() {
    // ens5 was added first, so both ports have its MAC.
    let port =
        |name, own, pci| ethernet(name, SECOND, pci, "iavf").with("bonding_slave/perm_hwaddr", own);
    let bond = made_up("bond0", SECOND).with("uevent", "DEVTYPE=bond");
    let devices = [
        port("ens4", FIRST, "0000:00:04.0"),
        port("ens5", SECOND, "0000:00:05.0"),
        bond,
    ];
    let machine = Machine::new(&nics(&[5, 6]), &devices);
    enslave(&machine, "ens4", "bond0");
    enslave(&machine, "ens5", "bond0");
    let plan = plan(&machine);
    for (nic, port) in [("ETH0", "ens4"), ("ETH1", "ens5")] {
        let expected = format!(
            "{nic} is not configured: '{port}' is a port of 'bond0', which carries its addresses\n"
        );
        assert!(plan.contains(&expected), "{plan}");
    }
    assert!(!plan.contains("--- "), "no file is written: {plan}");
}

#[test]
fn files_written_before_a_device_became_a_port_are_kept() {
    let machine = Machine::new(&nics(&[5]), &[virtio("eth0", FIRST, 3)]);
    let apply = || run(&machine, &["apply", "--backend", "ifcfg-initscripts"]);
    assert_eq!(apply().code, 0);
    let before = machine.etc();
    enslave(&machine, "eth0", "team0");
    let outcome = apply();
    assert!(
        outcome
            .stderr
            .contains("ETH0 is not configured: 'eth0' is a port of 'team0'"),
        "{}",
        outcome.stderr
    );
    assert_eq!(machine.etc(), before);
}

#[test]
fn the_master_of_a_failover_pair_has_the_address() {
    // net_failover: three devices have the same MAC, and the master shows the hardware of the standby device.
    let devices = [
        ethernet("ens2", FIRST, "0000:00:02.0", "iavf"),
        virtio("ens8nsby", FIRST, 8),
        virtio("ens8", FIRST, 8),
    ];
    let machine = Machine::new(&nics(&[5]), &devices);
    enslave(&machine, "ens2", "ens8");
    enslave(&machine, "ens8nsby", "ens8");
    let plan = plan(&machine);
    assert!(
        plan.contains("ETH0 -> ens8: it has the MAC of the NIC\n"),
        "{plan}"
    );
    assert!(!plan.contains("also has the MAC"), "{plan}");
}

#[test]
fn a_device_in_a_vrf_keeps_its_address() {
    let machine = Machine::new(
        &nics(&[5]),
        &[
            virtio("eth0", FIRST, 3),
            made_up("red", "0a:00:00:00:00:01").with("flags", "0x480"),
        ],
    );
    enslave(&machine, "eth0", "red");
    let plan = plan(&machine);
    assert!(
        plan.contains("ETH0 -> eth0: it has the MAC of the NIC\n"),
        "{plan}"
    );
}

/// A team has its own MAC unless teamd gives it a port's. Only a VRF has `IFF_MASTER`.
#[test]
fn a_team_port_is_not_mistaken_for_a_vrf_port() {
    let team = made_up("team0", "0a:00:00:00:00:01").with("flags", "0x1003");
    let machine = Machine::new(&nics(&[5]), &[virtio("eth0", FIRST, 3), team]);
    enslave(&machine, "eth0", "team0");
    let plan = plan(&machine);
    let why = "ETH0 is not configured: 'eth0' is a port of 'team0', which carries its addresses\n";
    assert!(plan.contains(why), "{plan}");
}

/// teamd gives all ports the MAC of the first port, and sysfs does not show their own.
#[test]
fn a_team_port_is_identified_by_its_permanent_address() {
    let port = |name, slot| virtio(name, SECOND, slot).with("addr_assign_type", "3");
    let devices = [
        port("ens4", 4),
        port("ens5", 5),
        made_up("team0", SECOND).with("lower_ens4/ifindex", "2"),
    ];
    let machine = Machine::new(&nics(&[5, 6]), &devices);
    for (port, last) in [("ens4", 5), ("ens5", 6)] {
        enslave(&machine, port, "team0");
        let link = permanent_address_message(&[2, 0, 0xc0, 0xa8, 7, last]);
        machine.write(&format!("/run/netlink/bare/{port}"), link);
    }
    let plan = plan(&machine);
    for (nic, port) in [("ETH0", "ens4"), ("ETH1", "ens5")] {
        let expected = format!(
            "{nic} is not configured: '{port}' is a port of 'team0', which carries its addresses\n"
        );
        assert!(plan.contains(&expected), "{plan}");
    }
}

#[test]
fn a_bond_of_infiniband_ports_has_no_position() {
    let ib = plain("ibs5", 5);
    let bond = |sign: (&str, &str)| {
        plain("bond0", 5)
            .virtual_device()
            .with("iflink", "9")
            .with("ifindex", "9")
            .with(sign.0, sign.1)
    };
    for sign in [("uevent", "DEVTYPE=bond"), ("lower_ibs5/ifindex", "3")] {
        // The second VF is missing, so the first may be at either position. The bond is at none.
        let devices = [dummy(0, 5), dummy(1, 6), ib.clone(), bond(sign)];
        let machine = Machine::new(&nics(&[5, 6]), &devices);
        let plan = plan(&machine);
        assert!(!plan.contains("bond0"), "{plan}");
        // The port itself has no address.
        let devices = [dummy(0, 5), ib.clone(), bond(sign)];
        let machine = Machine::new(&nics(&[5]), &devices);
        enslave(&machine, "ibs5", "bond0");
        let plan = self::plan(&machine);
        let why = "ETH0 (position 0) is not configured: 'ibs5' is a port of 'bond0', which carries its addresses";
        assert!(plan.contains(why), "{plan}");
    }
    // With GUIDs, no position has two devices.
    let guid = "00:2a:aa:00:c0:a8:07:05";
    let devices = [
        dummy(0, 5),
        infiniband("ibs5", guid, "0000:05:05.0"),
        infiniband("bond0", guid, "0000:05:05.0")
            .virtual_device()
            .with("uevent", "DEVTYPE=bond"),
    ];
    let plan = plan(&Machine::new(&nics(&[5]), &devices));
    assert!(plan.contains("ETH0 (position 0) -> ibs5"), "{plan}");
    assert!(!plan.contains("the same position"), "{plan}");
}

/// With the real kernel: a port of a bridge.
#[test]
fn a_port_of_a_real_bridge_gets_no_address() {
    let machine = Machine::new(&nics(&[5]), &[]);
    let script = "
        mount -t sysfs none /sys
        ip link add eth0 type veth peer name peer
        ip link set eth0 address 02:00:c0:a8:07:05
        plan() { \"$0\" plan --backend ifcfg-initscripts --root \"$1\" --sysfs /sys; }
        plan \"$1\"
        ip link add br0 type bridge
        ip link set eth0 master br0
        plan \"$1\"";
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-ec", script])
        .arg(agent_path())
        .arg(machine.root())
        .output()
        .expect("unshare runs");
    let outcome = Outcome::from(output);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let found = outcome
        .stdout
        .find("ETH0 -> eth0: it has the MAC of the NIC");
    let port = outcome
        .stdout
        .find("ETH0 is not configured: 'eth0' is a port of 'br0'");
    assert!(found.is_some() && found < port, "{}", outcome.stdout);
}
