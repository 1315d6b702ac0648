//! A real kernel in QEMU: NICs that are ports of a bond, a team, a VRF, a bridge and a failover pair.

use std::fmt::Write;
use std::path::Path;

use one_sriov_tests::{CLOUD_KERNEL, EmulatedGuest, agent_path, turn};

use crate::can_run;

const MODULES: &str = "virtio_pci virtio_net bonding team vrf bridge net_failover vmxnet3";

/// The plan of NIC `ETH<k>`, which has the MAC of the k-th NIC of the guest.
const EXPECTED: [&str; 8] = [
    "is not configured: 'eth0' is a port of 'bond1', which carries its addresses",
    "is not configured: 'eth1' is a port of 'bond1', which carries its addresses",
    "is not configured: 'eth2' is a port of 'team1', which carries its addresses",
    "is not configured: 'eth3' is a port of 'team1', which carries its addresses",
    "-> eth4: it has the MAC of the NIC",
    "is not configured: 'eth5' is a port of 'br1', which carries its addresses",
    "is not configured: 'eth6' is a port of 'team2', which carries its addresses",
    "-> eth7: it has the MAC of the NIC",
];

fn mac(nic: usize) -> String {
    format!("02:00:c0:a8:07:{nic:02x}")
}

fn context() -> String {
    let mut context = String::new();
    for nic in 0..EXPECTED.len() {
        let mac = mac(nic);
        writeln!(
            context,
            "ETH{nic}_MAC='{mac}'\nETH{nic}_IP='192.168.7.{nic}'"
        )
        .unwrap();
    }
    context
}

/// The NICs `eth0` to `eth6`, and a failover pair: `eth7`, its standby `eth8` and its primary `eth9`.
fn devices() -> Vec<String> {
    let root_port = "pcie-root-port,id=root,chassis=1,slot=1";
    let mut devices = vec!["-device".to_owned(), root_port.to_owned()];
    let mut add = |nic: usize, of: usize, device: &str| {
        let mac = mac(of);
        devices.extend(["-netdev".into(), format!("hubport,id=n{nic},hubid=0")]);
        let device = format!("{device},romfile=,netdev=n{nic},mac={mac}");
        devices.extend(["-device".into(), device]);
    };
    for nic in 0..7 {
        add(nic, nic, "virtio-net-pci");
    }
    add(7, 7, "virtio-net-pci,failover=on,id=standby");
    let primary = "vmxnet3,bus=root,failover_pair_id=standby,id=primary";
    add(8, 7, primary);
    devices
}

#[test]
fn ports_of_a_bond_team_or_bridge_get_no_address() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let guest = EmulatedGuest::new(CLOUD_KERNEL, MODULES);
    guest.program(Path::new("/sbin/ip"));
    guest.program(agent_path());
    guest.file("context.sh", &context());
    let init = Path::new(env!("CARGO_MANIFEST_DIR")).join("packages/ports/init");
    let report = guest.boot(&init, 200, &devices());
    let lines: Vec<&str> = report.lines().collect();
    for name in ["bond1", "team1", "team2", "red", "br1"] {
        let link = format!("link {name} ");
        let is_there = lines.iter().any(|line| line.starts_with(&link));
        assert!(is_there, "{name}: {report}");
    }
    for (nic, expected) in EXPECTED.iter().enumerate() {
        let expected = format!("ETH{nic} {expected}");
        assert!(lines.contains(&&*expected), "{expected}: {report}");
    }
}
