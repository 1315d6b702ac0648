//! `doctor`: checks the host for problems that stop VMs from getting VFs.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::error::Failure;
use super::{Exit, owner};
use crate::config::Config;
use crate::doctor::{Finding, OF_THE_DRIVER, OF_THE_HOST, Severity, examine};
use crate::host::Host;

pub(super) fn run(home: &Path, json: bool, out: &mut impl Write) -> Result<Exit, Failure> {
    let mut host = Host::unconfigured(home);
    // Some of this can be read only by root, and none of it belongs to oneadmin.
    let mut findings = examine(&host, &OF_THE_HOST);
    if let Err(error) = owner::leave_root(&host.root, home) {
        findings.push(Finding::problem("user", error.to_string()));
    } else {
        // Errors in the settings are among the findings.
        if let Ok(config) = Config::read(&host.root, home) {
            host.config = config;
        }
        findings.extend(examine(&host, &OF_THE_DRIVER));
    }
    if json {
        serde_json::to_writer_pretty(&mut *out, &json!({ "findings": findings }))?;
        writeln!(out)?;
    } else {
        print(&findings, out)?;
    }
    Ok(exit(&findings))
}

fn exit(findings: &[Finding]) -> Exit {
    let worst = findings.iter().map(|finding| finding.severity).max();
    if worst == Some(Severity::Problem) {
        Exit::Problems
    } else {
        Exit::Ok
    }
}

fn print(findings: &[Finding], out: &mut impl Write) -> Result<(), Failure> {
    for finding in findings {
        let severity = match finding.severity {
            Severity::Ok => "ok",
            Severity::Note => "note",
            Severity::Warning => "WARNING",
            Severity::Problem => "PROBLEM",
        };
        writeln!(out, "{severity:7}  {}", finding.text)?;
        if let Some(remedy) = &finding.remedy {
            writeln!(out, "{:7}  {remedy}", "")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_remedy_is_printed_below_its_finding() {
        let finding = |severity, remedy: Option<&str>| Finding {
            check: "iommu",
            severity,
            text: "the IOMMU".into(),
            remedy: remedy.map(str::to_owned),
        };
        let mut findings = vec![
            finding(Severity::Ok, None),
            finding(Severity::Note, None),
            finding(Severity::Warning, Some("do this")),
        ];
        assert_eq!(exit(&findings), Exit::Ok);
        findings.push(finding(Severity::Problem, Some("do that")));
        assert_eq!(exit(&findings), Exit::Problems);
        let mut out = Vec::new();
        print(&findings, &mut out).unwrap();
        let expected = "\
ok       the IOMMU
note     the IOMMU
WARNING  the IOMMU
         do this
PROBLEM  the IOMMU
         do that
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
