//! Replaces this process with a program.

use tempfile::TempDir;

use crate::{in_place, some_bytes};

#[test]
fn the_program_reads_exactly_the_given_bytes() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("bytes");
    let bytes = some_bytes(1 << 20);
    std::fs::write(&file, &bytes).unwrap();
    let output = in_place(&["exec", file.to_str().unwrap(), "cat"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(output.stdout == bytes);
}

#[test]
fn the_program_inherits_our_stdin() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("bytes");
    std::fs::write(&file, "ours\n").unwrap();
    let output = in_place(&["exec", "-", "cat"])
        .stdin(std::fs::File::open(file).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"ours\n");
}

#[test]
fn arguments_are_passed_on_byte_for_byte() {
    let output = in_place(&["exec", "-", "printf", "%s|", "a b", "$(x)", "", "'\"\n"]).output();
    assert_eq!(output.unwrap().stdout, b"a b|$(x)||'\"\n|");
}

#[test]
fn the_program_starts_with_no_signal_blocked_and_keeps_the_pid() {
    let child = in_place(&[
        "exec",
        "-",
        "sh",
        "-c",
        "echo $$; grep SigBlk /proc/self/status",
    ]);
    let child = { child }.spawn().unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, format!("{id}\nSigBlk:\t0000000000000000\n"));
}

#[test]
fn exec_returns_only_on_an_error() {
    let output = in_place(&["exec", "-", "/no/such/program"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "failed to run '/no/such/program': no such file or directory\n"
    );
}
