//! Commands run by users other than root report what they cannot read.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use one_sriov_tests::{Machine, Outcome, agent_path, copy_program, run, virtio};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:0c'\nETH0_IP='10.0.0.12'\n";
const PROFILE: &str = "/etc/NetworkManager/system-connections/one-sriov-eth0.nmconnection";

fn as_nobody(machine: &Machine, arguments: &[&str]) -> Option<Outcome> {
    if !nix::unistd::geteuid().is_root() {
        println!("passed over: it takes root to become another user");
        return None;
    }
    let agent = machine.path("/agent");
    copy_program(agent_path(), &agent);
    mode(machine.root(), 0o755);
    mode(&agent, 0o755);
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command
        .arg(&agent)
        .args(arguments)
        .arg("--root")
        .arg(machine.root());
    command
        .env_remove("CONTEXT_FILE")
        .env_remove("JOURNAL_STREAM");
    Some(command.output().expect("setpriv runs").into())
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

fn machine() -> Machine {
    let machine = Machine::new(CONTEXT, &[virtio("eth0", "02:00:0a:00:00:0c", 3)]);
    machine.write("/etc/one-sriov/agent.conf", "backend = keyfile\n");
    assert_eq!(run(&machine, &["apply"]).code, 0);
    machine
}

#[test]
fn plan_works_and_status_reports_what_it_cannot_compare() {
    let machine = machine();
    let Some(plan) = as_nobody(&machine, &["plan"]) else {
        return;
    };
    assert_eq!((plan.code, plan.stderr.as_str()), (0, ""));
    // Only root can read the state of earlier runs, which may have the names of absent devices.
    let note = "note: failed to find what earlier runs wrote: failed to read '/var/lib/one-sriov/state.json': \
        permission denied; run as root\n";
    assert!(plan.stdout.contains(note), "{}", plan.stdout);
    let rest = plan.stdout.replace(note, "");
    assert_eq!(rest, run(&machine, &["plan"]).stdout);
    let status = as_nobody(&machine, &["status"]).expect("root");
    assert_eq!(status.code, 1, "{}", status.stderr);
    let expected =
        format!("status: unknown\nconflict: '{PROFILE}': this user may not read it; run as root\n");
    assert!(status.stdout.starts_with(&expected), "{}", status.stdout);
}

#[test]
fn an_unreadable_medium_and_apply_say_to_run_as_root() {
    let machine = machine();
    std::fs::remove_dir_all(machine.path("/context")).expect("a context");
    machine.write("/dev/sr0", "");
    mode(&machine.path("/dev/sr0"), 0o600);
    let Some(plan) = as_nobody(&machine, &["plan"]) else {
        return;
    };
    assert_eq!(
        (plan.code, plan.stderr.as_str()),
        (
            3,
            "one-sriov-agent: error: failed to read '/dev/sr0': Permission denied (os error 13); run as root\n"
        )
    );
    std::fs::remove_file(machine.path("/dev/sr0")).expect("a device");
    machine.write("/context/context.sh", CONTEXT);
    let apply = as_nobody(&machine, &["apply"]).expect("root");
    assert_eq!(apply.code, 1);
    assert!(
        apply.stderr.ends_with("ermission denied; run as root\n"),
        "{}",
        apply.stderr
    );
}

#[test]
fn verbose_commands_report_in_a_pipe_what_they_read() {
    let machine = machine();
    for arguments in [
        &["plan", "-v"][..],
        &["status", "-v"],
        &["apply", "-v"],
        &["explain", "eth0", "-v"],
        &["plan", "-v", "--json"],
    ] {
        let outcome = run(&machine, arguments);
        assert!(
            outcome
                .stderr
                .contains("one-sriov-agent: read 2 variables from '/context/context.sh'\n"),
            "{arguments:?}: {}",
            outcome.stderr
        );
    }
}
