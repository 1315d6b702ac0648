//! At every call of a program on either host, the call fails or the driver is killed.

use std::fs::File;

use one_sriov_tests::host::Host;

use super::{ARGUMENTS, audit, hosts};
use crate::suspend::{BOTH, document, raw, wait_for_stock_actions};

/// Waits until the stock action of a killed driver and the driver of the other host have ended.
pub(crate) fn wait_for_both(first: &Host, second: &Host) {
    wait_for_stock_actions(first);
    if let Ok(session) = File::open(first.path("/state/session")) {
        session.lock().unwrap();
    }
    wait_for_stock_actions(second);
}

/// Migrates repeatedly, with a fault at each call of a program in turn, on one of the hosts.
pub(crate) fn at_every_call(switch: &str, is_first: bool) {
    let mut reached = 0;
    for nth in 1.. {
        let (first, second) = hosts();
        let faulty = if is_first { &first } else { &second };
        faulty.switch(switch, &nth.to_string());
        let outcome = raw(&first, "migrate", &ARGUMENTS, &document(&BOTH));
        wait_for_both(&first, &second);
        let left = faulty.read(&format!("/state/{switch}")).unwrap();
        faulty.switch_off(switch);
        let what = format!("{nth}: {}", String::from_utf8_lossy(&outcome.stderr));
        for host in [&first, &second] {
            let reconciled = host.operator(&["reconcile"]);
            assert_eq!(
                reconciled.code, 0,
                "{what}{}{}",
                reconciled.stdout, reconciled.stderr
            );
        }
        assert_eq!(
            audit(&first, &second, switch == "fails-at"),
            [""; 0],
            "{what}"
        );
        if left.trim() != "0" {
            assert!(outcome.status.success(), "{what}");
            break;
        }
        reached = nth;
    }
    assert!(reached >= 10, "only {reached} calls");
}

#[test]
fn a_failed_call_on_the_source_leaves_the_vm_complete_on_one_host() {
    at_every_call("fails-at", true);
}

#[test]
fn a_failed_call_on_the_destination_leaves_the_vm_complete_on_one_host() {
    at_every_call("fails-at", false);
}

#[test]
fn a_driver_killed_on_the_source_leaves_the_vm_complete_on_one_host() {
    at_every_call("dies-at", true);
}

#[test]
fn a_driver_killed_on_the_destination_leaves_the_vm_complete_on_one_host() {
    at_every_call("dies-at", false);
}
