//! Which files of earlier runs stay.

use std::collections::BTreeSet;

use hwaddr::DummyMac;

use super::NicId;
use super::outcome::{Outcome, Plan, PlannedNic};

impl Plan {
    /// The recorded NICs that the context still names although this run does not configure them:
    /// their files stay. `recorded` are the NICs of the state record.
    pub fn keep<'a>(&self, recorded: impl Iterator<Item = &'a NicId>) -> BTreeSet<NicId> {
        recorded
            .filter(|id| self.still_names(id))
            .cloned()
            .collect()
    }

    fn still_names(&self, id: &NicId) -> bool {
        let stays =
            |nic: &PlannedNic| matches!(nic.outcome, Outcome::Absent(_) | Outcome::Refused(_));
        if let Some(nic) = self.nics.iter().find(|nic| &nic.id == id) {
            return stays(nic);
        }
        if let Some(dummy) = self.dummies.iter().find(|dummy| &dummy.id() == id) {
            return !dummy.ready;
        }
        let dummy = id
            .as_str()
            .strip_prefix("DUMMY/")
            .and_then(|mac| mac.parse::<DummyMac>().ok());
        match (&self.keys, dummy) {
            (Some(keys), Some(dummy)) => keys.contains(&dummy.key()),
            (Some(_), None) => false,
            // A context without MACs names no NIC, so that an absent device cannot be told from a
            // NIC that is gone; nothing is removed then.
            (None, _) => ["IB", "MAC/", "DUMMY/"]
                .iter()
                .any(|kind| id.as_str().starts_with(kind)),
        }
    }
}
