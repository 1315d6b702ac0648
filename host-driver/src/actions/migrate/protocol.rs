//! The protocol between the drivers of two hosts, one message per line.
//!
//! ```text
//! {"step":"lease","protocol":1,"deploy_id":"one-7","nics":[...],"document":"<VM>...</VM>",
//!  "memory_nodes":"0,1"}
//! {"answer":"leased"}
//! {"step":"set-up"}
//! {"answer":"set-up"}
//!                                             empty lines while the migration runs
//! {"step":"plug-in"}
//! {"answer":"plugged-in"}
//! ```
//!
//! If the migration fails, the last step is `{"step":"end"}`, which is not answered: the other host checks whether it has the VM.
//! It also checks if the connection ends without this step, but then the VM may still arrive.
//!
//! Any answer may be `{"answer":"failed","why":"..."}` instead: then the other host has released everything for the VM. Unknown
//! fields are ignored, so a later release may add some. Any other change needs a new protocol number.

use serde::{Deserialize, Serialize};

use crate::actions::ActionError;
use crate::numa::NodeSet;
use crate::saved::SavedNic;
use crate::text;

/// The number of this protocol.
pub(super) const PROTOCOL: u32 = 1;

/// A request from the host that has the VM.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub(super) enum Step {
    /// Lease VFs for these NICs.
    Lease(Offer),
    /// Set the VM's MACs and GUIDs on the VFs: the source has reset its own VFs.
    SetUp,
    /// The VM runs there: plug the VFs in.
    PlugIn,
    /// The migration has failed, and the VM will not arrive.
    End,
}

/// The VM to be migrated.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Offer {
    /// [`PROTOCOL`].
    pub(super) protocol: u32,
    /// The name of its domain.
    pub(super) deploy_id: String,
    /// Its NICs.
    pub(super) nics: Vec<SavedNic>,
    /// The VM document from the front-end; empty if there was none.
    pub(super) document: String,
    /// The NUMA nodes of its memory, if it is pinned.
    #[serde(with = "text::option", default)]
    pub(super) memory_nodes: Option<NodeSet>,
}

impl Offer {
    /// Parses the first step. In later protocols everything except the number may differ.
    pub(super) fn read(line: &str) -> Result<Self, ActionError> {
        #[derive(Deserialize)]
        struct Opening {
            protocol: u32,
        }
        let unclear = |error: serde_json::Error| ActionError::NoOffer {
            why: error.to_string(),
        };
        let Opening { protocol } = serde_json::from_str(line).map_err(unclear)?;
        if protocol != PROTOCOL {
            return Err(ActionError::Protocol {
                theirs: protocol,
                ours: PROTOCOL,
            });
        }
        match serde_json::from_str(line).map_err(unclear)? {
            Step::Lease(offer) => Ok(offer),
            step => Err(ActionError::NoOffer {
                why: format!("its first step is {step:?}"),
            }),
        }
    }
}

/// The answer to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(super) enum Answer {
    /// Every NIC has a leased VF.
    Leased,
    /// The VFs have the VM's MACs and GUIDs.
    SetUp,
    /// All VFs that could be plugged in are plugged in.
    PluggedIn,
    /// The step failed, and everything was undone.
    Failed {
        /// The reason, as a message.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn steps_and_answers_serialize_as_documented() {
        let offer = Step::Lease(Offer {
            protocol: PROTOCOL,
            deploy_id: "one-7".into(),
            nics: Vec::new(),
            document: "<VM>...</VM>".into(),
            memory_nodes: Some("0-1".parse().unwrap()),
        });
        let table = [
            (
                offer,
                concat!(
                    r#"{"step":"lease","protocol":1,"deploy_id":"one-7","nics":[],"document":"<VM>...</VM>","#,
                    r#""memory_nodes":"0,1"}"#
                ),
            ),
            (Step::SetUp, r#"{"step":"set-up"}"#),
            (Step::PlugIn, r#"{"step":"plug-in"}"#),
            (Step::End, r#"{"step":"end"}"#),
        ];
        for (step, line) in table {
            assert_eq!(serde_json::to_string(&step).unwrap(), line);
        }
        let failed = Answer::Failed { why: "no".into() };
        let table = [
            (Answer::Leased, r#"{"answer":"leased"}"#),
            (Answer::SetUp, r#"{"answer":"set-up"}"#),
            (Answer::PluggedIn, r#"{"answer":"plugged-in"}"#),
            (failed, r#"{"answer":"failed","why":"no"}"#),
        ];
        for (answer, line) in table {
            assert_eq!(serde_json::to_string(&answer).unwrap(), line);
        }
    }

    #[test]
    fn fields_that_a_later_release_adds_are_ignored() {
        let line = r#"{"step":"lease","protocol":1,"deploy_id":"one-7","new":[],"nics":[{"pool":"ib0","position":0,
            "mac":"02:00:c0:a8:07:05","vlan":null,"has_dummy":true,"guid":null,"guest":null,"new":1}],"document":""}"#;
        let Step::Lease(offer) = serde_json::from_str(line).unwrap() else {
            panic!("another step");
        };
        assert_eq!(offer.nics.len(), 1);
        let answer: Answer = serde_json::from_str(r#"{"answer":"leased","new":1}"#).unwrap();
        assert_eq!(answer, Answer::Leased);
        let failed: Answer =
            serde_json::from_str(r#"{"answer":"failed","why":"x","new":1}"#).unwrap();
        assert_eq!(failed, Answer::Failed { why: "x".into() });
    }
}
