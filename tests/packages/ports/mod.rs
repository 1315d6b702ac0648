//! A real kernel in QEMU: NICs that are ports of a bond, a team, a VRF, a bridge and a failover pair.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use one_sriov_tests::{agent_path, copy_program, turn};

use crate::{can_run, kernel, said};

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

/// An initramfs of busybox, `ip` and the agent.
fn initrd(directory: &Path) -> PathBuf {
    let root = directory.join("root");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("packages/ports/init");
    for (from, to) in [
        (Path::new("/bin/busybox"), "bin/busybox"),
        (Path::new("/sbin/ip"), "usr/bin/ip"),
        (agent_path(), "bin/one-sriov-agent"),
        (&own, "init"),
    ] {
        copy_program(from, &root.join(to));
    }
    let mut context = String::new();
    for nic in 0..EXPECTED.len() {
        let mac = mac(nic);
        writeln!(
            context,
            "ETH{nic}_MAC='{mac}'\nETH{nic}_IP='192.168.7.{nic}'"
        )
        .unwrap();
    }
    fs::write(root.join("context.sh"), context).unwrap();
    let pack = "mkdir -p proc sys dev run\n\
                ln -s busybox bin/sh\n\
                ldd usr/bin/ip bin/one-sriov-agent | grep -o '/[^ :]*\\.so[^ ]*' | sort -u |\n\
                  while read -r library; do install -D \"$library\" \".$library\"; done\n\
                find . | cpio -o -H newc --quiet > \"$0\"";
    let mut sh = Command::new("sh");
    let initrd = directory.join("initrd");
    let _ = said(sh.args(["-euc", pack]).arg(&initrd).current_dir(&root));
    initrd
}

/// Boots a guest with the NICs `eth0` to `eth6`, and a failover pair: `eth7`, its standby `eth8` and its primary `eth9`.
fn boot(kernel: &Path, initrd: &Path) -> String {
    let mut qemu = Command::new("timeout");
    qemu.args(["200", "qemu-system-x86_64", "-machine", "q35"])
        .args(["-m", "1024", "-nographic", "-no-reboot", "-nodefaults"])
        .args(["-serial", "stdio", "-kernel"])
        .arg(kernel)
        .arg("-initrd")
        .arg(initrd)
        .args(["-append", "console=ttyS0 quiet rdinit=/init net.ifnames=0"])
        .args(["-device", "pcie-root-port,id=root,chassis=1,slot=1"])
        .stdin(Stdio::null());
    let mut add = |nic: usize, of: usize, device: &str| {
        let mac = mac(of);
        qemu.args(["-netdev", &format!("hubport,id=n{nic},hubid=0")])
            .args(["-device", &format!("{device},netdev=n{nic},mac={mac}")]);
    };
    for nic in 0..7 {
        add(nic, nic, "virtio-net-pci,romfile=");
    }
    add(7, 7, "virtio-net-pci,romfile=,failover=on,id=standby");
    add(
        8,
        7,
        "vmxnet3,romfile=,bus=root,failover_pair_id=standby,id=primary",
    );
    said(&mut qemu)
}

#[test]
fn addresses_go_to_the_device_that_the_kernel_has_carry_them() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    let kernel = kernel::install(directory.path(), &root, MODULES);
    let report = boot(&kernel, &initrd(directory.path()));
    let lines: Vec<&str> = report.lines().map(str::trim_end).collect();
    assert!(lines.contains(&"end"), "{report}");
    let masters = ["bond1", "team1", "team2", "red", "br1"];
    for name in masters {
        let link = format!("link {name} ");
        assert!(
            lines.iter().any(|line| line.starts_with(&link)),
            "{name}: {report}"
        );
    }
    for (nic, expected) in EXPECTED.iter().enumerate() {
        let expected = format!("ETH{nic} {expected}");
        assert!(lines.contains(&&*expected), "{expected}: {report}");
    }
}
