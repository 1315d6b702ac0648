//! The packages, where they belong.

use super::setup::Setup;
use crate::report::{Report, ensure};

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let ssh = &setup.host().ssh;
    report.check("the doctor finds nothing wrong with the host", || {
        let said = ssh.get("one-sriov doctor")?;
        ensure(
            !said.contains("PROBLEM") && !said.contains("WARNING"),
            || said,
        )
    });
    report.check("the packages' files are as they were packed", || {
        ssh.get("dpkg --verify one-sriov-node one-sriov-frontend | grep -v ' c \\| /usr/share/\\(doc\\|man\\)/' && exit 1; exit 0")
            .map(drop)
    });
    report.check("the monitoring hears of all VFs", || {
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
