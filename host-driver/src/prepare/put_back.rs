//! Putting a VF back as it was, on PFs that cannot be told that something is unset, too.
//!
//! Of a value that was unset before, some PFs' drivers refuse to hear: the kernel answers "Invalid argument" to a MAC of
//! zeros (`is_valid_ether_addr` in `ndo_set_vf_mac`), and is done with the message. So what else was in it is written by itself
//! then. Whatever goes wrong besides, a lease must not be forgotten for: the VF still has what its VM had.

use super::{SetError, SetVf, Settings, Target, restoration};
use crate::lease::OriginalState;

/// Writes what puts a VF back.
///
/// # Errors
/// The first thing that could not be written, of what can be: the rest is written all the same.
pub fn put_back(
    means: &impl SetVf,
    target: &Target<'_>,
    original: &OriginalState,
) -> Result<(), SetError> {
    let wanted = restoration(original);
    match means.set(target, &wanted) {
        Err(error) if error.is_refusal() => {}
        // What cannot be set was not set by us either.
        Ok(()) | Err(SetError::Unsupported { .. }) => return Ok(()),
        Err(error) => return Err(error),
    }
    let mut failure = None;
    for part in parts(&wanted) {
        match means.set(target, &part) {
            Ok(()) | Err(SetError::Unsupported { .. }) => {}
            // There was nothing, and this PF cannot be told so.
            Err(error) if error.is_refusal() && only_unsets(&part) => log::warn!("{error}"),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Settings of one value each, whatever is set.
fn parts(all: &Settings) -> impl Iterator<Item = Settings> {
    let none = Settings::default();
    let parts = [
        Settings {
            mac: all.mac,
            ..none.clone()
        },
        Settings {
            vlan: all.vlan,
            ..none.clone()
        },
        Settings {
            node_guid: all.node_guid,
            ..none.clone()
        },
        Settings {
            port_guid: all.port_guid,
            ..none.clone()
        },
        Settings {
            link_state: all.link_state,
            ..none
        },
    ];
    parts.into_iter().filter(|part| !part.is_empty())
}

/// Whether these settings take values away and write none.
fn only_unsets(settings: &Settings) -> bool {
    !matches!(settings.mac, Some(Some(_)))
        && settings.vlan.is_none()
        && !matches!(settings.node_guid, Some(Some(_)))
        && !matches!(settings.port_guid, Some(Some(_)))
        && settings.link_state.is_none()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::RefCell;

    use super::*;
    use one_sriov_system::VfLinkState;

    /// A PF that answers some settings with an error, and notes the others.
    struct Pf {
        answer: fn(&Settings) -> Option<&'static str>,
        has: RefCell<Vec<Settings>>,
    }

    impl SetVf for Pf {
        fn set(&self, target: &Target<'_>, settings: &Settings) -> Result<(), SetError> {
            match (self.answer)(settings) {
                None => {
                    self.has.borrow_mut().push(settings.clone());
                    Ok(())
                }
                Some(said) => Err(SetError::Failed {
                    what: "it".into(),
                    pf: target.pf.to_string(),
                    vf: target.vf,
                    said: said.into(),
                }),
            }
        }
    }

    fn put(
        original: &OriginalState,
        answer: fn(&Settings) -> Option<&'static str>,
    ) -> (Vec<Settings>, Option<String>) {
        let pf = Pf {
            answer,
            has: RefCell::default(),
        };
        let target = Target {
            pf: &"ib0".parse().unwrap(),
            vf: 3,
        };
        let done = put_back(&pf, &target, original);
        (
            pf.has.into_inner(),
            done.err().map(|error| error.to_string()),
        )
    }

    const INVALID: &str = "RTNETLINK answers: Invalid argument";

    #[test]
    fn an_unset_value_that_is_refused_takes_nothing_else_along() {
        let original = OriginalState::Ethernet {
            mac: None,
            vlan: Some((0, 0)),
        };
        let (has, error) = put(&original, |settings| {
            (settings.mac == Some(None)).then_some(INVALID)
        });
        assert_eq!(error, None);
        let vlan = Settings {
            vlan: Some((0, 0)),
            ..Settings::default()
        };
        assert_eq!(has, [vlan]);

        let original = OriginalState::Infiniband {
            node_guid: None,
            port_guid: None,
            link_state: Some(VfLinkState::Disable),
        };
        let (has, error) = put(&original, |settings| {
            (settings.node_guid.is_some() || settings.port_guid.is_some()).then_some(INVALID)
        });
        assert_eq!(error, None);
        let state = Settings {
            link_state: Some(VfLinkState::Disable),
            ..Settings::default()
        };
        assert_eq!(has, [state]);
    }

    #[test]
    fn a_value_that_is_refused_is_a_failure_and_so_is_anything_but_a_refusal() {
        let original = OriginalState::Ethernet {
            mac: None,
            vlan: Some((7, 0)),
        };
        let (has, error) = put(&original, |settings| settings.vlan.map(|_| INVALID));
        assert_eq!(
            error.unwrap(),
            format!("failed to set it of VF 3 of 'ib0': {INVALID}")
        );
        assert_eq!(has.len(), 1, "the MAC is unset all the same");

        let unset = OriginalState::Infiniband {
            node_guid: None,
            port_guid: None,
            link_state: None,
        };
        assert!(
            put(&unset, |_| Some(
                "RTNETLINK answers: Device or resource busy"
            ))
            .1
            .is_some()
        );
        assert!(
            put(&unset, |_| Some("sudo: a password is required"))
                .1
                .is_some()
        );
        assert!(put(&unset, |_| Some(INVALID)).1.is_none());
    }
}
