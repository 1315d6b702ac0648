//! Compares the agent and the driver with the scripts of 2013 that they replace.
//!
//! `ONE_SRIOV_AGENT` and `ONE_SRIOV_DRIVER` name the binaries.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used)]

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use one_sriov_tests::{
    agent_path, driver_path, is_in_memory, peak_memory, processor_time, read_anew, scratch,
};

mod agent;
mod driver;
mod floor;

/// Makes this program the small process that measures peak memory.
const PEAK: &str = "--peak";
/// Makes it the one that measures processor time, in microseconds.
const PROCESSOR: &str = "--processor";
/// Makes this program measure; it is in a namespace where it may mount.
const INSIDE: &str = "--inside";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(word), Some(program)) if word == PEAK => {
            println!("{}", peak_memory(quiet(program, arguments)));
            ExitCode::SUCCESS
        }
        (Some(word), Some(program)) if word == PROCESSOR => {
            let time = processor_time(quiet(program, arguments));
            println!("{}", time.as_micros());
            ExitCode::SUCCESS
        }
        (Some(word), None) if word == INSIDE => compare(),
        (None, None) => inside(),
        _ => {
            eprintln!("usage: side-by-side");
            ExitCode::from(2)
        }
    }
}

/// Runs this program in a mount namespace, because the script of 2013 mounts the CD.
fn inside() -> ExitCode {
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    if !nix::unistd::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let own = std::env::current_exe().expect("the path of this program");
    let status = unshare.arg(own).arg(INSIDE).status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("failed to run 'unshare': {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> ExitCode {
    let memory = scratch();
    if !is_in_memory(&memory) {
        println!("note: '{}' is no tmpfs: flushing counts", memory.display());
    }
    for program in [agent_path(), driver_path()] {
        read_anew(program);
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

fn quiet(program: OsString, arguments: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null());
    command
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
