//! `--activate` on a running machine: which network stack loads which files, and what is still pending. `tests/stacks` tests the
//! stacks themselves.

use one_sriov_tests::{Machine, Outcome, run, virtio};

use crate::live::{is_static, live, only_static};

const LEDGER: &str = "/run/one-sriov-agent/devices";
const UNIT: &str = "/etc/systemd/network/05-one-sriov-eth0.network";
const RUNS: &str =
    "systemd-networkd is running and has not loaded the changes; --activate has it load them";
const FAILS: &str =
    "systemd-networkd did not activate 'eth0': failed to run 'networkctl': not found in PATH";

fn context(address: &str) -> String {
    format!("ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='{address}'\n")
}

fn machine() -> Machine {
    Machine::new(
        &context("10.0.0.5"),
        &[virtio("eth0", "02:00:0a:00:00:05", 3)],
    )
}

/// Adds a process that looks like networkd.
fn start_networkd(machine: &Machine) {
    machine.write("/proc/71/comm", "systemd-network\n");
}

fn apply(machine: &Machine, options: &[&str]) -> Outcome {
    live(
        machine,
        &[&["apply", "--backend", "networkd"], options].concat(),
    )
}

#[test]
fn activate_works_only_on_the_running_machine() {
    let machine = machine();
    let outcome = run(&machine, &["apply", "--activate"]);
    assert_eq!(outcome.code, 2);
    let expected =
        "one-sriov-agent: error: --activate works only on the running machine, not with --root\n";
    assert_eq!(outcome.stderr, expected);
    assert!(machine.etc().is_empty());
    assert_eq!(run(&machine, &["apply"]).code, 0);
    assert!(
        !machine.has(LEDGER),
        "the ledger is only for the running machine"
    );
}

#[test]
fn a_stack_that_is_not_running_is_not_started() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    let outcome = apply(&machine, &["--activate"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let told = "systemd-networkd is not running: it reads the files when it starts";
    assert_eq!(outcome.stdout, format!("wrote '{UNIT}'\n{told}\n"));
    assert_eq!(machine.read(LEDGER), "eth0 2\n");
}

#[test]
fn a_change_stays_pending_until_the_stack_has_loaded_it() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    assert_eq!(apply(&machine, &[]).code, 0);
    assert_eq!(
        machine.read(LEDGER),
        "eth0 2\n",
        "the stack starts after the boot's run"
    );
    start_networkd(&machine);
    machine.write("/context/context.sh", context("10.0.0.6"));
    let plain = apply(&machine, &[]);
    assert_eq!(plain.code, 0);
    assert!(plain.stdout.contains(RUNS), "{}", plain.stdout);
    assert_eq!(machine.read(LEDGER), "eth0 due\n");
    // No file changes now, and networkd's tool is missing.
    for _ in 0..2 {
        let outcome = apply(&machine, &["--activate"]);
        assert_eq!(outcome.code, 4, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(FAILS), "{}", outcome.stderr);
        assert!(outcome.stdout.contains("did not activate 'eth0'\n"));
        assert_eq!(machine.read(LEDGER), "eth0 due\n");
    }
    let dry = apply(&machine, &["--activate", "--dry-run"]);
    assert_eq!(
        (dry.code, &*dry.stdout),
        (0, "would activate 'eth0' by systemd-networkd\n")
    );
    let json = apply(&machine, &["--activate", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["activation"]["done"], serde_json::json!([]));
    assert_eq!(json["activation"]["failed"][0]["device"], "eth0");
    // After a reboot nothing is pending, because the network stack has read the files.
    std::fs::remove_file(machine.path(LEDGER)).unwrap();
    let outcome = apply(&machine, &["--activate"]);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
}

#[test]
fn nothing_is_run_if_nothing_has_changed() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    assert_eq!(apply(&machine, &[]).code, 0);
    start_networkd(&machine);
    for options in [&["--activate", "--verbose"][..], &["--verbose"]] {
        let outcome = apply(&machine, options);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("run '"), "{}", outcome.stderr);
    }
}

#[test]
fn activate_chooses_the_running_stack_unless_the_enabled_one_runs_too() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    machine.write("/sbin/ifup", "");
    machine.write(
        "/etc/network/interfaces",
        "source /etc/network/interfaces.d/*\n",
    );
    start_networkd(&machine);
    let chosen = |options: &[&str]| {
        let outcome = live(
            &machine,
            &[&["apply", "--dry-run", "--json"], options].concat(),
        );
        let json: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        json["backend"]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(chosen(&[]), "interfaces");
    assert_eq!(chosen(&["--activate"]), "networkd");
    machine.write("/run/network/ifstate", "lo=lo\n");
    assert_eq!(
        chosen(&["--activate"]),
        "interfaces",
        "the enabled stack runs, too"
    );
}

#[test]
fn a_boot_without_a_cd_leaves_a_mark_so_that_a_late_cd_starts_a_run() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    std::fs::remove_file(machine.path("/context/context.sh")).expect("a file");
    let begun = "/run/one-sriov-agent";
    let dry = live(&machine, &["apply", "--dry-run"]);
    assert_eq!(dry.stdout, "no context medium: nothing to do\n");
    assert!(!machine.has(begun), "a dry run changes nothing");
    let boot = apply(&machine, &[]);
    assert_eq!(boot.stdout, "no context medium: nothing to do\n");
    assert!(
        machine.has(begun),
        "the udev rule starts another run only if one has begun"
    );
    machine.write("/context/context.sh", context("10.0.0.5"));
    let late = apply(&machine, &["--activate"]);
    assert!(
        late.stdout.starts_with(&format!("wrote '{UNIT}'\n")),
        "{}",
        late.stdout
    );
}
