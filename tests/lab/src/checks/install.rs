//! The installation of the packages.

use super::setup::Setup;
use crate::report::{Report, ensure};

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let ssh = &setup.host().ssh;
    report.check("'one-sriov doctor' finds no problem", || {
        let said = ssh.get("one-sriov doctor")?;
        ensure(
            !said.contains("PROBLEM") && !said.contains("WARNING"),
            || said,
        )
    });
    report.check("the installed files are unchanged", || {
        let packages = "one-sriov-node one-sriov-frontend";
        let status = ssh.get(&format!(
            "dpkg-query --show --showformat '${{db:Status-Status}} ' {packages}"
        ))?;
        ensure(status.trim() == "installed installed", || status)?;
        // dpkg prints a line for each changed file. The host's image leaves out manual pages and documentation.
        let said = ssh.get(&format!("dpkg --verify {packages} 2>&1; true"))?;
        let changed: Vec<&str> = said
            .lines()
            .filter(|line| {
                ![" c ", " /usr/share/doc/", " /usr/share/man/"]
                    .iter()
                    .any(|part| line.contains(part))
            })
            .collect();
        ensure(changed.is_empty(), || changed.join("\n"))
    });
    report.check("the probe reports all VFs", || {
        for (name, count) in [("ENP1S0", 6), ("IB0", 4), ("SEED", 2)] {
            let (total, free) = (
                setup.probe(&format!("SRIOV_{name}_TOTAL"))?,
                setup.probe(&format!("SRIOV_{name}_FREE"))?,
            );
            ensure((total, free) == (count, count), || {
                format!("{name}: {free} of {total} are free")
            })?;
        }
        Ok(())
    });
}
