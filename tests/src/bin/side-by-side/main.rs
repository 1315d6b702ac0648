//! What was there in 2013 and what there is now, side by side: the agent and the driver, each with the
//! script that it replaces.
//!
//! The binaries are those that `ONE_SRIOV_AGENT` and `ONE_SRIOV_DRIVER` name.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used)]

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use one_sriov_tests::{is_in_memory, peak_memory, scratch};

mod agent;
mod driver;

/// Asks this very program to be the small process that measures memory.
const PEAK: &str = "--peak";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(word), Some(program)) if word == PEAK => {
            println!("{}", peak_of(program, arguments));
            ExitCode::SUCCESS
        }
        (None, None) => compare(),
        _ => {
            eprintln!("usage: side-by-side");
            ExitCode::from(2)
        }
    }
}

fn compare() -> ExitCode {
    let memory = scratch();
    if !is_in_memory(&memory) {
        println!("note: '{}' is no tmpfs: flushing counts", memory.display());
    }
    println!("The agent, beside the network script of 2013:");
    let agent = agent::compare(&memory);
    println!("\nThe driver, beside the deploy script of 2013:");
    let driver = driver::compare(&memory);
    if agent && driver {
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

fn peak_of(program: OsString, arguments: impl Iterator<Item = OsString>) -> i64 {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null());
    peak_memory(command)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
