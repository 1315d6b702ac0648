//! What may still come: which NICs a run waits for.

use super::outcome::{DummyNic, Outcome, PlannedNic};

/// What is known to come: positions without a device, devices and dummies that udev works on.
pub(super) fn late(nics: &[PlannedNic], dummies: &[DummyNic]) -> Vec<String> {
    let dummies = dummies.iter().filter(|dummy| !dummy.ready);
    let dummies = dummies.map(|dummy| dummy.name.to_string());
    labels(nics, is_late).chain(dummies).collect()
}

/// The NICs that nothing on this machine speaks of.
pub(super) fn missing(nics: &[PlannedNic]) -> Vec<String> {
    let is_missing = |nic: &PlannedNic| matches!(nic.outcome, Outcome::Absent(_)) && !is_late(nic);
    labels(nics, is_missing).collect()
}

fn labels(nics: &[PlannedNic], fits: fn(&PlannedNic) -> bool) -> impl Iterator<Item = String> {
    nics.iter()
        .filter(move |nic| fits(nic))
        .map(|nic| nic.label().into_owned())
}

/// A NIC that is known to come: its device has a position or is there, and is not usable yet.
fn is_late(nic: &PlannedNic) -> bool {
    match (&nic.outcome, &nic.device) {
        (Outcome::Absent(_), device) => device.is_some() || nic.position.is_some(),
        (Outcome::Configure(_), Some(device)) => !device.matched_by.is_present(),
        _ => false,
    }
}
