//! Locked memory: QEMU locks all memory of a VM with a VF.
//!
//! libvirt raises the limit of such a VM, but not above that of its own unit:
//!
//! ```text
//! /etc/systemd/system/libvirtd.service.d/limits.conf:  LimitMEMLOCK=64M
//! ```

use std::path::{Path, PathBuf};

use one_sriov_system::Probe;

use super::Finding;
use super::finding::unread;
use crate::host::Host;

const CHECK: &str = "memlock";

/// A limit below this was not meant for VMs.
const LOW: u64 = 1 << 30;

/// The monolithic daemon, and the modular one for QEMU.
const UNITS: [&str; 2] = ["libvirtd.service", "virtqemud.service"];

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let probe = Probe::new(&host.root);
    let mut findings = Vec::new();
    for file in UNITS.iter().flat_map(|unit| files(&probe, unit)) {
        let Ok(text) = probe.read_to_string(&file) else {
            continue;
        };
        if let Some((line, limit)) = low_limit(&text) {
            let file = file.display();
            let message =
                format!("'{file}': line {line}: LimitMEMLOCK={limit} is low for VMs with VFs");
            findings
                .push(Finding::note(CHECK, message).remedy(
                    "remove the line if VMs fail to start because memory cannot be locked",
                ));
        }
    }
    findings.extend(unread(CHECK, &probe));
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "libvirt may lock the memory of VMs"));
    }
    findings
}

fn files(probe: &Probe<'_>, unit: &str) -> Vec<PathBuf> {
    let system = Path::new("/etc/systemd/system");
    let dir = system.join(format!("{unit}.d"));
    let drop_ins = probe.list(&dir).unwrap_or_default();
    let drop_ins = drop_ins
        .iter()
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "conf"))
        .map(|name| dir.join(name));
    std::iter::once(system.join(unit)).chain(drop_ins).collect()
}

/// Returns the last limit in a unit file, with its line number, if it is low.
fn low_limit(text: &str) -> Option<(usize, &str)> {
    let limits = text.lines().zip(1..).filter_map(|(line, number)| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "LimitMEMLOCK").then_some((number, value.trim()))
    });
    let (line, value) = limits.last()?;
    // soft:hard; libvirt can raise the limit up to the hard one.
    let hard = value.rsplit(':').next()?;
    (bytes(hard)? < LOW).then_some((line, value))
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_low_limit_is_reported() {
        let table = [
            ("[Service]\nLimitMEMLOCK=64M\n", Some((2, "64M"))),
            ("LimitMEMLOCK = 65536\n", Some((1, "65536"))),
            ("LimitMEMLOCK=infinity:512K\n", Some((1, "infinity:512K"))),
            ("LimitMEMLOCK=64M\nLimitMEMLOCK=infinity\n", None),
            ("LimitMEMLOCK=2G\n#LimitMEMLOCK=64K\n", None),
            ("LimitNOFILE=8192\nLimitMEMLOCK=\n", None),
        ];
        for (text, expected) in table {
            assert_eq!(low_limit(text), expected, "{text}");
        }
    }
}
