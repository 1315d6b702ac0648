//! The IOMMU: without it no device can be passed through to a VM.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::Finding;
use super::finding::count;
use crate::host::Host;

const CHECK: &str = "iommu";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    vec![match inspect(host) {
        Ok(Some(what)) => Finding::ok(CHECK, format!("the IOMMU is on: {what}")),
        Ok(None) => Finding::problem(
            CHECK,
            "failed to find an IOMMU: VFs cannot be passed through to VMs",
        )
        .remedy(
            "enable VT-d or AMD-Vi in the firmware, and boot with intel_iommu=on or amd_iommu=on",
        ),
        Err(error) => Finding::problem(CHECK, format!("failed to check for an IOMMU: {error}")),
    }]
}

fn inspect(host: &Host) -> io::Result<Option<String>> {
    let list = |dir: &str| match host.root.list(Path::new(dir)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    };
    let units = list("/sys/class/iommu")?;
    if !units.is_empty() {
        let names = units.iter().map(|name| name.to_string_lossy());
        return Ok(Some(names.collect::<Vec<_>>().join(", ")));
    }
    // Before Linux 4.1, sysfs lists only the groups of the IOMMU.
    let groups = list("/sys/kernel/iommu_groups")?;
    Ok((!groups.is_empty()).then(|| count(groups.len(), "group")))
}
