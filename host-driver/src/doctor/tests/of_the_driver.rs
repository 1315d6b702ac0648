//! The checks that run as the user of the actions.

use super::super::{
    Check, cards, iommu, leases, memlock, pci_probe, ports, qemu, remotes, settings, vfs,
};
use super::{assert_one, assert_some, find, healthy};
use crate::config::Config;

#[test]
fn invalid_settings_and_those_without_effect_are_reported() {
    let tree = healthy();
    assert_one(&find(&tree, settings::check), "Ok: no kvmrc");
    tree.write(
        "etc/one-sriov/kvmrc",
        "DUMMY_BRIDGE=br\nHPC_MODE=off\nFOO=1\n",
    );
    assert_one(
        &find(&tree, settings::check),
        "Ok: '/etc/one-sriov/kvmrc' is valid",
    );
    let table = [
        (
            "DUMMY_BRIGDE=br",
            "Warning: {place}DUMMY_BRIGDE has no effect",
        ),
        (
            "VF_IDENTITY_ib9=guid",
            "Note: {place}VF_IDENTITY_ib9 has no effect: this host has no such pool",
        ),
        (
            "HPC_MODE=on",
            "Note: {place}HPC_MODE has no effect: use OpenNebula's TOPOLOGY",
        ),
        (
            "DRIVER_MODE=generic",
            "Note: {place}DRIVER_MODE has no effect: VF_IDENTITY",
        ),
        ("SM_HOST=sm", "Note: {place}SM_HOST has no effect"),
        (
            "LIBVIRT_URI=x:///",
            "Warning: {place}LIBVIRT_URI has no effect",
        ),
        (
            "UNPLUG_WIAT=5",
            "Warning: {place}UNPLUG_WIAT has no effect: unknown setting",
        ),
        (
            "LEASE_GRACE=soon",
            "Problem: failed to read '/etc/one-sriov/kvmrc': line 2: LEASE_GRACE: ",
        ),
        (
            "DUMMY_MAC_PREFIX=02",
            "Problem: failed to read '/etc/one-sriov/kvmrc': line 2: DUMMY_MAC_PREFIX: ",
        ),
    ];
    for (line, expected) in table {
        tree.write(
            "etc/one-sriov/kvmrc",
            &format!("VF_IDENTITY_ib0=guid\n{line}\n"),
        );
        let expected = expected.replace("{place}", "'/etc/one-sriov/kvmrc': line 2: ");
        assert_one(&find(&tree, settings::check), &expected);
    }
}

#[test]
fn the_configuration_reads_every_setting_in_the_list() {
    let tree = healthy();
    let names = Config::names();
    assert!(names.contains(&"UNPLUG_WAIT"), "{names:?}");
    for name in names {
        tree.write("etc/one-sriov/kvmrc", &format!("{name}=$(no text)\n"));
        let problem = format!("Problem: failed to read '/etc/one-sriov/kvmrc': line 1: {name}: ");
        assert_one(&find(&tree, settings::check), &problem);
    }
}

#[test]
fn a_dummy_prefix_that_equals_that_of_opennebula_is_a_problem() {
    let tree = healthy();
    assert_eq!(find(&tree, settings::mac_prefix), [""; 0]);
    tree.write(
        "etc/one/oned.conf",
        "# MAC_PREFIX = \"aa:00\"\nMAC_PREFIX = \"02:00\"\n",
    );
    assert_eq!(find(&tree, settings::mac_prefix), [""; 0]);
    tree.write("etc/one/oned.conf", "\nMAC_PREFIX=\"AA:01\" # ours\n");
    let problem = "Problem: DUMMY_MAC_PREFIX 'aa' is the first octet of MAC_PREFIX 'AA:01' \
                   ('/etc/one/oned.conf': line 2)";
    assert_eq!(find(&tree, settings::mac_prefix), [problem]);
}

#[test]
fn missing_actions_and_programs_are_reported() {
    let tree = healthy();
    let found = find(&tree, remotes::check);
    assert_some(
        &found,
        "Problem: failed to find the stock driver: '/one/vmm/kvm-sriov/../kvm/deploy' is not an executable file",
    );
    assert_some(
        &found,
        "Problem: actions in '/one/vmm/kvm-sriov' are missing",
    );

    tree.program("one/vmm/kvm/deploy");
    for action in remotes::action_names() {
        tree.program(&format!("one/vmm/kvm-sriov/{action}"));
    }
    let version = env!("CARGO_PKG_VERSION");
    tree.write(
        "one/vmm/kvm-sriov/launch",
        &format!("version='{version}' archs='x86_64'\n"),
    );
    let arch = std::env::consts::ARCH;
    let driver = format!("one/vmm/kvm-sriov/bin/{version}/{arch}/one-sriov-driver");
    assert_some(
        &find(&tree, remotes::check),
        "Problem: failed to find the driver: '/one/vmm/kvm-sriov/bin/",
    );
    tree.program(&driver);
    let fine = [
        "Ok: the stock driver is installed".to_owned(),
        "Ok: all actions are in '/one/vmm/kvm-sriov'".to_owned(),
        format!("Ok: the actions run this version, {version}"),
    ];
    assert_eq!(find(&tree, remotes::check), fine);

    tree.mode("one/vmm/kvm-sriov/save", 0o644);
    tree.remove("one/vmm/kvm-sriov/poll");
    let missing =
        "Problem: actions in '/one/vmm/kvm-sriov' are missing or not executable: 'poll', 'save'";
    assert_some(&find(&tree, remotes::check), missing);

    tree.program("one/vmm/kvm/warp");
    tree.program("one/vmm/kvm/save.ceph");
    let new = "Note: '/one/vmm/kvm-sriov' lacks actions of the stock driver: 'warp'";
    assert_some(&find(&tree, remotes::check), new);
}

#[test]
fn problems_of_the_lease_directory_are_reported() {
    let tree = healthy();
    assert_one(
        &find(&tree, leases::check),
        "Ok: lease directory '/run/one-sriov'",
    );
    tree.write("run/one-sriov/ib0/3", "rubbish");
    let corrupt = "Warning: failed to read lease '/run/one-sriov/ib0/3': ";
    assert_one(&find(&tree, leases::check), corrupt);
    tree.remove("run/one-sriov/ib0");
    for (mode, expected) in [
        (
            0o755,
            "Warning: lease directory '/run/one-sriov' has mode 0755, expected 0700",
        ),
        (
            0o777,
            "Problem: failed to open lease directory '/run/one-sriov': its mode is 0777, expected 0700",
        ),
    ] {
        tree.mode("run/one-sriov", mode);
        assert_eq!(find(&tree, leases::check), [expected]);
    }
    tree.remove("run/one-sriov");
    let missing = "Problem: failed to open lease directory '/run/one-sriov': it is missing";
    assert_eq!(find(&tree, leases::check), [missing]);
    let remedy = leases::check(&tree.host()).remove(0).remedy.unwrap();
    assert!(
        remedy.starts_with("as root: install -d -m 0700 -o "),
        "{remedy}"
    );
    tree.write("etc/one-sriov/kvmrc", "LEASE_DIR=/var/tmp/one/leases\n");
    assert_some(
        &find(&tree, leases::check),
        "Warning: LEASE_DIR '/var/tmp/one/leases': ",
    );
}

#[test]
fn a_check_that_cannot_read_its_files_reports_a_problem() {
    let tree = healthy();
    // Directories where files should be, and files where directories should be.
    for file in ["sys/class/iommu", "sys/class/net", "run/one-sriov"] {
        tree.remove(file);
        tree.write(file, "");
    }
    for file in [
        "etc/libvirt/qemu.conf",
        "etc/one-sriov/kvmrc",
        "one/etc/im/kvm-probes.d/pci.conf",
    ] {
        tree.make(file);
    }
    for check in [
        iommu::check,
        qemu::check,
        settings::check,
        leases::check,
        pci_probe::check,
    ] {
        let check: Check = check;
        assert_some(&find(&tree, check), "Problem: failed to ");
    }
}

#[test]
fn an_unreadable_file_is_reported_and_not_taken_for_absent() {
    let device = "/sys/bus/pci/devices/0000:81:00";
    let table: [(Check, String); 11] = [
        (pci_probe::check, format!("{device}.1/vendor")),
        (remotes::check, "/one/vmm/kvm-sriov/launch".into()),
        (remotes::check, "/one/vmm/kvm-sriov/save".into()),
        (remotes::check, "/one/vmm/kvm".into()),
        (
            memlock::check,
            "/etc/systemd/system/libvirtd.service.d".into(),
        ),
        (
            memlock::check,
            "/etc/systemd/system/virtqemud.service".into(),
        ),
        (ports::check, "/sys/class/net/ib0/dev_port".into()),
        (ports::check, format!("{device}.0/infiniband")),
        (vfs::check, format!("{device}.1/iommu_group/devices")),
        (qemu::check, "/dev/vfio".into()),
        (settings::mac_prefix, "/etc/one/oned.conf".into()),
    ];
    for (check, path) in table {
        let tree = healthy();
        tree.write(
            "etc/libvirt/qemu.conf",
            "user = \"+64001\"\ngroup = \"+64001\"\ndynamic_ownership = 0\n",
        );
        tree.write("one/etc/im/kvm-probes.d/pci.conf", ":filter: '10de:*'\n");
        // Any directory that contains `devices` counts as a group.
        tree.link(
            "../0000:81:00.0",
            &format!("{}.1/iommu_group", &device[1..]),
        );
        tree.make(&format!("{}.0/devices", &device[1..]));
        tree.unreadable(&path[1..]);
        let found = find(&tree, check);
        let [warning, problem] =
            ["Warning", "Problem"].map(|severity| format!("{severity}: failed to read '{path}"));
        let is_named = |line: &String| line.starts_with(&warning) || line.starts_with(&problem);
        assert!(found.iter().any(is_named), "{path}: {found:?}");
    }
}

#[test]
fn checks_of_vfs_report_unreadable_maps() {
    for path in ["vf_maps", "vf_maps/ib9"] {
        let tree = healthy();
        tree.unreadable(&format!("one/vmm/kvm-sriov/{path}"));
        let unlisted =
            "Warning: failed to find which PFs have a VF map: failed to list the VF maps in '";
        assert_some(&find(&tree, cards::check), unlisted);
        let unseen = "Warning: some VFs were not checked: failed to list the VF maps in '";
        assert_one(&find(&tree, pci_probe::check), unseen);
    }
    let tree = healthy();
    tree.write("one/vmm/kvm-sriov/vf_maps/ib9", "0x81\n");
    let unread = "Warning: some VFs were not checked: failed to read VF map '";
    assert_one(&find(&tree, pci_probe::check), unread);
}

#[test]
fn values_that_only_the_old_driver_accepted_have_their_own_remedies() {
    let tree = healthy();
    for (line, beginning) in [
        ("VF_MAPS_PATH=$(dirname $0)/vf_maps", "write the full path"),
        ("DUMMY_MAC_PREFIX=10", "set AA"),
        ("LEASE_GRACE=soon", "correct that line"),
    ] {
        tree.write("etc/one-sriov/kvmrc", &format!("{line}\n"));
        let remedy = settings::check(&tree.host()).remove(0).remedy.unwrap();
        assert!(remedy.starts_with(beginning), "{line}: {remedy}");
    }
}
