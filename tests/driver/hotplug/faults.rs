//! At every call of a program, the call fails or the driver is killed.

use std::process::Output;

use one_sriov_tests::host::Host;

use super::{attach, attach_raw, detach_raw, driver_of, host, mac};

/// Lists inconsistencies: VFs in a domain without a lease, or the reverse; free VFs not in their original state; dummy NICs
/// without a VF.
fn audit(host: &Host, driver: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let domain = host.domain(7).unwrap();
    let leased = host.leased("ib0");
    for (vf, nth) in [(1, 2), (2, 3), (3, 4)] {
        let device = format!("0000:81:00.{nth}");
        let is_held = domain.contains(&format!("function='0x{nth}'"));
        let lease = leased
            .contains(&vf.to_string())
            .then(|| host.lease(&format!("ib0/{vf}")).unwrap());
        let dummies = domain.matches("<mac address='aa:01:").count();
        match (is_held, lease) {
            (true, Some(_)) if dummies == 1 => {}
            (false, None) => {
                if driver_of(host, &device) != driver || host.changed_vfs().contains(&device) {
                    problems.push(format!("{device} is free, but not in its original state"));
                }
                if vf == 1 && dummies > 0 {
                    problems.push("a dummy NIC without a VF".to_owned());
                }
            }
            (is_held, lease) => problems.push(format!(
                "{device}: held {is_held}, dummies {dummies}, lease {lease:?}"
            )),
        }
    }
    problems
}

/// Attaches and detaches a NIC, with a fault at every call of a program in turn, and runs `check` each time.
fn at_every_call(switch: &str, check: impl Fn(&Host, &Output, &str)) {
    for step in ["attach", "detach"] {
        let mut reached = 0;
        for nth in 1.. {
            let host = host();
            host.write("/etc/one-sriov/kvmrc", "UNPLUG_WAIT=1\nLEASE_GRACE=0\n");
            if step == "detach" {
                assert_eq!(attach(&host, "sriov_ib0", 2).code, 0);
            }
            host.switch(switch, &nth.to_string());
            let outcome = match step {
                "attach" => attach_raw(&host, "sriov_ib0", 2),
                _ => detach_raw(&host, &mac(2)),
            };
            let left = host.read(&format!("/state/{switch}")).unwrap();
            host.switch_off(switch);
            let what = format!("{step} {nth}: {}", String::from_utf8_lossy(&outcome.stderr));
            check(&host, &outcome, &what);
            if left.trim() != "0" {
                break;
            }
            reached = nth;
        }
        assert!(reached >= 8, "{step}: only {reached} calls");
    }
}

#[test]
fn a_failed_call_leaves_no_partly_attached_nic() {
    let driver = driver_of(&host(), "0000:81:00.2");
    at_every_call("fails-at", |host, outcome, what| {
        // `reconcile` completes a failed release.
        assert_eq!(host.operator(&["reconcile"]).code, 0, "{what}");
        if outcome.status.success() {
            let is_there = host.leased("ib0").contains(&"1".to_owned());
            assert_eq!(is_there, what.starts_with("attach"), "{what}");
        }
        assert_eq!(audit(host, &driver), [""; 0], "{what}");
    });
}

#[test]
fn reconcile_repairs_the_vm_after_a_driver_is_killed_at_any_call() {
    let driver = driver_of(&host(), "0000:81:00.2");
    at_every_call("dies-at", |host, _, what| {
        let reconciled = host.operator(&["reconcile"]);
        assert_eq!(
            reconciled.code, 0,
            "{what}: {}{}",
            reconciled.stdout, reconciled.stderr
        );
        assert_eq!(audit(host, &driver), [""; 0], "{what}");
    });
}
