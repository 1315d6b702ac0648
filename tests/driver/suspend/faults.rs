//! At every call of a program, the call fails or the driver is killed.

use std::fs::File;

use one_sriov_tests::host::Host;

use super::{BOTH, CHECKPOINT, SAVED, document, host, raw};

/// Lists inconsistencies between domains, cards and leases. A running VM must have all its VFs at their addresses, with dummy
/// NICs and leases; a saved VM must have its files and no VFs.
pub(crate) fn audit(host: &Host, may_move: bool) -> Vec<String> {
    let mut problems = audit_vfs(host, may_move);
    let has_files = host.read(CHECKPOINT).is_some() && host.read(SAVED).is_some();
    if host.domain(7).is_none() && !has_files {
        problems.push("a saved VM without its files".to_owned());
    }
    problems
}

/// Like [`audit`], but ignores the files of a saved VM.
pub(crate) fn audit_vfs(host: &Host, may_move: bool) -> Vec<String> {
    let mut problems = Vec::new();
    // If libvirt refuses the device's previous address in the guest, the device gets another one.
    let elsewhere = "function='0x1'/></source></hostdev>";
    let is_in_place = !(may_move && host.domain(7).is_some_and(|text| text.contains(elsewhere)));
    let leased = (host.leased("ib0").len(), host.leased("eth1").len());
    if let Some(domain) = host.domain(7) {
        for (part, count) in [
            ("<hostdev ", 1),
            ("type='hostdev'", 1),
            ("aa:00:c0:a8:07:01", 1),
            (
                "slot='0x0a' function='0x0'/></hostdev>",
                usize::from(is_in_place),
            ),
        ] {
            let compact: String = domain.split_inclusive('>').map(str::trim_start).collect();
            if compact.matches(part).count() != count {
                problems.push(format!("not {count} times {part}: {domain}"));
            }
        }
        if leased != (1, 1) {
            problems.push(format!("leases {leased:?} of a running VM"));
        }
        if host.changed_vfs().len() != 2 {
            problems.push(format!("changed VFs: {:?}", host.changed_vfs()));
        }
    } else if leased != (0, 0) || !host.changed_vfs().is_empty() {
        problems.push(format!(
            "leases {leased:?}, changed {:?} of a VM that does not run",
            host.changed_vfs()
        ));
    }
    problems
}

/// Waits until the stock action of a killed driver has ended: until then the deployments' files stay locked.
pub(crate) fn wait_for_stock_actions(host: &Host) {
    let Ok(files) = std::fs::read_dir(host.path("/run/one-sriov/.deployments")) else {
        return;
    };
    for file in files {
        let deployment = File::open(file.unwrap().path()).unwrap();
        deployment.lock().unwrap();
        deployment.unlock().unwrap();
    }
}

/// A VM that is saved and restored with faults.
pub(crate) struct Scenario {
    /// The host that the VM runs on.
    pub(crate) host: fn() -> Host,
    /// The VM's document for a step.
    pub(crate) document: fn(&str) -> String,
    /// Lists inconsistencies after a step. `true` allows a VF another address in the guest.
    pub(crate) audit: fn(&Host, &str, bool) -> Vec<String>,
}

/// Saves and restores, with a fault at every call of a program in turn.
pub(crate) fn at_every_call(switch: &str, scenario: &Scenario) {
    for step in ["save", "restore"] {
        let mut reached = 0;
        for nth in 1.. {
            let host = (scenario.host)();
            let (saving, restoring) = (
                ["one-7", CHECKPOINT, "host", "7", "host"],
                [CHECKPOINT, "host", "one-7", "7", "host"],
            );
            if step == "restore" {
                let saved = raw(&host, "save", &saving, &(scenario.document)("save"));
                assert!(saved.status.success(), "{saved:?}");
            }
            host.switch(switch, &nth.to_string());
            let arguments = if step == "save" { saving } else { restoring };
            let outcome = raw(&host, step, &arguments, &(scenario.document)(step));
            let left = host.read(&format!("/state/{switch}")).unwrap();
            host.switch_off(switch);
            let what = format!("{step} {nth}: {}", String::from_utf8_lossy(&outcome.stderr));
            wait_for_stock_actions(&host);
            let reconciled = host.operator(&["reconcile"]);
            assert_eq!(
                reconciled.code, 0,
                "{what}{}{}",
                reconciled.stdout, reconciled.stderr
            );
            let may_move = step == "restore" && switch == "fails-at";
            assert_eq!(
                (scenario.audit)(&host, step, may_move),
                [""; 0],
                "{what}\n{}",
                reconciled.stdout
            );
            assert_eq!(host.read("/run/one-sriov/.unplugged/7"), None, "{what}");
            if left.trim() != "0" {
                assert!(outcome.status.success(), "{what}");
                break;
            }
            reached = nth;
        }
        assert!(reached >= 10, "{step}: only {reached} calls");
    }
}

const BOTH_NICS: Scenario = Scenario {
    host,
    document: |_| document(&BOTH),
    audit: |host, _, may_move| audit(host, may_move),
};

#[test]
fn a_failed_call_leaves_the_vm_completely_saved_or_running() {
    at_every_call("fails-at", &BOTH_NICS);
}

#[test]
fn reconcile_repairs_the_vm_after_a_driver_is_killed_at_any_call() {
    at_every_call("dies-at", &BOTH_NICS);
}
