//! Runs real programs.

// Tests may panic.
#![allow(clippy::unwrap_used)]

mod capture;
mod delegate;
mod exec;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// The time limit of a wait: nothing here takes this long.
const FOR_EVER: Duration = Duration::from_secs(60);

/// The example `in_place`, which is built with the tests.
fn in_place(words: &[&str]) -> Command {
    let test = std::env::current_exe().unwrap();
    // <target>/debug/deps/process-1234
    let program = test.ancestors().nth(2).unwrap().join("examples/in_place");
    let mut command = Command::new(program);
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A FIFO: opening it waits for the other side.
fn fifo(dir: &Path) -> PathBuf {
    let path = dir.join("fifo");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    path
}

/// All kinds of bytes, not only text.
fn some_bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|n| u8::try_from(n * 7 % 251).unwrap())
        .collect()
}
