//! The outcome of a NIC whose device is known.

use hwaddr::InterfaceName;

use super::NicId;
use super::outcome::{Device, MatchedBy, Outcome, PlannedNic};
use super::read_config::read_config;
use super::source::ValueSource;
use crate::inventory::Nic;

/// Plans a NIC whose device is present.
pub(super) fn present(
    id: NicId,
    source: &ValueSource,
    device: &Nic,
    matched_by: MatchedBy,
    notes: &mut Vec<String>,
) -> PlannedNic {
    let mut nic = PlannedNic::new(id, source.layers.clone());
    nic.device = Some(Device {
        name: device.name.clone(),
        matched_by,
    });
    if device.ready {
        read(source, &mut nic, notes);
    } else {
        nic.outcome = Outcome::Absent(unready(&device.name));
    }
    nic
}

/// Reads the configuration, and sets the outcome of a NIC whose device is known.
pub(super) fn read(source: &ValueSource, nic: &mut PlannedNic, notes: &mut Vec<String>) {
    match read_config(source) {
        Err(problems) => nic.outcome = Outcome::refused(&problems),
        // The other values are not used, so they are not checked.
        Ok(read) if read.config.is_empty() => {
            nic.origins = read.origins;
            nic.outcome = Outcome::LeftAlone("the context gives it no address".into());
        }
        Ok(read) => {
            let label = nic.label().into_owned();
            notes.extend(read.notes.iter().map(|note| format!("{label}: {note}")));
            nic.origins = read.origins;
            nic.bad_values = read.left_out;
            nic.outcome = Outcome::Configure(Box::new(read.config));
        }
    }
}

pub(super) fn unready(name: &InterfaceName) -> String {
    format!("udev has not finished with '{name}' yet")
}
