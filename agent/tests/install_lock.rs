//! Only one run at a time.
#![allow(clippy::unwrap_used)]

mod install_support;

use std::fs;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::{Duration, Instant};

use install_support::Machine;
use one_sriov_agent::install::{Lock, LockError};

#[test]
fn a_second_run_waits_and_then_names_the_lock() {
    let machine = Machine::new();
    let held = Lock::take(&machine.root, Duration::ZERO).unwrap();
    let error = Lock::take(&machine.root, Duration::from_millis(250)).unwrap_err();
    assert!(matches!(error, LockError::Held { .. }));
    assert_eq!(
        error.to_string(),
        "another one-sriov-agent has held '/var/lib/one-sriov/lock' for more than 0.25 s"
    );
    drop(held);
    assert_eq!(machine.mode("/var/lib/one-sriov"), 0o700);
    assert_eq!(machine.mode("/var/lib/one-sriov/lock"), 0o600);
}

#[test]
fn a_released_lock_is_taken_at_once() {
    let machine = Machine::new();
    let held = Lock::take(&machine.root, Duration::ZERO).unwrap();
    let root = machine.root.clone();
    let start = Instant::now();
    let waiter = thread::spawn(move || Lock::take(&root, Duration::from_secs(60)).map(drop));
    thread::sleep(Duration::from_millis(50));
    drop(held);
    waiter.join().unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_run_that_gave_up_does_not_keep_the_lock() {
    let machine = Machine::new();
    let held = Lock::take(&machine.root, Duration::ZERO).unwrap();
    Lock::take(&machine.root, Duration::from_millis(20)).unwrap_err();
    drop(held);
    // The waiting thread gets the lock now, sees that no other run waits, and releases it.
    Lock::take(&machine.root, Duration::from_secs(60)).unwrap();
}

#[test]
fn a_lock_that_cannot_be_created_is_reported_with_its_path() {
    let machine = Machine::new();
    machine.put("/var/lib", "a file\n");
    let error = Lock::take(&machine.root, Duration::ZERO).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to lock '/var/lib/one-sriov/lock': not a directory"
    );
}

#[test]
fn the_lock_is_not_created_outside_an_image() {
    let machine = Machine::new();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("lock");
    fs::create_dir_all(machine.host("/var/lib/one-sriov")).unwrap();
    symlink(&target, machine.host("/var/lib/one-sriov/lock")).unwrap();
    let inside = target.display().to_string();
    fs::create_dir_all(machine.host(&inside).parent().unwrap()).unwrap();
    Lock::take(&machine.root, Duration::ZERO).unwrap();
    assert!(!target.exists());
    assert!(machine.host(&inside).exists());
}
