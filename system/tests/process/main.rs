//! Programs, run for real.

// Tests may end at the first surprise.
#![allow(clippy::unwrap_used)]

mod capture;
mod delegate;
mod exec;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// So long nothing takes here; who waits for it has waited for what never came.
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

/// A pipe with a name: who opens it waits for the other side.
fn fifo(dir: &Path) -> PathBuf {
    let path = dir.join("fifo");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    path
}

/// Bytes of all kinds, some of them no text.
fn some_bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|n| u8::try_from(n * 7 % 251).unwrap())
        .collect()
}
