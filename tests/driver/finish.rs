//! However a VM ends, its VFs are released.

use one_sriov_tests::host::{Host, Pf};

const ORIGINAL: &str =
    "node_guid 0c:42:a1:03:00:00:00:00 port_guid 0c:42:a1:03:00:00:00:00 state disable";

fn host_with_vm() -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_ne!(host.vf("ib0", 0), ORIGINAL);
    host
}

#[test]
fn cancel_releases_the_vf() {
    let host = host_with_vm();
    let cancelled = host.cancel(7);
    assert_eq!((cancelled.code, &*cancelled.stdout), (0, ""));
    assert_eq!(host.leased("ib0"), [""; 0]);
    assert_eq!(host.vf("ib0", 0), ORIGINAL);
    let expected = "INFO: cancel: VF '0000:81:00.1' (ib0/0) of VM 7 is free\n";
    assert_eq!(cancelled.stderr, expected);
}

#[test]
fn a_vm_that_cannot_be_destroyed_keeps_its_vf() {
    let host = host_with_vm();
    host.switch("destroy-fails", "");
    let cancelled = host.cancel(7);
    assert_eq!(cancelled.code, 255);
    assert!(
        cancelled.stderr.ends_with("Could not destroy one-7\n"),
        "{}",
        cancelled.stderr
    );
    assert_eq!(host.leased("ib0"), ["0"]);
    assert_ne!(host.vf("ib0", 0), ORIGINAL);
}

#[test]
fn a_vf_is_not_released_if_the_domain_still_runs_after_cancel() {
    let host = host_with_vm();
    host.stock("cancel", "exit 0\n");
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn the_vf_of_a_guest_that_powered_itself_off_is_released_by_the_next_deployment() {
    let host = host_with_vm();
    host.power_off(7);
    assert_eq!(host.leased("ib0"), ["0"]);
    assert_eq!(host.deploy(8, &["sriov_ib0", "sriov_ib0"]).code, 0);
    let vm = |place: &str| host.lease(place).unwrap()["vm"].clone();
    assert_eq!((vm("ib0/0"), vm("ib0/1")), (8.into(), 8.into()));
    // The original state is the one before the first VM.
    assert_eq!(host.cancel(8).code, 0);
    assert_eq!(host.vf("ib0", 0), ORIGINAL);
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn a_vm_can_be_deployed_again_after_a_power_off() {
    let host = host_with_vm();
    host.power_off(7);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0").len(), 1);
}

#[test]
fn a_vf_that_libvirt_has_not_released_is_not_allocated() {
    let host = host_with_vm();
    host.write("/etc/one-sriov/kvmrc", "VF_RELEASE_WAIT=1\n");
    host.switch("devices-stay", "");
    let cancelled = host.cancel(7);
    assert_eq!(cancelled.code, 0);
    assert!(
        cancelled.stderr.contains("libvirt has not released it yet"),
        "{}",
        cancelled.stderr
    );
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "releasing");
    host.write("/etc/one-sriov/kvmrc", "VF_RELEASE_WAIT=3600\n");
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    let full = host.deploy(9, &["sriov_ib0"]);
    assert_eq!(full.code, 1);
    assert_eq!(
        full.stderr,
        "failed to find a free VF in pool 'ib0': 2 of 2 in use; use another host (VM 7, not released yet: 1, VM 8: 1).\n"
    );
    // A VF that libvirt never releases is not lost, because no domain has it.
    host.write("/etc/one-sriov/kvmrc", "VF_RELEASE_WAIT=0\n");
    assert_eq!(host.deploy(9, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/0").unwrap()["vm"], 9);
}

/// A card whose VF is always bound to vfio-pci, so its binding does not show whether a VM has the VF.
fn host_bound_to_vfio() -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 1)]);
    host.write("/sys/bus/pci/devices/0000:81:00.1/own_driver", "vfio-pci");
    std::fs::remove_file(host.path("/sys/bus/pci/devices/0000:81:00.1/driver")).unwrap();
    std::os::unix::fs::symlink(
        "../../../bus/pci/drivers/vfio-pci",
        host.path("/sys/bus/pci/devices/0000:81:00.1/driver"),
    )
    .unwrap();
    host
}

#[test]
fn a_vf_that_was_bound_to_vfio_before_is_released_at_once() {
    let host = host_bound_to_vfio();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/0").unwrap()["driver"], "vfio-pci");
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn a_vm_that_starts_after_the_libvirt_snapshot_keeps_its_vf() {
    for what in ["reconcile", "probe", "cancel", "deploy"] {
        let host = host_bound_to_vfio();
        assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
        let (lease, vf) = (host.lease("ib0/0"), host.vf("ib0", 0));
        // The deployment completes after libvirt's answer and before the driver reads its lease.
        let running = "/state/domains/one-7.xml";
        let domain = host.read(running).unwrap();
        std::fs::remove_file(host.path(running)).unwrap();
        host.switch("starts-after-list", &format!("one-7\n{domain}"));
        match what {
            // The stock action doesn't see a domain to destroy yet.
            "cancel" => {
                host.stock("cancel", "exit 0\n");
                assert_eq!(host.cancel(7).code, 0);
            }
            "deploy" => assert_ne!(host.deploy(8, &["sriov_ib0"]).code, 0),
            command => assert_eq!(host.operator(&[command]).code, 0, "{command}"),
        }
        assert!(
            host.read(running).is_some(),
            "{what}: libvirt was not queried"
        );
        assert_eq!(host.lease("ib0/0"), lease, "{what}");
        assert_eq!(host.vf("ib0", 0), vf, "{what}");
    }
}

#[test]
fn a_lease_of_an_earlier_boot_is_void() {
    let host = host_with_vm();
    host.power_off(7);
    host.write("/proc/sys/kernel/random/boot_id", "another\n");
    let calls = host.calls().len();
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["0"]);
    let lease = host.lease("ib0/0").unwrap();
    assert_eq!(
        (&lease["vm"], &lease["boot_id"]),
        (&8.into(), &"another".into())
    );
    // The boot has reset the card, so nothing is restored.
    let set = host.calls()[calls..]
        .iter()
        .filter(|call| call.starts_with("ip "))
        .count();
    assert_eq!(set, 2, "the GUIDs of the new VM");
}

#[test]
fn a_vf_in_use_by_another_domain_is_not_restored() {
    let host = host_with_vm();
    host.power_off(7);
    host.foreign_domain("stranger", &["0000:81:00.1"]);
    let set = host.vf("ib0", 0);
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
    assert_eq!(host.vf("ib0", 0), set);
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["1"]);
}
