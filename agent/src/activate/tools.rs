//! Runs the tools of network stacks.

use std::time::Duration;

use one_sriov_system::Program;

/// The time limit: DHCP may take a minute.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs the tools of network stacks.
pub trait Tools {
    /// Runs a tool, and returns its standard output.
    ///
    /// # Errors
    /// The reason, as a message: `failed to run 'ifup ib0': ...`.
    fn run(&mut self, name: &str, args: &[&str]) -> Result<String, String>;
}

/// The tools of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemTools;

impl Tools for SystemTools {
    fn run(&mut self, name: &str, args: &[&str]) -> Result<String, String> {
        let what = line(name, args);
        log::debug!("run '{what}'");
        // The output is parsed, so it must not depend on the locale.
        let done = Program::new(name)
            .args(args)
            .env("LC_ALL", "C")
            .capture(LIMIT);
        let done = done.map_err(|error| error.to_string())?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        let said = done.stderr_line();
        Err(if said.is_empty() {
            format!("failed to run '{what}': {}", done.status)
        } else {
            format!("failed to run '{what}': {said}")
        })
    }
}

pub(super) fn line(name: &str, args: &[&str]) -> String {
    [&[name], args].concat().join(" ")
}
