//! CDs that appear late while udev is busy, and devices whose drivers load after the agent has started.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use one_sriov_tests::{Machine, Outcome, agent_path, infiniband, virtio};

use crate::scenario::address_of;

const CONTEXT: &str = "ETH0_MAC='02:00:c0:a8:07:0a'\nETH0_IP='192.168.7.10'\n";

/// Starts `apply --wait SECONDS`.
fn spawn(machine: &Machine, seconds: &str) -> Child {
    let mut command = Command::new(agent_path());
    command
        .args([
            "apply",
            "--backend",
            "ifcfg-initscripts",
            "--wait",
            seconds,
            "--root",
        ])
        .arg(machine.root());
    command
        .env_remove("CONTEXT_FILE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent starts")
}

/// Starts `apply --wait SECONDS`, and returns once the agent waits for events.
fn start(machine: &Machine, seconds: &str) -> Child {
    let child = spawn(machine, seconds);
    wait_until_it_sleeps_in(child.id(), &POLL);
    child
}

/// System call numbers of poll (7) and ppoll (271, on aarch64 73).
const POLL: [&str; 3] = ["7 ", "271 ", "73 "];
/// System call numbers of futex, with which one thread waits for another.
const FUTEX: [&str; 2] = ["202 ", "98 "];

/// Waits until the process sleeps in one of these system calls.
fn wait_until_it_sleeps_in(process: u32, calls: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let syscall = format!("/proc/{process}/syscall");
    loop {
        let line = std::fs::read_to_string(&syscall).unwrap_or_default();
        if calls.iter().any(|number| line.starts_with(number)) {
            return;
        }
        assert!(Instant::now() < deadline, "the agent never waits: {line}");
        std::thread::yield_now();
    }
}

fn end(child: Child) -> Outcome {
    child.wait_with_output().expect("the agent ends").into()
}

#[test]
fn the_cd_is_waited_for_while_udev_is_busy() {
    let mut machine = Machine::default();
    machine.start_udev();
    machine.plug(&virtio("eth0", "02:00:c0:a8:07:0a", 3));
    machine.udev_finishes("eth0");
    machine.write("/run/udev/queue", "");
    std::fs::create_dir_all(machine.path("/dev")).expect("a directory");
    let child = start(&machine, "60");
    let started = Instant::now();
    machine.write("/context/context.sh", CONTEXT);
    std::fs::remove_file(machine.path("/run/udev/queue")).expect("a queue");
    assert_eq!(end(child).code, 0);
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "the event woke it"
    );
    assert_eq!(
        address_of(&machine, "eth0").as_deref(),
        Some("192.168.7.10")
    );
}

#[test]
fn without_a_cd_the_wait_ends_when_udev_is_done_or_the_time_is_up() {
    let machine = Machine::default();
    machine.start_udev();
    let run = |seconds: &str| {
        let started = Instant::now();
        let outcome = one_sriov_tests::run(&machine, &["apply", "--wait", seconds]);
        assert_eq!(outcome.stdout, "no context medium: nothing to do\n");
        started.elapsed()
    };
    assert!(run("60") < Duration::from_secs(30));
    machine.write("/run/udev/queue", "");
    let waited = run("1");
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(30)).contains(&waited),
        "{waited:?}"
    );
}

#[test]
fn a_device_that_udev_finishes_late_is_waited_for() {
    let mut machine = Machine::new(CONTEXT, &[virtio("eth0", "aa:00:c0:a8:07:0a", 3)]);
    machine.start_udev();
    machine.udev_finishes("eth0");
    let child = start(&machine, "60");
    machine.plug(&infiniband(
        "ibp5s5",
        "24:8a:07:03:00:00:00:01",
        "0000:05:05.0",
    ));
    machine.udev_finishes("ibp5s5");
    let outcome = end(child);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(
        address_of(&machine, "ibp5s5").as_deref(),
        Some("192.168.7.10")
    );
    assert_eq!(address_of(&machine, "ib0"), None);
}

#[test]
fn after_the_wait_budget_the_assumed_name_is_written() {
    let machine = Machine::new(CONTEXT, &[virtio("eth0", "aa:00:c0:a8:07:0a", 3)]);
    let started = Instant::now();
    let outcome = one_sriov_tests::run(
        &machine,
        &["apply", "--wait", "1", "--backend", "ifcfg-initscripts"],
    );
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(outcome.code, 0);
    assert_eq!(address_of(&machine, "ib0").as_deref(), Some("192.168.7.10"));
}

#[test]
fn a_second_agent_waits_for_the_first_one() {
    let machine = Machine::new(CONTEXT, &[virtio("eth0", "aa:00:c0:a8:07:0a", 3)]);
    let first = start(&machine, "2");
    let outcome = one_sriov_tests::run(&machine, &["apply", "--backend", "ifcfg-initscripts"]);
    assert_eq!(outcome.code, 0);
    assert_eq!(
        outcome.stdout, "2 files already up to date\n",
        "the first agent finished before"
    );
    assert_eq!(end(first).code, 0);
}

#[test]
fn a_nic_without_device_or_dummy_is_waited_for_only_while_udev_is_busy() {
    let machine = Machine::new(CONTEXT, &[]);
    machine.start_udev();
    let started = Instant::now();
    let outcome = one_sriov_tests::run(&machine, &["apply", "--wait", "60"]);
    assert_eq!(outcome.code, 0);
    assert!(started.elapsed() < Duration::from_secs(30));
    machine.write("/run/udev/queue", "");
    let child = start(&machine, "60");
    std::fs::remove_file(machine.path("/run/udev/queue")).expect("a queue");
    let outcome = end(child);
    assert_eq!(outcome.code, 0);
    assert!(
        outcome.stderr.contains("ETH0 is not configured"),
        "{}",
        outcome.stderr
    );
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "the event woke it"
    );
}

#[test]
fn without_udev_a_kernel_event_ends_the_wait() {
    let mut machine = Machine::new(CONTEXT, &[virtio("eth0", "aa:00:c0:a8:07:0a", 3)]);
    // In a separate network namespace, where the event below is the only one.
    let script = "\"$0\" \"$@\" & echo $!; read -r _; ip link add event0 type veth peer name event1; wait $!";
    let mut shell = Command::new("unshare");
    shell
        .args(["--map-root-user", "--net", "sh", "-c", script])
        .arg(agent_path());
    shell
        .args([
            "apply",
            "--backend",
            "ifcfg-initscripts",
            "--wait",
            "60",
            "--root",
        ])
        .arg(machine.root());
    shell
        .env_remove("CONTEXT_FILE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = shell.spawn().expect("unshare starts");
    let mut agent = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut agent).expect("a process id");
    wait_until_it_sleeps_in(agent.trim().parse().expect("a process id"), &POLL);
    let started = Instant::now();
    machine.plug(&infiniband(
        "ibp5s5",
        "24:8a:07:03:00:00:00:01",
        "0000:05:05.0",
    ));
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(b"go\n")
        .expect("the shell reads");
    assert_eq!(end(child).code, 0);
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "the event woke it"
    );
    assert_eq!(
        address_of(&machine, "ibp5s5").as_deref(),
        Some("192.168.7.10")
    );
}

#[test]
fn a_context_that_changes_while_another_agent_works_is_read_again() {
    let machine = Machine::new(
        "ETH0_MAC='02:00:c0:a8:07:0a'\nETH0_IP='10.0.0.1'\n",
        &[virtio("eth0", "02:00:c0:a8:07:0a", 3)],
    );
    machine.write("/var/lib/one-sriov/lock", "");
    let lock = std::fs::File::open(machine.path("/var/lib/one-sriov/lock")).expect("a lock");
    lock.lock().expect("the lock is free");
    let child = spawn(&machine, "0");
    wait_until_it_sleeps_in(child.id(), &FUTEX);
    machine.write("/context/context.sh", CONTEXT);
    lock.unlock().expect("the lock is held");
    assert_eq!(end(child).code, 0);
    assert_eq!(
        address_of(&machine, "eth0").as_deref(),
        Some("192.168.7.10")
    );
}
