//! A driver that prints how it was started. The text after the last space of its own file is its version; it is read last, so
//! that a truncated file is noticed.

// A test program may print and panic.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::{self, Read};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        return ExitCode::from(2);
    }
    println!("arguments {arguments:?}");
    if arguments.iter().any(|argument| argument == "read-stdin") {
        println!("stdin {:?}", io::read_to_string(io::stdin()).unwrap());
    }
    if arguments.iter().any(|argument| argument == "take-time") {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut program = Vec::new();
    let mut file = std::fs::File::open("/proc/self/exe").unwrap();
    file.read_to_end(&mut program).unwrap();
    let at = program.iter().rposition(|&byte| byte == b' ').unwrap();
    let version = std::str::from_utf8(&program[at + 1..]).unwrap();
    println!("version {version}");
    ExitCode::SUCCESS
}
