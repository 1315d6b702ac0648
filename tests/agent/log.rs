//! Where log lines go. The static binary runs with a scratch root as its `/`.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use one_sriov_tests::{Machine, agent_path, virtio};

use crate::live::{is_static, live, only_static};
use crate::scenario::address_of;

const CONTEXT: &str =
    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:0a:00:00:06'\n";
const WARNING: &str = "ETH1 is not configured: no network device has MAC 02:00:0a:00:00:06, and no dummy NIC or port GUID \
    (prefix aa) ends in 0a:00:00:06; MACs here: 'eth0' 02:00:0a:00:00:05; port GUIDs here: none";

fn machine() -> Machine {
    Machine::new(CONTEXT, &[virtio("eth0", "02:00:0a:00:00:05", 3)])
}

#[test]
fn a_running_machine_logs_to_syslog_and_problems_also_to_standard_error() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    machine.write("/dev/.keep", "");
    let syslog = UnixDatagram::bind(machine.path("/dev/log")).expect("a socket");
    syslog
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    let outcome = live(&machine, &["apply", "--backend", "ifcfg-initscripts"]);
    assert_eq!(
        (outcome.code, outcome.stderr),
        (0, format!("one-sriov-agent: warning: {WARNING}\n"))
    );
    assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.5"));
    let mut lines = Vec::new();
    for _ in 0..2 {
        let mut buffer = [0; 1024];
        let length = syslog.recv(&mut buffer).expect("a line of the log");
        lines.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    // Facility 3 is daemon, so <30> is info and <28> a warning.
    assert!(
        lines[0].starts_with("<30>") && lines[0].contains("one-sriov-agent["),
        "{lines:?}"
    );
    assert!(
        lines[0].ends_with("ETH0 is 'eth0': it has the MAC of the NIC"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("<28>") && lines[1].ends_with(WARNING),
        "{lines:?}"
    );
}

#[test]
fn a_syslog_that_hangs_does_not_hang_the_boot() {
    if !is_static() {
        return only_static();
    }
    let nics: Vec<_> = (0..64)
        .map(|n| virtio(&format!("eth{n}"), &format!("02:00:0a:00:00:{n:02x}"), 3))
        .collect();
    let context: Vec<_> = (0..64)
        .map(|n| {
            format!(
                "ETH{n}_MAC='02:00:0a:00:00:{n:02x}'\nETH{n}_IP='10.0.0.{}'",
                n + 1
            )
        })
        .collect();
    let machine = Machine::new(&(context.join("\n") + "\n"), &nics);
    machine.write("/dev/.keep", "");
    let _nobody_reads = UnixDatagram::bind(machine.path("/dev/log")).expect("a socket");
    assert_eq!(
        live(&machine, &["apply", "--backend", "ifcfg-initscripts"]).code,
        0
    );
    assert_eq!(machine.etc().len(), 64);
}

#[test]
fn until_syslog_runs_messages_go_to_the_kernel_log() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    machine.write("/dev/kmsg", "");
    assert_eq!(
        live(&machine, &["apply", "--backend", "ifcfg-initscripts"]).code,
        0
    );
    let expected = format!(
        "<6>one-sriov-agent: ETH0 is 'eth0': it has the MAC of the NIC\n<4>one-sriov-agent: {WARNING}\n"
    );
    assert_eq!(machine.read("/dev/kmsg"), expected);
}

#[test]
fn the_machine_is_configured_even_without_any_log() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    let outcome = live(&machine, &["apply", "--backend", "ifcfg-initscripts"]);
    assert_eq!(
        (outcome.code, outcome.stderr),
        (0, format!("one-sriov-agent: warning: {WARNING}\n"))
    );
    assert_eq!(address_of(&machine, "eth0").as_deref(), Some("10.0.0.5"));
}

#[test]
fn under_systemd_lines_start_with_their_priority() {
    let machine = machine();
    let journal = File::create(machine.path("/journal")).expect("a file");
    let stat = journal.metadata().expect("a file");
    let mut command = Command::new(agent_path());
    command
        .args(["apply", "--backend", "ifcfg-initscripts", "--root"])
        .arg(machine.root());
    command
        .env("JOURNAL_STREAM", format!("{}:{}", stat.dev(), stat.ino()))
        .stderr(journal);
    assert!(command.output().expect("the agent starts").status.success());
    assert_eq!(
        machine.read("/journal"),
        format!("<6>ETH0 is 'eth0': it has the MAC of the NIC\n<4>{WARNING}\n")
    );
}

#[test]
fn a_terminal_shows_all_lines_and_the_progress_of_a_wait() {
    // ETH1 has a dummy NIC, so the agent waits for its device.
    let nics = [
        virtio("eth0", "02:00:0a:00:00:05", 3),
        virtio("eth1", "aa:00:0a:00:00:06", 4),
    ];
    let machine = Machine::new(&format!("{CONTEXT}ETH1_IP='10.0.0.6'\n"), &nics);
    let run = format!(
        "{} apply --wait 4 --backend ifcfg-initscripts --root {}",
        agent_path().display(),
        machine.root().display()
    );
    let output = Command::new("script")
        .args(["-qec", &run, "/dev/null"])
        .env_remove("CONTEXT_FILE")
        .output()
        .expect("script runs");
    let terminal = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{terminal}");
    let waits =
        |second: u8| terminal.contains(&format!("\rwaiting for ETH1: {second} s of at most 4 s"));
    // A busy machine may skip some of these lines.
    assert!((1..4).any(waits), "{terminal}");
    assert!(
        terminal.contains("one-sriov-agent: ETH0 is 'eth0': it has the MAC of the NIC"),
        "{terminal}"
    );
}
