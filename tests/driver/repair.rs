//! `repair`: plugs missing VFs into one running VM.

use std::fs::File;

use one_sriov_tests::host::Host;

use crate::suspend::{
    BOTH, CHECKPOINT, audit, document, host, lacking, raw, restore, save, wait_for_stock_actions,
};

const NO: &str = "<hostdev\ninternal error: vfio 0000:81:00.1: no";

#[test]
fn a_vm_gets_its_missing_vf_and_other_vms_are_not_checked() {
    let (host, restored) = lacking();
    let advice = "'one-sriov repair 7' tries again\n";
    assert!(restored.stderr.contains(advice), "{}", restored.stderr);
    // Another VM's file, which is corrupt, must not be read.
    host.write("/run/one-sriov/.unplugged/8", "not a path");
    let repaired = host.operator(&["repair", "7"]);
    let expected = "VM 7 has VF '0000:81:00.2' (ib0/1) again\n";
    assert_eq!(
        (repaired.code, repaired.stdout.as_str()),
        (0, expected),
        "{}",
        repaired.stderr
    );
    assert_eq!(audit(&host, false), [""; 0]);
    assert_eq!(host.read("/run/one-sriov/.unplugged/7"), None);
    assert!(host.read("/run/one-sriov/.unplugged/8").is_some());
    let again = host.operator(&["repair", "7"]);
    assert_eq!(
        (again.code, &*again.stdout),
        (0, "VM 7 has all of its VFs\n")
    );
}

#[test]
fn a_repair_that_fails_again_names_the_nic() {
    let (host, _) = lacking();
    host.switch("attach-fails", NO);
    let repaired = host.operator(&["repair", "7"]);
    assert_eq!((repaired.code, &*repaired.stderr), (4, ""));
    let expected = "NIC '02:00:c0:a8:07:01' of VM 7 has no VF: failed to attach NIC ";
    assert!(repaired.stdout.starts_with(expected), "{}", repaired.stdout);
    host.switch_off("attach-fails");
    assert_eq!(host.operator(&["repair", "7"]).code, 0);
    assert_eq!(audit(&host, false), [""; 0]);
}

#[track_caller]
fn refused(host: &Host, vm: &str, code: i32, expected: &str) {
    let refused = host.operator(&["repair", vm]);
    assert_eq!((refused.code, &*refused.stdout), (code, ""));
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
}

#[test]
fn a_vm_that_is_not_running_here_or_is_busy_is_refused() {
    let (host, _) = lacking();
    let stopped = "one-sriov-driver: failed to repair VM 8: it does not run on this host\n";
    refused(&host, "8", 1, stopped);
    // Its file shows that it is a saved VM.
    host.write("/run/one-sriov/.unplugged/8", CHECKPOINT);
    refused(&host, "8", 1, stopped);
    refused(&host, "one-7", 2, "invalid value 'one-7' for '<VM>'");

    let id = host.lease("eth1/0").unwrap()["deployment"].clone();
    let path = host.path("/run/one-sriov/.deployments");
    let deployment = File::open(path.join(id.as_str().unwrap())).unwrap();
    deployment.lock().unwrap();
    let busy = "failed to repair VM 7: another driver process is working on it; try again later\n";
    refused(&host, "7", 1, busy);
    deployment.unlock().unwrap();
    assert_eq!(host.operator(&["repair", "7"]).code, 0);
}

/// The position of a NIC without a VF must not be assigned to another NIC.
#[test]
fn an_attached_nic_does_not_take_the_position_of_a_missing_one() {
    let host = host();
    assert_eq!(save(&host).code, 0);
    // The Ethernet VF cannot be attached, and no dummy NIC shows its position.
    host.switch("attach-fails", "type='hostdev'\nno");
    assert_eq!(restore(&host, &BOTH).code, 0);
    host.switch_off("attach-fails");
    let attached = host.attach(7, "02:00:c0:a8:07:09", "sriov_ib0");
    assert_eq!(attached.code, 0, "{}", attached.stderr);
    assert_eq!(host.lease("ib0/1").unwrap()["position"], 2);
    assert_eq!(host.operator(&["repair", "7"]).code, 0);
    let [ethernet] = host.leased("eth1").try_into().unwrap();
    assert_eq!(
        host.lease(&format!("eth1/{ethernet}")).unwrap()["position"],
        1
    );
}

/// A VF that was plugged in before the driver was killed belongs to the VM, and isn't treated as partly attached.
#[test]
fn vfs_that_a_killed_restore_plugged_in_stay_plugged_in() {
    for grace in [3600, 0] {
        let restores = (1..).map_while(|nth| killed_restore(grace, nth));
        let running = restores.filter(|(host, _)| host.domain(7).is_some());
        let mut number = 0;
        for (host, what) in running {
            number += 1;
            let calls = host.calls().len();
            if grace > 0 {
                let repaired = host.operator(&["repair", "7"]);
                assert_eq!(repaired.code, 0, "{what}: {}", repaired.stdout);
                assert_eq!(audit(&host, false), [""; 0], "{what}");
                // The grace period is over.
                host.write("/etc/one-sriov/kvmrc", settings(0));
            }
            let reconciled = host.operator(&["reconcile"]);
            assert_eq!(reconciled.code, 0, "{what}: {}", reconciled.stdout);
            let calls = host.calls().split_off(calls);
            let detaches = |call: &&String| call.contains("detach-device");
            assert_eq!(calls.iter().find(detaches), None, "{what}");
            assert_eq!(audit(&host, false), [""; 0], "{what}");
        }
        assert!(number > 4, "{grace}: only {number} calls");
    }
}

fn settings(grace: u32) -> String {
    format!("UNPLUG_WAIT=1\nLEASE_GRACE={grace}\n")
}

/// A restore whose driver is killed at the `nth` call of a program, or `None` if the restore makes fewer calls.
fn killed_restore(grace: u32, nth: usize) -> Option<(Host, String)> {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", settings(grace));
    assert_eq!(save(&host).code, 0);
    host.switch("dies-at", &nth.to_string());
    let arguments = [CHECKPOINT, "host", "one-7", "7", "host"];
    let outcome = raw(&host, "restore", &arguments, &document(&BOTH));
    host.switch_off("dies-at");
    wait_for_stock_actions(&host);
    (!outcome.status.success()).then(|| (host, format!("{grace} {nth}")))
}
