//! The NICs that a run waits for.

use super::outcome::{DummyNic, Outcome, PlannedNic};

/// The expected NICs: positions without a device, and devices and dummy NICs that udev has not finished.
pub(super) fn late(nics: &[PlannedNic], dummies: &[DummyNic]) -> Vec<String> {
    let dummies = dummies.iter().filter(|dummy| !dummy.ready);
    let dummies = dummies.map(|dummy| dummy.name.to_string());
    labels(nics, is_late).chain(dummies).collect()
}

/// The NICs of which nothing was found on this machine.
pub(super) fn missing(nics: &[PlannedNic]) -> Vec<String> {
    let is_missing = |nic: &PlannedNic| matches!(nic.outcome, Outcome::Absent(_)) && !is_late(nic);
    labels(nics, is_missing).collect()
}

fn labels(nics: &[PlannedNic], fits: fn(&PlannedNic) -> bool) -> impl Iterator<Item = String> {
    nics.iter()
        .filter(move |nic| fits(nic))
        .map(|nic| nic.label().into_owned())
}

/// Whether a NIC is expected: it has a position or its device exists, but the device is not usable yet.
fn is_late(nic: &PlannedNic) -> bool {
    match (&nic.outcome, &nic.device) {
        (Outcome::Absent(_), device) => device.is_some() || nic.position.is_some(),
        (Outcome::Configure(_), Some(device)) => !device.matched_by.is_present(),
        _ => false,
    }
}
