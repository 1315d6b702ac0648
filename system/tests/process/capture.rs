//! Captures the output of programs, with a time limit.

use std::fs::File;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use one_sriov_system::{Captured, Locked, Program, Spool, exit_code, lock_within};
use tempfile::TempDir;

use crate::{FOR_EVER, some_bytes};

fn sh(script: &str) -> Captured {
    let captured = Program::new("sh").args(["-c", script]).capture(FOR_EVER);
    captured.unwrap()
}

#[test]
fn both_outputs_are_read_completely_at_the_same_time() {
    let said = sh("head -c 5000000 /dev/zero >&2 & head -c 4000000 /dev/zero; wait");
    assert!(said.status.success());
    assert_eq!(
        (said.stdout.len(), said.stderr.len()),
        (4_000_000, 5_000_000)
    );
}

#[test]
fn the_program_gets_exactly_the_given_input() {
    let bytes = some_bytes(3_000_000);
    let input = Spool::Memory(bytes.clone());
    let said = Program::new("cat").stdin(Some(&input)).capture(FOR_EVER);
    assert!(said.unwrap().stdout == bytes);
    assert_eq!(sh("cat").stdout, b"", "stdin is not empty by default");
}

#[test]
fn a_program_need_not_read_its_input() {
    let said = Program::new("true")
        .stdin(Some(&Spool::Memory(some_bytes(3_000_000))))
        .capture(FOR_EVER);
    assert!(said.unwrap().status.success());
}

#[test]
fn a_program_that_takes_too_long_is_killed_with_its_children() {
    let dir = TempDir::new().unwrap();
    let lock = dir.path().join("lock");
    // The grandchild holds the lock, and neither ends on a signal.
    let script = "trap '' TERM INT HUP; flock -n 9 && echo held >&9; sleep 1000 & wait";
    let error = Program::new("sh")
        .args(["-c", &format!("exec 9>'{}'; {script}", lock.display())])
        .capture(Duration::from_secs(10))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to run 'sh': no answer within 10 s"
    );
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), "held\n");
    // Free only if both have ended.
    let locked = lock_within(File::open(&lock).unwrap(), Duration::from_secs(10)).unwrap();
    assert!(
        !matches!(locked, Locked::Not),
        "one of them is still running"
    );
}

#[test]
fn background_processes_are_not_waited_for() {
    let start = Instant::now();
    let said = sh("sleep 1000 & echo $!");
    assert!(start.elapsed() < FOR_EVER / 2);
    let left: i32 = String::from_utf8(said.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    kill(Pid::from_raw(left), Signal::SIGKILL).expect("the background process has ended");
}

#[test]
fn the_exit_code_is_that_of_a_shell() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 42", 42),
        ("kill -9 $$", 137),
        ("kill $$", 143),
    ] {
        assert_eq!(exit_code(sh(script).status), code, "{script}");
    }
}

#[test]
fn a_program_that_cannot_run_is_reported() {
    let dir = TempDir::new().unwrap();
    let text = dir.path().join("text");
    std::fs::write(&text, "no program\n").unwrap();
    let error = |name: &str| {
        Program::new(name)
            .capture(FOR_EVER)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("no-such-program"),
        "failed to run 'no-such-program': not found in PATH"
    );
    let path = text.display().to_string();
    assert_eq!(
        error(&path),
        format!("failed to run '{path}': permission denied")
    );
}

#[test]
fn programs_in_sbin_are_found() {
    let said = Program::new("sh")
        .args(["-c", "echo $PATH; command -v ldconfig"])
        .env("PATH", "/usr/bin:/bin")
        .capture(FOR_EVER)
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.starts_with("/usr/bin:/bin:/usr/sbin:/sbin\n"),
        "{said}"
    );
    assert!(said.ends_with("sbin/ldconfig\n"), "{said}");
}
