//! Checks whether `sudo -n ip link`, which sets up VFs, is allowed.

use std::time::Duration;

use one_sriov_system::{Captured, ProcessError, Program};

use super::Finding;
use crate::host::Host;
use crate::lease::user_name;

const CHECK: &str = "sudo";
const LIMIT: Duration = Duration::from_secs(10);

pub(super) fn check(_: &Host) -> Vec<Finding> {
    // '-l' only checks whether it would be allowed.
    let asked = Program::new("sudo")
        .args(["-n", "-l", "ip", "link", "show"])
        .env("LC_ALL", "C")
        .capture(LIMIT);
    vec![judge(&user_name(nix::unistd::geteuid()), asked)]
}

fn judge(user: &str, asked: Result<Captured, ProcessError>) -> Finding {
    let remedy = format!(
        "add to /etc/sudoers.d/opennebula: {user} ALL=(ALL) NOPASSWD: /sbin/ip link *, /usr/sbin/ip link *"
    );
    match asked {
        Ok(done) if done.status.success() => {
            Finding::ok(CHECK, format!("user '{user}' may run 'sudo -n ip link'"))
        }
        Ok(done) => {
            let mut message = format!("user '{user}' may not run 'sudo -n ip link'");
            let said = done.stderr_line();
            if !said.is_empty() {
                message.push_str(&format!(": {said}"));
            }
            Finding::problem(CHECK, message).remedy(remedy)
        }
        Err(error) => Finding::problem(CHECK, error.to_string()).remedy("install sudo"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use one_sriov_system::ProcessErrorKind;

    use super::super::Severity;
    use super::*;

    #[test]
    fn a_command_that_sudo_refuses_is_a_problem() {
        let asked = |code: i32, stderr: &str| {
            Ok(Captured {
                status: ExitStatus::from_raw(code << 8),
                stdout: Vec::new(),
                stderr: stderr.into(),
            })
        };
        let missing = || ProcessError {
            program: "sudo".into(),
            kind: ProcessErrorKind::NotFound,
        };
        let table = [
            (
                asked(0, ""),
                Severity::Ok,
                "user 'oneadmin' may run 'sudo -n ip link'",
            ),
            (
                asked(1, "sudo: a password is required\n"),
                Severity::Problem,
                "user 'oneadmin' may not run 'sudo -n ip link': sudo: a password is required",
            ),
            (
                asked(1, ""),
                Severity::Problem,
                "user 'oneadmin' may not run 'sudo -n ip link'",
            ),
            (
                Err(missing()),
                Severity::Problem,
                "failed to run 'sudo': not found in PATH",
            ),
        ];
        for (asked, severity, message) in table {
            let finding = judge("oneadmin", asked);
            assert_eq!((finding.severity, &*finding.text), (severity, message));
            assert_eq!(finding.remedy.is_some(), severity == Severity::Problem);
        }
    }
}
