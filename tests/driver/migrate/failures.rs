//! Migrations that fail, and VFs that cannot be plugged in.

use super::faults::wait_for_both;
use super::{ARGUMENTS, assert_stays, audit, hosts, migrate, next_to, stock};
use crate::suspend::{BOTH, assert_free, document, lacking, raw};

#[test]
fn a_failed_migration_leaves_the_vm_with_its_vfs() {
    let (first, second) = hosts();
    let before = first.lease("ib0/0").unwrap();
    first.stock("migrate", "echo 'Could not migrate' >&2; exit 3\n");
    let failed = migrate(&first);
    assert_eq!(failed.code, 3);
    assert!(
        failed.stderr.starts_with("Could not migrate\n"),
        "{}",
        failed.stderr
    );
    assert_stays(&first, &second);
    let lease = first.lease("ib0/0").unwrap();
    assert_eq!(
        (&lease["guid"], &lease["state"]),
        (&before["guid"], &before["state"])
    );
    assert_eq!(first.cancel(7).code, 0);
    assert_free(&first);
}

#[test]
fn a_vm_gets_its_vfs_even_if_the_migration_fails_after_it_has_moved() {
    let (first, second) = hosts();
    first.stock(
        "migrate",
        "virsh -c qemu:///system migrate --live \"$1\"\necho 'Could not clean up' >&2; exit 3\n",
    );
    assert_eq!(migrate(&first).code, 3);
    assert!(second.domain(7).is_some());
    assert_eq!(audit(&first, &second, false), [""; 0]);
}

#[test]
fn a_vm_whose_guest_does_not_release_its_vf_is_not_migrated() {
    let (first, second) = hosts();
    first.switch("guest-keeps-devices", "");
    let failed = migrate(&first);
    let said = "failed to migrate VM 7: the guest has not released VF 'ib0/0' within 1 s";
    assert!(failed.stderr.starts_with(said), "{}", failed.stderr);
    assert_stays(&first, &second);
}

#[test]
fn a_migration_completes_even_if_the_driver_is_killed() {
    let (first, second) = hosts();
    stock(&first, "kill -9 $PPID");
    let killed = raw(&first, "migrate", &ARGUMENTS, &document(&BOTH));
    assert_eq!(killed.status.code(), None);
    wait_for_both(&first, &second);
    assert_eq!(first.operator(&["reconcile"]).code, 0);
    assert!(second.domain(7).is_some());
    assert_eq!(audit(&first, &second, false), [""; 0]);
}

/// The driver of the first host is killed, and libvirt copies the VM for longer than `PEER_WAIT`: the second host's driver has
/// asked about it twice before the copy is complete.
#[test]
fn a_vm_that_libvirt_is_still_receiving_gets_its_vfs_however_long_its_driver_is_silent() {
    let (first, second) = hosts();
    second.write("/etc/one-sriov/kvmrc", "PEER_WAIT=1\n");
    second.switch("domstate", "paused (migrating)");
    let place = second.root().display();
    // If the driver there gives up, its leases are gone.
    let stock_action = format!(
        "kill -9 $PPID\nvirsh -c qemu:///system migrate --live \"$1\" || exit 1\n\
         timeout 60 sh -c 'until [ \"$(grep -c domstate {place}/state/calls)\" -ge 2 ] || \
         ! ls {place}/run/one-sriov/ib0/* >/dev/null 2>&1; do sleep 0.05; done'\n\
         rm {place}/state/domstate\n"
    );
    first.stock("migrate", &stock_action);
    let killed = raw(&first, "migrate", &ARGUMENTS, &document(&BOTH));
    assert_eq!(killed.status.code(), None);
    wait_for_both(&first, &second);
    let held = (second.leased("ib0").len(), second.leased("eth1").len());
    assert_eq!(held, (1, 1), "they were released");
    assert_eq!(first.operator(&["reconcile"]).code, 0);
    assert_eq!(audit(&first, &second, false), [""; 0]);
}

/// The same, but libvirt isn't receiving the VM.
#[test]
fn a_silent_driver_loses_the_vfs_on_the_other_host_if_libvirt_is_not_receiving_the_vm() {
    let (first, second) = hosts();
    second.write("/etc/one-sriov/kvmrc", "PEER_WAIT=1\n");
    let run = second.path("/run/one-sriov");
    let leases = run.display();
    let stock_action = format!(
        "kill -9 $PPID\ntimeout 60 sh -c 'while ls {leases}/ib0/* >/dev/null 2>&1; do sleep 0.05; done'\nexit 1\n"
    );
    first.stock("migrate", &stock_action);
    let killed = raw(&first, "migrate", &ARGUMENTS, &document(&BOTH));
    assert_eq!(killed.status.code(), None);
    wait_for_both(&first, &second);
    assert_free(&second);
    for host in [&first, &second] {
        assert_eq!(host.operator(&["reconcile"]).code, 0);
    }
    assert!(first.domain(7).is_some());
    assert_eq!(audit(&first, &second, false), [""; 0]);
}

#[test]
fn reconcile_completes_a_vm_whose_receiver_was_killed() {
    let (first, second) = hosts();
    let seconds = second.root().display();
    let receiver = format!(
        "for pid in /proc/[0-9]*; do\n\
         tr '\\0' ' ' 2>/dev/null <$pid/cmdline | grep -q '{seconds}/.* -- receive' && kill -9 ${{pid#/proc/}}\ndone\n"
    );
    stock(&first, &receiver);
    let moved = migrate(&first);
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    let note = "VM 7 may lack VFs: failed to migrate VM 7 to 'node2': ";
    assert!(moved.stderr.contains(note), "{}", moved.stderr);
    assert_free(&first);
    let reconciled = second.operator(&["reconcile"]);
    assert_eq!(
        reconciled.code, 0,
        "{}{}",
        reconciled.stdout, reconciled.stderr
    );
    assert_eq!(audit(&first, &second, false), [""; 0]);
}

#[test]
fn a_vf_that_cannot_be_plugged_in_does_not_fail_the_migration() {
    let (first, second) = hosts();
    second.switch(
        "attach-fails",
        "<hostdev\ninternal error: vfio 0000:81:00.1: no",
    );
    let moved = migrate(&first);
    second.switch_off("attach-fails");
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    let said = "host 'node2': NIC '02:00:c0:a8:07:01' of VM 7 has no VF: ";
    assert!(moved.stderr.contains(said), "{}", moved.stderr);
    assert_free(&first);
    let repaired = second.operator(&["repair", "7"]);
    assert_eq!(repaired.code, 0, "{}{}", repaired.stdout, repaired.stderr);
    assert_eq!(audit(&first, &second, false), [""; 0]);
}

#[test]
fn a_missing_vf_is_plugged_in_on_the_other_host() {
    let (first, _) = lacking();
    let second = next_to(&first);
    let moved = migrate(&first);
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert_free(&first);
    assert_eq!(audit(&first, &second, false), [""; 0]);
    assert_eq!(
        first.read("/var/lib/one/datastores/0/7/one-sriov-nics.json"),
        None
    );
}
