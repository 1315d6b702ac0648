//! VFs that a guest releases late, or with the end of its VM.

use one_sriov_tests::host::Host;

use super::{attach, detach, driver_of, host, mac};

#[test]
fn a_vf_stays_leased_until_the_guest_releases_it() {
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
fn an_unplug_request_that_the_guest_missed_is_repeated() {
    let host = host();
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    host.switch("guest-is-slow", "2");
    let detached = detach(&host, &mac(2));
    assert_eq!(detached.code, 0, "{}", detached.stderr);
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn all_vfs_of_a_vm_that_ends_are_released() {
    let host = host();
    let driver = driver_of(&host, "0000:81:00.2");
    assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
    assert_eq!(
        driver_of(&host, "0000:81:00.2"),
        driver,
        "libvirt leaves the VF bound to vfio-pci"
    );
    assert_eq!(host.changed_vfs(), [""; 0]);
}

#[test]
fn a_vf_passed_from_vm_to_vm_is_finally_bound_to_its_own_driver() {
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
fn the_dummy_nic_of_a_vf_that_another_vm_gets_is_removed() {
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
fn a_dummy_nic_is_removed_when_the_guest_releases_its_vf_late() {
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
fn a_detached_vf_is_released_only_once() {
    let host = host();
    assert_eq!(host.deploy(8, &["sriov_ib0"; 2]).code, 0);
    let arguments = ["one-8", "02:00:c0:a8:08:01", "8", "host"];
    assert_eq!(host.action("detach_nic", &arguments, "").code, 0);
    let reconciled = host.operator(&["reconcile"]);
    assert_eq!(reconciled.stdout, "no stale lease\n");
}
