//! The checks of cards and of QEMU's permissions.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::super::{bridge, cards, iommu, memlock, pci_probe, pools, ports, qemu, vfs};
use super::{assert_one, assert_some, find, healthy};

#[test]
fn a_missing_iommu_is_a_problem() {
    let tree = healthy();
    assert_eq!(find(&tree, iommu::check), ["Ok: the IOMMU is on: dmar0"]);
    tree.remove("sys/class/iommu");
    assert_one(
        &find(&tree, iommu::check),
        "Problem: failed to find an IOMMU",
    );
    tree.make("sys/kernel/iommu_groups/0");
    assert_eq!(find(&tree, iommu::check), ["Ok: the IOMMU is on: 1 group"]);
}

#[test]
fn cards_without_vfs_are_reported() {
    let tree = healthy();
    let fine = "Ok: 'ib0' (0000:81:00.0) has 2 VFs (maximum 4)";
    assert_eq!(find(&tree, cards::check), [fine]);
    tree.pf("ib1", "0000:82:00", 0);
    let idle = "'ib1' (0000:82:00.0) has no VFs (maximum 4)";
    assert_eq!(find(&tree, cards::check), [fine, &format!("Note: {idle}")]);
    tree.write("one/vmm/kvm-sriov/vf_maps/ib1", "0x82 0x00 0x1\n");
    let mapped = format!("Problem: {idle}, but has a VF map");
    assert_eq!(find(&tree, cards::check), [fine, &mapped]);
    tree.remove("sys/class/net");
    assert_eq!(
        find(&tree, cards::check),
        ["Problem: failed to find a network card with VFs"]
    );
}

#[test]
fn pools_and_their_problems_are_reported() {
    let tree = healthy();
    assert_eq!(find(&tree, pools::check), ["Ok: pool 'ib0' has 2 VFs"]);

    let map = "one/vmm/kvm-sriov/vf_maps/fast";
    tree.write(map, "0x81 0x00 0x1\n# away\n0x81 0x00 0x7\n");
    let expected = [
        "Warning: '/one/vmm/kvm-sriov/vf_maps/fast': line 3: VF '0000:81:00.7' does not exist on this host",
        "Ok: pool 'fast' has 1 VF",
        "Ok: pool 'ib0' has 2 VFs",
        "Note: pools 'fast', 'ib0' share 1 VF: each VF is still assigned only once",
    ];
    assert_eq!(find(&tree, pools::check), expected);

    tree.write(map, "0x81 0x00\n");
    let wrong = "Problem: failed to read VF map '/one/vmm/kvm-sriov/vf_maps/fast': line 1: ";
    assert_some(&find(&tree, pools::check), wrong);

    tree.write(map, "0x99 0x00 0x1\n");
    let empty = "Problem: pool 'fast' has no VF on this host";
    assert_some(&find(&tree, pools::check), empty);

    for name in ["a-b", "a.b"] {
        tree.write(
            &format!("one/vmm/kvm-sriov/vf_maps/{name}"),
            "0x81 0x00 0x1\n",
        );
    }
    let one_name =
        "Warning: pools 'a-b' and 'a.b' have the same name in the monitoring, 'SRIOV_A_B_FREE'";
    assert_some(&find(&tree, pools::check), one_name);

    tree.remove("one/vmm/kvm-sriov/vf_maps");
    tree.remove("sys/class/net");
    assert_one(&find(&tree, pools::check), "Problem: failed to find a pool");
}

#[test]
fn a_dummy_bridge_connected_to_a_network_card_is_reported() {
    let tree = healthy();
    assert_one(&find(&tree, bridge::check), "Ok: bridge 'sriov_br'");
    tree.make("sys/class/net/sriov_br/brif/vnet0");
    tree.make("sys/class/net/vnet0");
    assert_one(&find(&tree, bridge::check), "Ok: bridge 'sriov_br'");
    tree.make("sys/class/net/sriov_br/brif/eth0");
    tree.make("sys/class/net/eth0/device");
    let leads =
        "Warning: bridge 'sriov_br' of the dummy NICs is connected to network cards: 'eth0'";
    assert_eq!(find(&tree, bridge::check), [leads]);
    tree.remove("sys/class/net/sriov_br");
    assert_one(
        &find(&tree, bridge::check),
        "Note: bridge 'sriov_br' of the dummy NICs is missing",
    );
    tree.write("etc/one-sriov/kvmrc", "DUMMY_BRIDGE=sriov_ib0\n");
    let both = "Warning: DUMMY_BRIDGE 'sriov_ib0' is also the bridge of pool 'ib0'";
    assert_eq!(find(&tree, bridge::check), [both]);
}

#[test]
fn a_qemu_that_may_not_open_vfio_is_reported() {
    let tree = healthy();
    let conf = "etc/libvirt/qemu.conf";
    let dynamic = "Ok: libvirt gives /dev/vfio to the user of each VM (dynamic_ownership)";
    assert_eq!(find(&tree, qemu::check), [dynamic]);
    tree.write(
        conf,
        "user = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\n",
    );
    assert_one(&find(&tree, qemu::check), "Ok: QEMU runs as root");
    tree.write(conf, "user = \"no-such-user\"\ndynamic_ownership = 0\n");
    assert_one(
        &find(&tree, qemu::check),
        "Problem: '/etc/libvirt/qemu.conf': user 'no-such-user'",
    );

    let gid = fs::metadata(tree.dir.path()).unwrap().gid();
    let oneadmin = |gid: u32| {
        tree.write(
            conf,
            &format!("user = \"+64001\"\ngroup = \"+{gid}\"\ndynamic_ownership = 0\n"),
        );
    };
    oneadmin(64001);
    assert_one(
        &find(&tree, qemu::check),
        "Warning: QEMU runs as '+64001', and no udev rule",
    );
    tree.write(
        "etc/udev/rules.d/70-vfio.rules",
        "# SUBSYSTEM==\"vfio\", MODE=\"0660\"\n",
    );
    assert_one(&find(&tree, qemu::check), "Warning: ");
    let rule = "SUBSYSTEM==\"vfio\", OWNER=\"root\", GROUP=\"+64001\", MODE=\"0660\"";
    tree.write("etc/udev/rules.d/70-vfio.rules", rule);
    assert_one(
        &find(&tree, qemu::check),
        "Ok: QEMU runs as '+64001', which may open /dev/vfio",
    );

    tree.write("dev/vfio/vfio", "");
    tree.mode("dev/vfio/vfio", 0o666);
    tree.write("dev/vfio/42", "");
    tree.mode("dev/vfio/42", 0o660);
    tree.make("dev/vfio/devices");
    let refused = "Problem: QEMU runs as '+64001', which may not open '/dev/vfio/42'";
    assert_eq!(find(&tree, qemu::check), [refused]);
    let remedy = qemu::check(&tree.host()).remove(0).remedy.unwrap();
    assert!(remedy.ends_with(rule), "{remedy}");
    oneadmin(gid);
    assert_one(
        &find(&tree, qemu::check),
        "Ok: QEMU runs as '+64001', which may open /dev/vfio",
    );
}

#[test]
fn a_low_limit_of_locked_memory_is_reported() {
    let tree = healthy();
    assert_one(&find(&tree, memlock::check), "Ok: ");
    tree.write(
        "etc/systemd/system/libvirtd.service.d/limits.conf",
        "[Service]\nLimitMEMLOCK=64M\n",
    );
    let low =
        "Note: '/etc/systemd/system/libvirtd.service.d/limits.conf': line 2: LimitMEMLOCK=64M";
    assert_one(&find(&tree, memlock::check), low);
}

#[test]
fn vfs_offered_by_the_pci_probe_are_reported() {
    let tree = healthy();
    assert_one(&find(&tree, pci_probe::check), "Ok: ");
    let conf = "one/etc/im/kvm-probes.d/pci.conf";
    tree.write(conf, ":filter:\n  - '10de:*'\n  - '15b3:*:0207'\n");
    let offered = "Warning: OpenNebula's PCI probe also offers VFs of pool 'ib0': '0000:81:00.1', '0000:81:00.2' by \
        '15b3:*:0207'";
    let left = offered.replace("Warning", "Note") + ": the pool does not allocate them";
    assert_eq!(find(&tree, pci_probe::check), [left]);
    tree.write("etc/one-sriov/kvmrc", "POOL_SHARES_PCI=yes\n");
    let shared = format!("{offered}; each refuses VFs that the other uses");
    assert_eq!(find(&tree, pci_probe::check), std::slice::from_ref(&shared));
    tree.write(
        conf,
        ":filter: '*:*'\n:short_address: [ '81:00.2' ]\n:device_name: [ 'GPU' ]\n",
    );
    let maybe = "Note: OpenNebula's PCI probe also offers VFs of pool 'ib0': '0000:81:00.2' by '*:*', unless \
        ':device_name:' excludes them";
    assert_eq!(find(&tree, pci_probe::check), [maybe]);
    let flow = "{\":filter\": [\"10de:*\", \"15b3:*\"]} # both\n";
    tree.write(conf, flow);
    let by_vendor = shared.replace(":0207'", "'");
    assert_eq!(find(&tree, pci_probe::check), [by_vendor]);
    // The host's filter in OpenNebula overrides that of the file.
    tree.write("etc/one-sriov/kvmrc", "PCI_FILTER='10de:*'\n");
    assert_one(&find(&tree, pci_probe::check), "Ok: ");
    tree.write(conf, ":filter: ['15b3:*'\n");
    assert_one(
        &find(&tree, pci_probe::check),
        "Problem: OpenNebula's PCI probe fails: ",
    );
}

#[test]
fn a_shared_iommu_group_and_vfs_in_use_by_the_host_are_reported() {
    let tree = healthy();
    assert_eq!(find(&tree, vfs::check), [""; 0]);
    let devices = "sys/bus/pci/devices";
    let put = |address: &str, group: u32| {
        let groups = format!("sys/kernel/iommu_groups/{group}/devices");
        tree.make(&groups);
        tree.link(
            &format!("../../../../../{devices}/{address}"),
            &format!("{groups}/{address}"),
        );
        tree.link(
            &format!("../../../../kernel/iommu_groups/{group}"),
            &format!("{devices}/{address}/iommu_group"),
        );
    };
    tree.write(&format!("{devices}/0000:80:01.0/class"), "0x060400\n");
    put("0000:81:00.1", 14);
    put("0000:80:01.0", 14);
    put("0000:81:00.2", 15);
    assert_eq!(find(&tree, vfs::check), [""; 0], "a bridge does not count");
    put("0000:81:00.0", 15);
    let shared = "Problem: VF '0000:81:00.2' of 'ib0' shares IOMMU group 15 with '0000:81:00.0'";
    assert_eq!(find(&tree, vfs::check), [shared]);

    tree.make(&format!("{devices}/0000:81:00.1/net"));
    tree.make("sys/class/net/ib4");
    tree.link(
        "../../../../../class/net/ib4",
        &format!("{devices}/0000:81:00.1/net/ib4"),
    );
    tree.link("../br0", "sys/class/net/ib4/master");
    let used = "Note: this host uses VF '0000:81:00.1' of 'ib0': 'ib4' belongs to 'br0'";
    assert_eq!(find(&tree, vfs::check), [used, shared]);
}

#[test]
fn ports_without_a_link_are_reported() {
    let tree = healthy();
    assert_eq!(find(&tree, ports::check), [""; 0]);
    let port = "sys/bus/pci/devices/0000:81:00.0/infiniband/mlx5_0/ports/1";
    tree.write(&format!("{port}/state"), "4: ACTIVE\n");
    tree.write(&format!("{port}/phys_state"), "5: LinkUp\n");
    assert_eq!(find(&tree, ports::check), [""; 0]);
    tree.write(&format!("{port}/state"), "2: INIT\n");
    let init = "Warning: port 'mlx5_0/1' of 'ib0' is INIT: no subnet manager serves it";
    assert_eq!(find(&tree, ports::check), [init]);
    tree.write("sys/class/net/ib0/type", "1\n");
    tree.write("sys/class/net/ib0/flags", "0x1003\n");
    assert_eq!(find(&tree, ports::check), [""; 0]);
    tree.write("sys/class/net/ib0/flags", "0x1002\n");
    let down = "Warning: PF 'ib0' is down: its VFs may have no link";
    assert_eq!(find(&tree, ports::check), [down]);
}
