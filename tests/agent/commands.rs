//! The commands: their output and exit codes.

use std::process::Command;

use one_sriov_tests::{Machine, agent_path, context, infiniband, run, virtio};
use serde_json::Value;

use crate::scenario::{SCRIPTS, apply, transcript};

/// A NIC on a bridge and an InfiniBand VF with its dummy NIC, as in OpenNebula 7.5.
fn machine() -> Machine {
    let nics = [
        virtio("eth0", "02:00:0a:00:00:0c", 3),
        virtio("eth1", "aa:00:c0:a8:07:07", 4),
        infiniband("ibp0s5", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
    ];
    let machine = Machine::new(&context("7.5-bridge-and-sriov"), &nics);
    machine.write("/etc/one-sriov/agent.conf", "backend = ifcfg-initscripts\n");
    machine
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

fn json(machine: &Machine, arguments: &[&str]) -> Value {
    let outcome = run(machine, &[arguments, &["--json"]].concat());
    serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", outcome.stdout))
}

#[test]
fn plan_prints_decisions_and_files_and_writes_nothing() {
    let machine = machine();
    snapshot("command-plan", &run(&machine, &["plan"]).stdout);
    assert!(!machine.has("/var") && machine.etc().len() == 1);
}

#[test]
fn explain_shows_where_every_value_came_from() {
    let machine = machine();
    let by_device = run(&machine, &["explain", "ibp0s5"]).stdout;
    snapshot("command-explain", &by_device);
    for name in [
        "ETH1",
        "0",
        "IB0",
        "ib0",
        "02:00:c0:a8:07:07",
        "ETH1/02:00:c0:a8:07:07",
        "24:8a:07:03:00:aa:bb:01",
    ] {
        assert_eq!(
            run(&machine, &["explain", name]).stdout,
            by_device,
            "{name}"
        );
    }
}

/// The device `eth1` is the dummy NIC of `ETH1`.
const DUMMY: &str = "'eth1' is the dummy NIC of ETH1 (aa:00:c0:a8:07:07): position 0, key c0:a8:07:07\n\
     it marks the position of an InfiniBand NIC; the network stack leaves the dummy NIC unmanaged\n";

#[test]
fn explain_shows_a_device_with_exactly_this_name_before_a_variable() {
    let machine = machine();
    let variable = run(&machine, &["explain", "ETH1"]).stdout;
    assert!(variable.starts_with("ETH1 (position 0) -> ibp0s5: "));
    let both = run(&machine, &["explain", "eth1"]).stdout;
    assert_eq!(both, format!("{DUMMY}\n{variable}"));
    let both = json(&machine, &["explain", "eth1"]);
    assert_eq!(
        (&both["of"], &both["also"][0]["nic"]),
        (&"ETH1".into(), &"ETH1".into())
    );
    // If only one name matches, case is ignored.
    let variable = run(&machine, &["explain", "ETH0"]).stdout;
    machine.unplug("eth0");
    let gone = run(&machine, &["explain", "eth0"]).stdout;
    assert!(
        gone.starts_with("ETH0 is not configured: no network device has MAC 02:00:0a:00:00:0c, "),
        "{gone}"
    );
    assert!(variable.starts_with("ETH0 -> eth0: "), "{variable}");
}

#[test]
fn explain_of_a_dummy_a_foreign_device_and_an_unknown_name() {
    let mut machine = machine();
    machine.plug(&virtio("eth7", "52:54:00:00:00:07", 9));
    assert_eq!(
        run(&machine, &["explain", "aa:00:c0:a8:07:07"]).stdout,
        DUMMY
    );
    assert_eq!(
        run(&machine, &["explain", "eth7"]).stdout,
        "'eth7' is not a NIC of the context: no variable names its MAC 52:54:00:00:00:07; MACs of the context: \
         ETH0 02:00:0a:00:00:0c, ETH1 02:00:c0:a8:07:07\n"
    );
    let unknown = run(&machine, &["explain", "eth8"]);
    assert_eq!(unknown.code, 1);
    assert_eq!(
        unknown.stderr,
        "one-sriov-agent: error: failed to find NIC 'eth8'; known NICs: ETH0, ETH1, eth0, eth1, ibp0s5, eth7; prefix of \
         dummy MACs: aa; MACs here: 'eth0' 02:00:0a:00:00:0c, 'eth1' aa:00:c0:a8:07:07, 'eth7' 52:54:00:00:00:07; \
         port GUIDs here: 'ibp0s5' 24:8a:07:03:00:aa:bb:01\n"
    );
}

#[test]
fn status_shows_files_that_are_missing_up_to_date_or_changed() {
    let machine = machine();
    let missing = run(&machine, &["status"]);
    assert_eq!(missing.code, 3);
    assert!(
        missing
            .stdout
            .contains(&format!("missing: {SCRIPTS}/ifcfg-eth0\n"))
    );
    assert_eq!(apply(&machine).code, 0);
    let right = run(&machine, &["status"]);
    assert_eq!(right.code, 0);
    snapshot("command-status", &right.stdout);
    machine.write(&format!("{SCRIPTS}/ifcfg-eth0"), "DEVICE=eth0\n");
    assert_eq!(run(&machine, &["status"]).code, 3);
    assert_eq!(
        json(&machine, &["status"])["up_to_date"],
        Value::Bool(false)
    );
    std::fs::remove_file(machine.path("/context/context.sh")).expect("a context");
    let recorded = run(&machine, &["status"]).stdout;
    assert!(
        recorded.contains("\nwritten by an earlier run: "),
        "{recorded}"
    );
}

#[test]
fn a_dry_run_prints_a_unified_diff_and_changes_nothing() {
    let machine = machine();
    let outcome = run(&machine, &["apply", "--dry-run"]);
    snapshot("command-dry-run-create", &outcome.stdout);
    assert!(!machine.has("/var") && machine.etc().len() == 1);
    assert_eq!(run(&machine, &["apply"]).code, 0);
    let before = machine.etc();
    let changed = machine
        .read("/context/context.sh")
        .replace("192.168.7.7'", "192.168.7.8'")
        .replace("ETH1_ROUTES='", "IGNORED='");
    machine.write("/context/context.sh", &changed);
    snapshot(
        "command-dry-run-change",
        &run(&machine, &["apply", "--dry-run"]).stdout,
    );
    assert_eq!(machine.etc(), before);
    assert_eq!(
        json(&machine, &["apply", "--dry-run"])["dry_run"],
        Value::Bool(true)
    );
    assert_eq!(machine.etc(), before);
}

#[test]
fn patch_accepts_the_diff_of_a_dry_run() {
    let (here, there) = (machine(), machine());
    for machine in [&here, &there] {
        machine.write(
            &format!("{SCRIPTS}/ifcfg-eth0"),
            "DEVICE=eth0\nBOOTPROTO=dhcp",
        );
    }
    let diff = run(&here, &["apply", "--dry-run"]).stdout;
    let patch = there.path("/diff");
    std::fs::write(&patch, diff).expect("a diff");
    let status = Command::new("patch")
        .args(["-s", "-p1", "-i"])
        .arg(&patch)
        .current_dir(there.root())
        .status();
    assert!(
        status
            .expect("patch runs; 'make setup' installs it")
            .success()
    );
    assert_eq!(run(&here, &["apply"]).code, 0);
    let text = |machine: &Machine| {
        machine
            .etc()
            .into_iter()
            .map(|(path, _, text)| (path, text))
            .collect::<Vec<_>>()
    };
    assert_eq!(text(&here), text(&there));
}

#[test]
fn no_output_contains_secrets_of_the_context() {
    let machine = machine();
    let secrets = "PASSWORD='hunter2'\nTOKEN='t0k3n'\nSSH_PUBLIC_KEY='ssh-rsa AAAA'\nONEGATE_TOKEN='0neg4te'\nVROUTER_KEEPALIVED_PASSWORD='k33p'\n";
    machine.write(
        "/context/context.sh",
        context("7.5-bridge-and-sriov") + secrets,
    );
    for arguments in [
        &["apply", "--dry-run"][..],
        &["plan"],
        &["explain", "ETH1"],
        &["apply", "-v"],
        &["status"],
    ] {
        for format in [&[][..], &["--json"]] {
            let outcome = run(&machine, &[arguments, format].concat());
            assert_eq!(outcome.code, 0);
            for secret in ["hunter2", "t0k3n", "AAAA", "0neg4te", "k33p"] {
                assert!(
                    !outcome.stdout.contains(secret) && !outcome.stderr.contains(secret),
                    "{arguments:?} {secret}"
                );
            }
        }
    }
    // An error in the text must not print it, either.
    for broken in [
        "PASSWORD='it''s hunter2'; hunter2 'hunter2\n",
        "PASSWORD='it's hunter2' 'x\n",
        "PASSWORD='it's\nhunter2'\n",
    ] {
        machine.write("/context/context.sh", broken);
        let outcome = run(&machine, &["apply"]);
        assert_eq!(outcome.code, 3, "{broken}");
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    }
}

#[test]
fn json_of_all_commands() {
    let machine = machine();
    let applied = json(&machine, &["apply"]);
    assert_eq!(
        applied["files"]["written"].as_array().map(Vec::len),
        Some(4)
    );
    assert_eq!(applied["backend"]["name"], "ifcfg-initscripts");
    let explained = json(&machine, &["explain", "ibp0s5"]);
    assert_eq!(explained["id"], "ETH1/02:00:c0:a8:07:07");
    assert_eq!(explained["device"]["name"], "ibp0s5");
    assert_eq!(
        explained["config"]["ipv4"]["addresses"][0],
        "192.168.7.7/24"
    );
    assert_eq!(json(&machine, &["plan"])["dummies"][0]["position"], 0);
    assert_eq!(json(&machine, &["status"])["up_to_date"], Value::Bool(true));
    assert_eq!(json(&machine, &["version"])["name"], "one-sriov-agent");
    assert_eq!(
        json(&machine, &["clean"])["files"]["removed"]
            .as_array()
            .map(Vec::len),
        Some(4)
    );
}

/// With `NETWORK=NO` OpenNebula describes no NIC, but the user may.
#[test]
fn network_no_without_nics_changes_nothing() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    let state = "/var/lib/one-sriov/state.json";
    let before = (machine.etc(), machine.read(state));
    machine.write("/context/context.sh", "NETWORK=' no '\nDNS='x'\n");
    let outcome = apply(&machine);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(outcome.stdout, "NETWORK=NO: nothing is changed\n");
    assert_eq!((machine.etc(), machine.read(state)), before);
    // The agent still owns the files.
    assert_eq!(
        json(&machine, &["clean"])["files"]["removed"]
            .as_array()
            .map(Vec::len),
        Some(4)
    );
}

#[test]
fn a_warning_says_that_no_stack_reads_the_files() {
    let warning = "one-sriov-agent: warning: no network stack on this machine is known to read the files of ifcfg-nm; \
        name one with --backend\n";
    let machine = Machine::new(
        "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n",
        &[virtio("eth0", "02:00:0a:00:00:05", 3)],
    );
    assert_eq!(run(&machine, &["apply"]).stderr, warning);
    assert_eq!(
        run(&machine, &["apply"]).stderr,
        "",
        "the directory exists now"
    );
}

#[test]
fn a_dry_run_hides_possible_secrets_in_foreign_files() {
    let machine = machine();
    let foreign = "DEVICE=eth0\nBOOTPROTO=dhcp\nexport KEY=hunter2\n# KEY=hunter2\nMACSEC_MKA_CAK=hunter2\nDSL_PAP_PWD='a\nhunter2'\nWPA_PSK=hunter2\n# a comment\n";
    machine.write(&format!("{SCRIPTS}/ifcfg-eth0"), foreign);
    let diff = run(&machine, &["apply", "--dry-run"]).stdout;
    assert!(!diff.contains("hunter2"), "{diff}");
    assert!(
        diff.contains("-BOOTPROTO=dhcp\n")
            && diff.contains("-WPA_PSK=(hidden)\n")
            && diff.contains("-# a comment\n"),
        "{diff}"
    );
}

#[test]
fn clean_reports_that_files_may_remain_if_its_record_is_corrupt() {
    let machine = machine();
    assert_eq!(apply(&machine).code, 0);
    machine.write("/var/lib/one-sriov/state.json", "{");
    let outcome = run(&machine, &["clean"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("files of the agent may remain"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_held_lock_has_its_own_exit_code() {
    let machine = machine();
    machine.write("/var/lib/one-sriov/lock", "");
    let lock = std::fs::File::open(machine.path("/var/lib/one-sriov/lock")).expect("a lock");
    lock.lock().expect("the lock is free");
    for command in ["apply", "clean"] {
        let outcome = run(&machine, &[command, "--lock-wait", "1"]);
        assert_eq!(outcome.code, 5);
        assert_eq!(
            outcome.stderr,
            "one-sriov-agent: error: another one-sriov-agent has held '/var/lib/one-sriov/lock' for more than 1 s\n"
        );
    }
    assert_eq!(machine.etc().len(), 1);
}

#[test]
fn the_backend_is_the_requested_or_the_installed_one() {
    let backend = |machine: &Machine, arguments: &[&str]| {
        json(machine, &[&["plan"], arguments].concat())["backend"]["name"].clone()
    };
    let plain = || Machine::new("NETCFG_TYPE='bsd'\n", &[]);
    assert_eq!(backend(&plain(), &[]), "ifcfg-nm");
    let scripts = plain();
    scripts.write("/etc/sysconfig/network-scripts/ifup", "");
    assert_eq!(backend(&scripts, &[]), "ifcfg-initscripts");
    scripts.link(
        "/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
        "/usr/lib/systemd/system/NetworkManager.service",
    );
    assert_eq!(backend(&scripts, &[]), "keyfile");
    scripts.link("/etc/systemd/system/NetworkManager.service", "/dev/null");
    assert_eq!(
        backend(&scripts, &[]),
        "ifcfg-initscripts",
        "NetworkManager is masked"
    );
    scripts.write("/etc/one-sriov/agent.conf", "backend = ifcfg-suse\n");
    assert_eq!(backend(&scripts, &[]), "ifcfg-suse");
    assert_eq!(
        backend(&scripts, &["--backend", "ifcfg-initscripts"]),
        "ifcfg-initscripts"
    );
    let suse = plain();
    suse.write("/etc/sysconfig/network/config", "");
    assert_eq!(backend(&suse, &["--backend", "ifcfg"]), "ifcfg-suse");
}

#[test]
fn wrong_usage_is_reported() {
    let machine = machine();
    let outcome = run(&machine, &["apply", "--backend", "windows"]);
    assert_eq!(outcome.code, 2);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: error: --backend: unknown backend 'windows': expected ifcfg, netplan, or \
         ifcfg-initscripts, ifcfg-nm, ifcfg-suse, interfaces, interfaces-alpine, keyfile, netplan-networkd, netplan-nm, networkd\n"
    );
    assert_eq!(run(&machine, &["aply"]).code, 2);
    machine.write("/etc/one-sriov/agent.conf", "prefix = 02\n");
    let outcome = run(&machine, &["apply"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.starts_with(
            "one-sriov-agent: error: failed to read '/etc/one-sriov/agent.conf': line 1: "
        ),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_missing_root_is_reported() {
    let output = Command::new(agent_path())
        .args(["apply", "--root", "/nowhere"])
        .output();
    let outcome = one_sriov_tests::Outcome::from(output.expect("the agent starts"));
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: error: failed to open the root '/nowhere': No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_missing_sysfs_is_reported() {
    let machine = machine();
    let outcome = run(&machine, &["apply", "--sysfs", "/nowhere"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: error: failed to list the network devices in '/nowhere/class/net': No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    use std::process::Stdio;
    let machine = machine();
    let mut child = Command::new(agent_path())
        .args(["plan", "--root"])
        .arg(machine.root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the agent ends");
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

#[test]
fn help_names_every_command_and_every_exit_code() {
    let help = Command::new(agent_path())
        .arg("--help")
        .output()
        .expect("the agent starts");
    snapshot("command-help", &String::from_utf8_lossy(&help.stdout));
}

#[test]
fn apply_matches_the_recorded_transcript() {
    snapshot("command-apply", &transcript(&machine(), &["apply"]));
}
