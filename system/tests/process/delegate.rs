//! Runs programs in place of this process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use one_sriov_system::{Locked, lock_within};
use tempfile::TempDir;

use crate::{fifo, in_place, some_bytes};

/// Runs a script, and returns both outputs.
fn run(stdin: &str, lock: &str, script: &str) -> (String, String) {
    let output = in_place(&["delegate", stdin, lock, "sh", "-c", script]).output();
    let output = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        text(output.stdout),
        text(output.stderr).replace("tick\n", ""),
    )
}

/// A running script.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    fn new(script: &str) -> Self {
        // A shell cannot trap a signal that was ignored when it started, as by nohup.
        let env = ["env", "--default-signal=TERM,HUP,INT"];
        let words = [&["delegate", "-", "-"], &env[..], &["sh", "-c", script]].concat();
        let mut child = in_place(&words).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    /// Waits for its signal.
    fn wait_for(&mut self, expected: &str) {
        self.wait_for_all(&[expected]);
    }

    /// Waits until it has printed all of this, in any order.
    fn wait_for_all(&mut self, expected: &[&str]) {
        let mut left = expected.to_vec();
        while !left.is_empty() {
            let mut line = String::new();
            let length = self.stderr.read_line(&mut line).unwrap();
            assert_ne!(length, 0, "the program ended without printing {left:?}");
            left.retain(|expected| *expected != line);
        }
    }

    /// Returns its standard output. Nothing may come after the last line that was waited for.
    fn end(mut self) -> String {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(rest.replace("tick\n", ""), "");
        let mut said = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        self.child.wait().unwrap();
        said
    }
}

#[test]
fn output_and_exit_code_are_reported() {
    let (stdout, stderr) = run("-", "-", "echo one-7; echo 'INFO: x' >&2; exit 3");
    assert_eq!(stdout, "one-7\ncode 3, tail of 8\n");
    assert_eq!(stderr, "INFO: x\n");
}

#[test]
fn large_output_is_passed_on_completely() {
    let script =
        "head -c 3000000 /dev/zero | tr '\\0' x; head -c 2000000 /dev/zero | tr '\\0' y >&2";
    let (stdout, stderr) = run("-", "-", script);
    assert!(stdout.starts_with(&"x".repeat(3_000_000)));
    assert_eq!(stdout[3_000_000..], *"code 0, tail of 4096\n");
    // The newline is added: a reader of lines would wait forever for it.
    assert!(stderr == "y".repeat(2_000_000) + "\n");
}

#[test]
fn the_program_reads_the_given_bytes() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("bytes");
    let bytes = some_bytes(1 << 20);
    fs::write(&file, &bytes).unwrap();
    let (stdout, _) = run(file.to_str().unwrap(), "-", "cksum");
    let expected = std::process::Command::new("cksum")
        .stdin(File::open(&file).unwrap())
        .output();
    let expected = String::from_utf8(expected.unwrap().stdout).unwrap();
    assert_eq!(stdout.lines().next(), expected.lines().next());
    // It need not read them.
    let (stdout, _) = run(file.to_str().unwrap(), "-", "exit 0");
    assert!(stdout.starts_with("code 0"), "{stdout}");
}

#[test]
fn output_is_passed_on_and_the_clock_ticks_while_the_program_runs() {
    let dir = TempDir::new().unwrap();
    let fifo = fifo(dir.path());
    let script = format!(
        "echo first >&2; read line <'{}'; echo $line >&2",
        fifo.display()
    );
    let mut running = Running::new(&script);
    running.wait_for_all(&["first\n", "tick\n"]);
    fs::write(&fifo, "second\n").unwrap();
    running.wait_for("second\n");
    assert_eq!(running.end(), "code 0, tail of 13\n");
}

#[test]
fn signals_are_passed_on_and_the_programs_exit_code_counts() {
    for (signal, name) in [
        (Signal::SIGTERM, "TERM"),
        (Signal::SIGHUP, "HUP"),
        (Signal::SIGINT, "INT"),
    ] {
        let script = format!("trap 'kill $!; exit 7' {name}; sleep 1000 & echo ready >&2; wait");
        let mut running = Running::new(&script);
        running.wait_for("ready\n");
        kill(Pid::from_raw(running.child.id().cast_signed()), signal).unwrap();
        assert_eq!(running.end(), "code 7, tail of 6\n", "{name}");
    }
}

/// The program has ended, but its standard error is not read yet.
#[test]
fn a_signal_after_the_end_of_the_program_has_no_effect() {
    let dir = TempDir::new().unwrap();
    let pid = dir.path().join("pid");
    let script = format!(
        "echo $$ >'{}'; head -c 70000 /dev/zero | tr '\\0' y >&2; exit 3",
        pid.display()
    );
    let mut running = Running::new(&script);
    let has_ended = || {
        let pid = fs::read_to_string(&pid).unwrap_or_default();
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.is_ok_and(|stat| stat.contains(") Z "))
    };
    while !has_ended() {
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(
        Pid::from_raw(running.child.id().cast_signed()),
        Signal::SIGTERM,
    )
    .unwrap();
    let mut said = String::new();
    running.stderr.read_to_string(&mut said).unwrap();
    assert_eq!(said.matches('y').count(), 70_000);
    assert_eq!(running.end(), "code 3, tail of 4096\n");
}

#[test]
fn death_by_a_signal_is_reported_as_by_a_shell() {
    let (stdout, stderr) = run("-", "-", "kill -9 $$");
    assert_eq!(stdout, "code 137, tail of 0\n");
    assert_eq!(stderr, "");
}

#[test]
fn background_processes_are_not_waited_for() {
    let (stdout, stderr) = run("-", "-", "sleep 1000 & echo $!");
    assert_eq!(stderr, "");
    let (left, rest) = stdout.split_once('\n').unwrap();
    assert_eq!(rest, "code 0, tail of 0\n");
    kill(Pid::from_raw(left.parse().unwrap()), Signal::SIGKILL)
        .expect("the background process has ended");
}

#[test]
fn a_lock_is_held_until_every_process_that_inherited_it_has_ended() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("lock");
    let open = || File::options().read(true).write(true).open(&path).unwrap();
    let (stdout, _) = run("-", path.to_str().unwrap(), "sleep 1000 & echo $!");
    let left: i32 = stdout.lines().next().unwrap().parse().unwrap();
    assert!(
        open().try_lock().is_err(),
        "the lock is free although a child still runs"
    );
    kill(Pid::from_raw(left), Signal::SIGKILL).unwrap();
    let locked = lock_within(open(), Duration::from_secs(10)).unwrap();
    assert!(!matches!(locked, Locked::Not), "the lock is still held");
    drop(locked);
    // A lock that no other process has inherited is free at once.
    let (stdout, _) = run("-", path.to_str().unwrap(), "exit 0");
    assert!(stdout.starts_with("code 0"));
    assert!(matches!(
        lock_within(open(), Duration::ZERO).unwrap(),
        Locked::AtOnce(_)
    ));
}

#[test]
fn a_program_that_cannot_run_is_reported() {
    let output = in_place(&["delegate", "-", "-", "/no/such/action"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "failed to run '/no/such/action': no such file or directory\n"
    );
}

#[test]
fn a_system_call_that_fails_once_loses_neither_output_nor_status() {
    // Every Rust program calls poll(2) once when it starts.
    for (call, when) in [("poll", 2), ("waitid", 1), ("wait4", 1)] {
        let dir = TempDir::new().unwrap();
        let log = dir.path().join("log");
        let driver = in_place(&[
            "delegate",
            "-",
            "-",
            "sh",
            "-c",
            "sleep 0.1; echo one-7; exit 3",
        ]);
        let mut strace = std::process::Command::new("strace");
        strace
            .args(["-f", "-qq", "-o"])
            .arg(&log)
            .args(["-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:error=ENOMEM:when={when}")])
            .arg(driver.get_program())
            .args(driver.get_args());
        let output = strace.output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(stdout, "one-7\ncode 3, tail of 0\n", "{call}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr.replace("tick\n", ""), "", "{call}");
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains("(INJECTED)"), "{call}: {log}");
    }
}
