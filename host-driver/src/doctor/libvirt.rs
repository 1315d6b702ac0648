//! Checks whether libvirt answers: only libvirt knows which VFs are in use.

use super::Finding;
use super::finding::count;
use crate::host::Host;
use crate::lease::user_name;
use crate::libvirt::{LibvirtError, RunningDomains};

const CHECK: &str = "libvirt";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    vec![judge(&host.config.libvirt_uri, host.libvirt().running())]
}

fn judge(uri: &str, running: Result<RunningDomains, LibvirtError>) -> Finding {
    match running {
        Ok(running) => {
            let domains = count(running.domains().len(), "running domain");
            Finding::ok(CHECK, format!("libvirt at '{uri}' answers: {domains}"))
        }
        Err(error) => {
            let user = user_name(nix::unistd::geteuid());
            Finding::problem(CHECK, error.to_string()).remedy(format!(
                "start libvirtd, and allow user '{user}' to use it: usermod -aG libvirt {user}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use one_sriov_system::{ProcessError, ProcessErrorKind};

    use super::super::Severity;
    use super::*;

    #[test]
    fn a_libvirt_that_does_not_answer_is_a_problem() {
        let uri = "qemu:///system";
        let fine = judge(uri, Ok(RunningDomains::default()));
        assert_eq!(
            (fine.severity, &*fine.text),
            (
                Severity::Ok,
                "libvirt at 'qemu:///system' answers: 0 running domains"
            )
        );
        let error = LibvirtError::Run {
            uri: uri.into(),
            cause: ProcessError {
                program: "virsh".into(),
                kind: ProcessErrorKind::NotFound,
            },
        };
        let bad = judge(uri, Err(error));
        assert_eq!(
            (bad.severity, &*bad.text),
            (
                Severity::Problem,
                "failed to query libvirt at 'qemu:///system': failed to run 'virsh': not found in PATH"
            )
        );
        assert!(bad.remedy.is_some_and(|remedy| remedy.contains("libvirtd")));
    }
}
