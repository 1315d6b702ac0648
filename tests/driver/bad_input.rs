//! Bad input of every kind: one clear error on one line, and no VF is lost.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf, domain};

fn host() -> Host {
    Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)])
}

/// Asserts an error on exactly one line, without a lease or a VM.
fn assert_refused(host: &Host, outcome: &Outcome, expected: &str) {
    let text = outcome
        .stderr
        .replace(&host.root().display().to_string(), "");
    assert_eq!(outcome.code, 1, "{text}");
    assert_eq!(outcome.stdout, "");
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(
        (text.lines().count(), text.ends_with('\n')),
        (1, true),
        "{text}"
    );
    assert_eq!(host.leased("ib0"), [""; 0]);
    let in_dir = |name: &str| match fs::read_dir(host.path("/run/one-sriov").join(name)) {
        Ok(files) => files.count(),
        Err(_) => 0,
    };
    assert_eq!((in_dir(".devices"), in_dir(".deployments")), (0, 0));
    assert_eq!(host.domain(7), None);
}

#[test]
fn malformed_xml() {
    let host = host();
    let text = domain(7, &["sriov_ib0"]).replace("</devices>", "</device>");
    let expected = "failed to read the domain: line 15, column 2: ill-formed document: ";
    assert_refused(&host, &host.deploy_domain(7, &text), expected);
}

#[test]
fn no_such_pool() {
    let host = host();
    let expected = "failed to find pool 'ib7': no such network device or VF map; correct the network's BRIDGE, or add map '/var/tmp/one/vmm/kvm-sriov/vf_maps/ib7'";
    // OpenNebula 7 shows only the first hundred characters.
    assert!(expected[..100].contains("correct the network's BRIDGE"));
    assert_refused(
        &host,
        &host.deploy(7, &["sriov_ib0", "sriov_ib7"]),
        expected,
    );
}

#[test]
fn an_invalid_pool_name() {
    let host = host();
    let expected = "failed to read bridge 'sriov_../x': invalid pool name '../x'";
    assert_refused(&host, &host.deploy(7, &["sriov_../x"]), expected);
}

#[test]
fn a_netdev_without_vfs() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 0)]);
    let expected = "failed to find a VF of 'ib0': it has none; check its sriov_numvfs";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), expected);
}

#[test]
fn a_full_pool() {
    let host = host();
    assert_eq!(host.deploy(1, &["sriov_ib0"]).code, 0);
    host.foreign_domain("stranger", &["0000:81:00.2"]);
    let full = host.deploy(7, &["sriov_ib0"]);
    assert_eq!(
        full.stderr,
        "failed to find a free VF in pool 'ib0': 2 of 2 in use; use another host (VM 1: 1, domain 'stranger': 1).\n"
    );
    assert_eq!((full.code, host.leased("ib0")), (1, vec!["0".to_owned()]));
}

#[test]
fn too_few_free_vfs_leave_none_leased() {
    let host = host();
    let expected = "failed to find 3 free VFs in pool 'ib0': 0 of 2 in use; use another host.\n";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"; 3]), expected);
}

#[test]
fn a_map_with_a_duplicate_or_foreign_device() {
    let table = [
        (
            "0x81 0x00 0x1\n0x81 0x00 0x1\n",
            "line 2: VF '0000:81:00.1' is already on line 1",
        ),
        (
            "0x81 0x00 0x1\n0x81 0x00 0x0\n",
            "line 2: '0000:81:00.0' is not a VF",
        ),
        (
            "0x82 0x00 0x1\n",
            "line 1: '0000:82:00.1' is a VF of '0000:82:00.0', not of 'ib0' ('0000:81:00.0')",
        ),
        ("0x81 0x00\n", "line 1: expected 'bus slot function' or "),
    ];
    for (map, expected) in table {
        let host = Host::new(&[
            Pf::infiniband("ib0", "0000:81:00", 2),
            Pf::infiniband("ib1", "0000:82:00", 2),
        ]);
        host.write("/var/tmp/one/vmm/kvm-sriov/vf_maps/ib0", map);
        let expected =
            format!("failed to read VF map '/var/tmp/one/vmm/kvm-sriov/vf_maps/ib0': {expected}");
        assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), &expected);
    }
}

#[test]
fn a_corrupt_lease() {
    let host = host();
    assert_eq!(host.deploy(1, &["sriov_ib0"]).code, 0);
    host.write("/run/one-sriov/ib0/0", "{\"format\":1,");
    // The VF of the corrupt lease is not allocated, and other VMs are not affected.
    assert_eq!(host.deploy(2, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["0", "1"]);
    let full = host.deploy(7, &["sriov_ib0"]);
    assert_eq!(full.code, 1);
    let expected = "failed to find a free VF in pool 'ib0': 2 of 2 in use; use another host (VM 1: 1, VM 2: 1); failed to read lease '";
    assert!(full.stderr.starts_with(expected), "{}", full.stderr);
    assert_eq!(full.stderr.lines().count(), 1);
    // Once libvirt shows that its VM has stopped, the lease needs no manual repair.
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=0\n");
    host.power_off(1);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/0").unwrap()["vm"], 7);
}

#[test]
fn no_lease_directory() {
    let host = host();
    fs::remove_dir(host.path("/run/one-sriov")).unwrap();
    let expected = "failed to open lease directory '/run/one-sriov': it is missing; run as root: install -d -m 0700 -o root '/run/one-sriov'.\n";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), expected);
}

#[test]
fn a_lease_directory_of_another_user() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "LEASE_DIR=/run/leases\n");
    let leases = host.path("/run/leases");
    fs::create_dir(&leases).unwrap();
    fs::set_permissions(&leases, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&leases, Some(65534), None).unwrap();
    let expected = "failed to open lease directory '/run/leases': it belongs to 'nobody', not to 'root'; see 'one-sriov doctor'.\n";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), expected);
}

#[test]
fn a_lease_directory_that_others_may_write_to() {
    let host = host();
    fs::set_permissions(
        host.path("/run/one-sriov"),
        fs::Permissions::from_mode(0o1777),
    )
    .unwrap();
    let expected = "failed to open lease directory '/run/one-sriov': its mode is 1777, expected 0700; see 'one-sriov doctor'.\n";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), expected);
}

#[test]
fn virsh_is_missing() {
    let host = host();
    fs::remove_file(host.path("bin/virsh")).unwrap();
    let mut command = host.driver(&["action", "--", "deploy"]);
    // Only the stand-ins: this machine may have a virsh.
    command.env("PATH", host.path("bin"));
    host.write("/usr/sbin/none", "");
    let file = one_sriov_tests::host::deployment_file(7);
    command.args([&*file, "host", "7", "host"]);
    let outcome = one_sriov_tests::host::run(&mut command, &domain(7, &["sriov_ib0"]));
    let expected = "failed to query libvirt at 'qemu:///system': failed to run 'virsh': ";
    assert_refused(&host, &outcome, expected);
}

#[test]
fn libvirt_refuses_or_does_not_answer() {
    let host = host();
    host.switch("virsh-fails", "failed to connect to the hypervisor");
    let expected = "failed to query libvirt at 'qemu:///system': failed to connect to the hypervisor; see 'one-sriov doctor'.\n";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), expected);
    host.switch_off("virsh-fails");
    host.switch("virsh-hangs", "");
    host.write("/etc/one-sriov/kvmrc", "LIBVIRT_WAIT=1\n");
    let expected =
        "failed to query libvirt at 'qemu:///system': failed to run 'virsh': no answer within 1 s";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), expected);
}

#[test]
fn a_full_disk() {
    let host = host();
    let dir = host.path("/run/one-sriov");
    // A full file system: a tmpfs of one page, filled with the boot ID and newlines.
    let script = format!(
        "mount -t tmpfs -o size=4k,mode=0700 none '{dir}' && \
         {{ cat '{boot_id}' && yes ''; }} 2>/dev/null | head -c 4096 >'{dir}/boot-id' && exec \"$@\"",
        dir = dir.display(),
        boot_id = host.path("/proc/sys/kernel/random/boot_id").display()
    );
    let driver = host.driver(&["action", "--", "deploy"]);
    let mut command = host.command(std::path::Path::new("/usr/bin/unshare"));
    command.args(["-m", "sh", "-c", &script, "sh"]);
    command.arg(driver.get_program()).args(driver.get_args());
    command.args([
        &*one_sriov_tests::host::deployment_file(7),
        "host",
        "7",
        "host",
    ]);
    let outcome = one_sriov_tests::host::run(&mut command, &domain(7, &["sriov_ib0"]));
    assert!(
        outcome.stderr.contains("No space left on device"),
        "{}",
        outcome.stderr
    );
    assert_refused(&host, &outcome, "failed to write '");
    assert_eq!(
        host.vf("ib0", 0).split(' ').nth(1),
        Some("0c:42:a1:03:00:00:00:00")
    );
}

#[test]
fn a_bad_mac() {
    let host = host();
    for (mac, what) in [
        ("mac address='02:00:c0:a8:07'", "invalid MAC address"),
        ("other x='x'", "it has none"),
    ] {
        let text = domain(7, &["sriov_ib0"]).replace("mac address='02:00:c0:a8:07:01'", mac);
        let expected = format!("failed to read the MAC of the NIC on bridge 'sriov_ib0': {what}");
        assert_refused(&host, &host.deploy_domain(7, &text), &expected);
    }
}

#[test]
fn a_bad_configuration() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "\nVF_IDENTITY=vdpa\n");
    let expected = "failed to read '/etc/one-sriov/kvmrc': line 2: VF_IDENTITY: invalid value 'vdpa': expected auto, mac, dummy or guid.\n";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), expected);
    host.stock("deploy", "echo passed\n");
    assert_eq!(host.deploy(7, &["br0"]).stdout, "passed\n");
}

#[test]
fn a_bad_document_beside_the_deployment_file() {
    let host = host();
    host.write("/var/lib/one/datastores/0/7/vm.xml", "<VM><TEMPLATE>");
    let expected = "failed to read '/var/lib/one//datastores/0/7/vm.xml': it is truncated.\n";
    assert_refused(&host, &host.deploy(7, &["sriov_ib0"]), expected);
}

#[test]
fn a_vm_can_be_stopped_even_if_the_lease_directory_is_unsafe() {
    let host = host();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    fs::set_permissions(
        host.path("/run/one-sriov"),
        fs::Permissions::from_mode(0o777),
    )
    .unwrap();
    let cancelled = host.cancel(7);
    assert_eq!(cancelled.code, 0);
    assert_eq!(host.domain(7), None);
    let expected = "INFO: cancel: failed to open lease directory '/run/one-sriov': its mode is 0777, expected 0700\n";
    assert_eq!(cancelled.stderr, expected);
}
