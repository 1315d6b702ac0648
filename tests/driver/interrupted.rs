//! Migrations in which the connection breaks or a host reboots.

use one_sriov_tests::host::Host;

use crate::migrate::{self, ARGUMENTS, at_every_call, hosts, migrate, stock, wait_for_both};
use crate::suspend::{BOTH, assert_free, audit_vfs, document, raw};
use crate::unexpected::crash;

/// Breaks the connection, and waits until the other host's driver has ended.
const CUT: &str = "kill -9 $(cat $DIR/state/ssh); flock $DIR/state/session true";

#[track_caller]
fn check_both(first: &Host, second: &Host) {
    for host in [first, second] {
        let reconciled = host.operator(&["reconcile"]);
        assert_eq!(
            reconciled.code, 0,
            "{}{}",
            reconciled.stdout, reconciled.stderr
        );
    }
}

#[test]
fn reconcile_completes_a_vm_if_the_connection_breaks_before_it_arrives() {
    let (first, second) = hosts();
    stock(&first, CUT);
    let moved = migrate(&first);
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    let said = "VM 7 may lack VFs: failed to migrate VM 7 to 'node2': ";
    assert!(moved.stderr.contains(said), "{}", moved.stderr);
    check_both(&first, &second);
    assert!(second.domain(7).is_some());
    assert_eq!(migrate::audit(&first, &second, false), [""; 0]);
}

#[test]
fn a_vm_is_complete_even_if_the_connection_breaks_after_it_arrives() {
    let (first, second) = hosts();
    let body = format!("virsh -c qemu:///system migrate --live \"$1\" || exit 1\n{CUT}\n");
    first.stock("migrate", &body);
    let moved = migrate(&first);
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    // The VM is complete without a `reconcile`.
    assert!(second.domain(7).is_some());
    assert_eq!(migrate::audit(&first, &second, false), [""; 0]);
}

#[test]
fn reconcile_does_not_change_a_vm_that_is_still_being_copied() {
    let (first, second) = hosts();
    second.switch("domstate", "paused (migrating)");
    let body = format!("virsh -c qemu:///system migrate --live \"$1\" || exit 1\n{CUT}\n");
    first.stock("migrate", &body);
    let moved = migrate(&first);
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    check_both(&first, &second);
    let attaches = |call: &String| call.contains("attach-device");
    assert!(!second.calls().iter().any(attaches));
    assert_free(&second);
    second.switch_off("domstate");
    check_both(&first, &second);
    assert_eq!(migrate::audit(&first, &second, false), [""; 0]);
}

#[test]
fn a_vm_stays_complete_if_the_connection_breaks_and_the_migration_fails() {
    let (first, second) = hosts();
    first.stock("migrate", &format!("{CUT}\nexit 1\n"));
    assert_eq!(migrate(&first).code, 1);
    assert!(first.domain(7).is_some());
    assert_eq!(migrate::audit(&first, &second, false), [""; 0]);
    check_both(&first, &second);
    assert_eq!(migrate::audit(&first, &second, false), [""; 0]);
}

#[test]
fn a_connection_cut_at_any_call_of_the_receiver_leaves_the_vm_on_one_host() {
    at_every_call("cut-at", false);
}

/// Migrates repeatedly, and reboots one of the hosts at each of its calls of a program in turn.
fn reboots_at_every_call(is_first: bool) {
    let mut reached = 0;
    for nth in 1.. {
        let (first, second) = hosts();
        let faulty = if is_first { &first } else { &second };
        faulty.switch("dies-at", &nth.to_string());
        let outcome = raw(&first, "migrate", &ARGUMENTS, &document(&BOTH));
        wait_for_both(&first, &second);
        let left = faulty.read("/state/dies-at").unwrap();
        faulty.switch_off("dies-at");
        if left.trim() != "0" {
            assert!(outcome.status.success());
            break;
        }
        let has_come = second.domain(7).is_some();
        crash(faulty);
        check_both(&first, &second);
        let what = format!("{nth}: {}", String::from_utf8_lossy(&outcome.stderr));
        // The VM ends if its host reboots.
        let is_there = (first.domain(7).is_some(), second.domain(7).is_some());
        assert_eq!(
            is_there,
            (!is_first && !has_come, is_first && has_come),
            "{what}"
        );
        for host in [&first, &second] {
            assert_eq!(audit_vfs(host, false), [""; 0], "{what}");
        }
        reached = nth;
    }
    assert!(reached >= 10, "only {reached} calls");
}

#[test]
fn the_source_host_reboots() {
    reboots_at_every_call(true);
}

#[test]
fn the_destination_host_reboots() {
    reboots_at_every_call(false);
}
