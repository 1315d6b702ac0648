//! Unexpected events. Whichever actions OpenNebula calls afterwards, VFs, GUIDs and leases must be right.
//!
//! Each row of the table in docs/explanation/lifecycle.md has a test here with its name.

use std::fs;
use std::process::{Command, Stdio};

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, deployment_file, domain, run};

use crate::audit::Audit;
use crate::migrate;
use crate::suspend::{
    BOTH, CHECKPOINT, SAVED, assert_free, audit, deploy, document, empty, host, lacking, raw,
    restore, save, wait_for_stock_actions,
};

const GUID: &str = "00:00:aa:00:c0:a8:07:01";
const SAVE: [&str; 5] = ["one-7", CHECKPOINT, "host", "7", "host"];
const RESTORE: [&str; 5] = [CHECKPOINT, "host", "one-7", "7", "host"];

/// Asserts that VM 7 runs with its VFs and that no other VF is in use.
#[track_caller]
fn assert_whole(host: &Host, what: &str) {
    assert_eq!(audit(host, false), [""; 0], "{what}");
    let audit = Audit::of(host);
    assert_eq!(
        (audit.assigned_twice(), audit.lost()),
        (vec![], vec![]),
        "{what}"
    );
    let [infiniband] = host.leased("ib0").try_into().unwrap();
    let lease = host.lease(&format!("ib0/{infiniband}")).unwrap();
    assert_eq!((&lease["vm"], &lease["guid"]), (&7.into(), &GUID.into()));
    let vf = host.vf("ib0", infiniband.parse().unwrap());
    assert!(vf.contains(&format!("port_guid {GUID}")), "{what}: {vf}");
    assert_eq!(host.read(SAVED), None, "{what}");
    assert_eq!(host.read("/run/one-sriov/.unplugged/7"), None, "{what}");
}

/// Asserts that no VM has a VF.
#[track_caller]
fn assert_clean(host: &Host) {
    assert_free(host);
    let audit = Audit::of(host);
    assert_eq!((audit.assigned_twice(), audit.lost()), (vec![], vec![]));
    assert_eq!(host.read("/run/one-sriov/.unplugged/7"), None);
}

/// Moves the directory of a VM to another host, as a transfer driver does.
fn transfer(from: &Host, to: &Host, vm: u32) {
    let dir = format!("/var/lib/one/datastores/0/{vm}");
    for file in fs::read_dir(from.path(&dir)).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let path = format!("{dir}/{name}");
        to.write(&path, from.read(&path).unwrap());
    }
    fs::remove_dir_all(from.path(&dir)).unwrap();
}

fn shutdown(host: &Host) -> Outcome {
    host.action("shutdown", &["one-7", "host", "7", "host"], "")
}

#[track_caller]
fn assert_success(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

/// Crashes and boots the host: no domain runs, and the cards have lost all settings.
pub(crate) fn crash(host: &Host) {
    for directory in ["state/domains", "state/bound", "state/hostdevs"] {
        for file in fs::read_dir(host.path(directory)).into_iter().flatten() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
    host.reset_cards();
    host.write("/proc/sys/kernel/random/boot_id", "another\n");
}

#[test]
fn the_guest_powers_itself_off() {
    let host = host();
    host.power_off(7);
    assert_success(&host.operator(&["probe"]));
    assert_clean(&host);
    deploy(&host);
    assert_whole(&host, "");
}

#[test]
fn the_guest_powers_itself_off_while_it_is_saved() {
    let host = host();
    let off = "virsh -c x destroy \"$1\"; echo 'no such domain' >&2; exit 1\n";
    host.stock("save", off);
    let calls = host.calls().len();
    let saved = save(&host);
    assert_eq!(saved.code, 1);
    assert!(!saved.stderr.contains("has no VF"), "{}", saved.stderr);
    // The driver must not attach a VF to the ended VM: that would count as a failure of the VF.
    let calls = host.calls().split_off(calls);
    let attaches = |call: &&String| call.contains("attach-device");
    assert_eq!(calls.iter().find(attaches), None);
    assert_clean(&host);
    // OpenNebula monitors the VM as powered off, and deploys it again.
    fs::remove_file(host.path(SAVED)).unwrap();
    deploy(&host);
    assert_whole(&host, "");
}

#[test]
fn the_guest_powers_itself_off_while_it_is_migrated() {
    let (first, second) = migrate::hosts();
    first.stock("migrate", "virsh -c x destroy \"$1\"; exit 1\n");
    let migrated = migrate::migrate(&first);
    assert_eq!(migrated.code, 1);
    assert_clean(&first);
    assert_success(&second.operator(&["reconcile"]));
    assert_clean(&second);
}

#[test]
fn the_driver_is_killed() {
    for action in ["save", "restore"] {
        let host = host();
        let (arguments, word) = match action {
            "save" => (SAVE, "exit 1"),
            _ => (RESTORE, "virsh -c x restore \"$DIR$1\""),
        };
        if action == "restore" {
            assert_success(&save(&host));
        }
        host.stock(action, &format!("kill -9 $PPID; {word}\n"));
        let killed = raw(&host, action, &arguments, &document(&BOTH));
        assert_eq!(killed.status.code(), None);
        wait_for_stock_actions(&host);
        assert!(host.domain(7).is_some());
        assert_success(&host.operator(&["reconcile"]));
        assert_whole(&host, action);
    }
}

#[test]
fn the_host_crashes() {
    // A VM with all its VFs, and one that lacks a VF.
    for host in [host(), lacking().0] {
        crash(&host);
        let calls = host.calls().len();
        assert_success(&host.operator(&["reconcile"]));
        assert_clean(&host);
        // The boot has reset the settings, so nothing is restored.
        let calls = host.calls().split_off(calls);
        let sets = |call: &&String| call.contains("ip link set");
        assert_eq!(calls.iter().find(sets), None);
        let _ = fs::remove_file(host.path(SAVED));
        deploy(&host);
        assert_whole(&host, "");
    }
}

#[test]
fn the_host_crashes_while_a_vm_is_suspended() {
    let host = host();
    assert_success(&save(&host));
    crash(&host);
    assert_success(&restore(&host, &BOTH));
    assert_whole(&host, "");
}

#[test]
fn the_vms_of_a_crashed_host_run_elsewhere() {
    let (first, second) = (host(), empty());
    deploy(&second);
    assert_whole(&second, "");
    // The first host boots again.
    crash(&first);
    assert_success(&first.operator(&["probe"]));
    assert_clean(&first);
}

#[test]
fn libvirtd_restarts() {
    let host = host();
    host.switch("virsh-fails", "failed to connect to the hypervisor");
    assert_success(&host.operator(&["probe"]));
    assert_eq!(host.operator(&["reconcile"]).code, 1);
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 1);
    assert_eq!(save(&host).code, 1);
    assert_eq!(host.cancel(7).code, 255);
    host.switch_off("virsh-fails");
    assert_whole(&host, "");
    let reconciled = host.operator(&["reconcile"]);
    assert_eq!(reconciled.stdout, "no stale lease\n");
    assert_whole(&host, "");
}

/// Runs an action after its front-end has ended: its output goes into a closed pipe.
fn run_with_closed_output(host: &Host, action: &str, arguments: &[&str], stdin: &str) {
    host.write("/state/stdin", stdin);
    let mut driver: Command = host.driver(&["action", "--", action]);
    let stdin = fs::File::open(host.path("/state/stdin")).unwrap();
    let piped = driver.args(arguments).stdin(stdin);
    let mut child = piped
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    child.wait().unwrap();
}

#[test]
fn oned_restarts_in_the_middle_of_an_action() {
    let host = empty();
    let file = deployment_file(7);
    let text = domain(7, &["sriov_ib0", "sriov_eth1"]);
    let text = text.replacen("</interface>", PLACE, 1);
    run_with_closed_output(&host, "deploy", &[&file, "host", "7", "host"], &text);
    assert_whole(&host, "deploy");
    run_with_closed_output(&host, "save", &SAVE, &document(&BOTH));
    assert_clean(&host);
    run_with_closed_output(&host, "restore", &RESTORE, &document(&BOTH));
    assert_whole(&host, "restore");
    run_with_closed_output(&host, "cancel", &["one-7", "host", "7", "host"], "");
    assert_clean(&host);
}

const PLACE: &str =
    "<address type='pci' domain='0x0000' bus='0x00' slot='0x0a' function='0x0'/>\n\t\t</interface>";

/// Runs an action of VM 7 repeatedly, killing the driver at each call of a program in turn, and calls `then` with the host.
fn killed_at_every_call(action: &str, then: impl Fn(&Host, &str)) {
    let arguments = if action == "save" { SAVE } else { RESTORE };
    for nth in 1.. {
        let host = host();
        if action == "restore" {
            assert_success(&save(&host));
        }
        host.switch("dies-at", &nth.to_string());
        let outcome = raw(&host, action, &arguments, &document(&BOTH));
        let left = host.read("/state/dies-at").unwrap();
        host.switch_off("dies-at");
        if left.trim() != "0" {
            assert!(outcome.status.success() && nth > 10);
            break;
        }
        wait_for_stock_actions(&host);
        then(&host, &format!("{action} {nth}"));
    }
}

#[test]
fn onevm_recover_retry() {
    killed_at_every_call("save", |host, what| {
        // Without a `reconcile` in between. A VM that is already saved cannot be saved again: the operator has to report success
        // to OpenNebula.
        let is_saved = host.domain(7).is_none();
        let again = save(host);
        assert_eq!(again.code != 0, is_saved, "{what}: {}", again.stderr);
        assert_success(&restore(host, &BOTH));
        assert_whole(host, what);
    });
    killed_at_every_call("restore", |host, what| {
        let runs = host.domain(7).is_some();
        let again = restore(host, &BOTH);
        if runs {
            // libvirt refuses the restore, and the operator has to report success to OpenNebula.
            assert_eq!(again.code, 1, "{what}");
            assert_success(&host.operator(&["repair", "7"]));
        } else {
            assert_eq!(again.code, 0, "{what}: {}", again.stderr);
        }
        assert_whole(host, what);
    });
}

#[test]
fn onevm_recover_retry_of_a_migration() {
    for nth in 1.. {
        let (first, second) = migrate::hosts();
        first.switch("dies-at", &nth.to_string());
        let outcome = raw(&first, "migrate", &migrate::ARGUMENTS, &document(&BOTH));
        first.switch_off("dies-at");
        if outcome.status.success() {
            assert!(nth > 10);
            break;
        }
        migrate::wait_for_both(&first, &second);
        let has_moved = first.domain(7).is_none();
        let again = migrate::migrate(&first);
        let what = format!("{nth}: {}", again.stderr);
        assert_eq!(again.code != 0, has_moved, "{what}");
        if has_moved {
            // The operator has to report success to OpenNebula, and each host reconciles.
            for host in [&first, &second] {
                assert_success(&host.operator(&["reconcile"]));
            }
        }
        assert!(second.domain(7).is_some(), "{what}");
        assert_eq!(migrate::audit(&first, &second, false), [""; 0], "{what}");
    }
}

#[test]
fn onevm_recover_success() {
    // The VM is saved, but the driver was killed before it could report that.
    let host = host();
    host.stock("save", "virsh -c x save \"$1\" \"$DIR$2\"; kill -9 $PPID\n");
    assert_eq!(
        raw(&host, "save", &SAVE, &document(&BOTH)).status.code(),
        None
    );
    wait_for_stock_actions(&host);
    assert_success(&host.operator(&["probe"]));
    assert_free(&host);
    assert_success(&restore(&host, &BOTH));
    assert_whole(&host, "");
}

#[test]
fn onevm_recover_failure() {
    // The VM isn't saved, and still runs without its VFs.
    let host = host();
    host.stock("save", "kill -9 $PPID; exit 1\n");
    assert_eq!(
        raw(&host, "save", &SAVE, &document(&BOTH)).status.code(),
        None
    );
    wait_for_stock_actions(&host);
    assert_eq!(host.leased("ib0").len(), 1);
    assert_success(&host.operator(&["repair", "7"]));
    assert_whole(&host, "");
}

#[test]
fn onevm_recover_delete() {
    let running = host();
    assert_success(&running.cancel(7));
    assert_clean(&running);

    // OpenNebula only removes the files of a suspended VM.
    let suspended = host();
    assert_success(&save(&suspended));
    assert_clean(&suspended);

    // OpenNebula calls no action, and the domain runs on until the operator ends it.
    let deploying = host();
    assert_eq!(deploying.lease("ib0/0").unwrap()["vm"], 7);
    deploying.power_off(7);
    assert_success(&deploying.operator(&["reconcile"]));
    assert_clean(&deploying);

    // The VM ends during the save, which fails.
    let saving = host();
    saving.stock(
        "save",
        "virsh -c x destroy \"$1\"; rm -r \"$(dirname \"$DIR$2\")\"; exit 1\n",
    );
    assert_eq!(save(&saving).code, 1);
    assert_success(&saving.operator(&["probe"]));
    assert_clean(&saving);
}

#[test]
fn onevm_recover_recreate() {
    let (host, _) = lacking();
    assert_success(&host.cancel(7));
    fs::remove_dir_all(host.path("/var/lib/one/datastores/0/7")).unwrap();
    deploy(&host);
    assert_whole(&host, "");
}

#[test]
fn onevm_resched() {
    let (first, second) = (host(), empty());
    assert_success(&save(&first));
    transfer(&first, &second, 7);
    assert_success(&restore(&second, &BOTH));
    assert_clean(&first);
    assert_whole(&second, "");
}

#[test]
fn onevm_undeploy() {
    let (first, second) = (host(), empty());
    assert_success(&shutdown(&first));
    assert_clean(&first);
    deploy(&second);
    assert_whole(&second, "");
}

#[test]
fn onevm_poweroff_hard() {
    let host = host();
    assert_success(&host.cancel(7));
    assert_clean(&host);
    deploy(&host);
    assert_whole(&host, "");
}

#[test]
fn onehost_flush() {
    let (first, second) = (host(), empty());
    assert_success(&first.deploy(8, &["sriov_ib0", "sriov_eth1"]));
    let document = |vm: u32| {
        document(&BOTH)
            .replace("<ID>7<", &format!("<ID>{vm}<"))
            .replace("02:00:c0:a8:07", &format!("02:00:c0:a8:{vm:02x}"))
    };
    let checkpoint = |vm: u32| format!("/var/lib/one//datastores/0/{vm}/checkpoint");
    for vm in [7, 8] {
        let (name, id, checkpoint) = (format!("one-{vm}"), vm.to_string(), checkpoint(vm));
        let arguments = [&name, &checkpoint, "host", &id, "host"];
        let mut driver = first.driver(&["action", "--", "save"]);
        assert_success(&run(driver.args(arguments), &document(vm)));
        transfer(&first, &second, vm);
    }
    assert_clean(&first);
    for vm in [8, 7] {
        let (name, id, checkpoint) = (format!("one-{vm}"), vm.to_string(), checkpoint(vm));
        let arguments = [&checkpoint, "host", &name, &id, "host"];
        let mut driver = second.driver(&["action", "--", "restore"]);
        assert_success(&run(driver.args(arguments), &document(vm)));
    }
    let audit = Audit::of(&second);
    assert_eq!(
        (audit.leases(), audit.assigned_twice(), audit.lost()),
        (4, vec![], vec![])
    );
    assert_success(&second.cancel(8));
    assert_whole(&second, "");
}
