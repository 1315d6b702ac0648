//! A program that lets another one take its place, for the tests of `process`. Its command line is the request, and the last
//! line of its standard output is the result.
//!
//! ```text
//! in_place exec -                cat            becomes 'cat' with our standard input
//! in_place exec FILE             cat            becomes 'cat' with the bytes of FILE
//! in_place delegate -    -       sh -c '...'    runs it with our standard input
//! in_place delegate FILE LOCK    sh -c '...'    ... with the bytes of FILE, and lets it inherit a lock on LOCK
//! ```

// Part of the tests, which may panic.
#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use one_sriov_system::{Program, Spool, exit_code};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["exec", stdin, program, ref args @ ..] => {
            let stdin = bytes(stdin);
            let error = Program::new(program)
                .args(args)
                .stdin(stdin.as_ref())
                .exec();
            println!("{error}");
        }
        ["delegate", stdin, lock, program, ref args @ ..] => delegate(stdin, lock, program, args),
        _ => panic!("usage: in_place exec|delegate ..."),
    }
}

fn bytes(name: &str) -> Option<Spool> {
    (name != "-").then(|| Spool::Memory(fs::read(name).expect("a file to be read")))
}

fn delegate(stdin: &str, lock: &str, program: &str, args: &[&str]) {
    let stdin = bytes(stdin);
    let lock = (lock != "-").then(|| {
        let file = File::create(lock).expect("a file to be locked");
        file.lock().expect("a lock");
        file
    });
    let keep: Vec<_> = lock.iter().map(File::as_fd).collect();
    let mut ticks = 0;
    // Limited, because a pipe without a reader becomes full.
    let mut tick = || {
        ticks += 1;
        if ticks <= 3 {
            eprintln!("tick");
        }
    };
    let program = Program::new(program).args(args).stdin(stdin.as_ref());
    let done = program.delegate(&keep, Duration::from_millis(10), &mut tick);
    match done {
        Err(error) => println!("{error}"),
        Ok(done) => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&done.stdout).expect("a reader");
            let tail = String::from_utf8_lossy(&done.stderr).len();
            let code = exit_code(done.status);
            writeln!(stdout, "code {code}, tail of {tail}").expect("a reader");
        }
    }
}
