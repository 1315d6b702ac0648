//! Restores a VF, even on PFs that refuse to unset a value.
//!
//! Some PF drivers answer "Invalid argument" to a MAC of zeroes (`is_valid_ether_addr` in `ndo_set_vf_mac`), and the kernel ends
//! the message. Then each value is written separately, and a value that cannot be unset is ignored. After any other error, the
//! VF still has the settings of its VM, so its lease must stay.

use super::{SetError, SetVf, Settings, Target};

/// Writes the [`restoration`](super::restoration) of a VF, or the part of it that is outstanding.
///
/// # Errors
/// The first value that could not be written. The others are still written.
pub fn restore(means: &impl SetVf, target: &Target<'_>, wanted: &Settings) -> Result<(), SetError> {
    let parts: Vec<Settings> = parts(wanted).collect();
    match means.set(target, wanted) {
        Ok(()) => return Ok(()),
        // If it cannot be set, the driver has not set it either.
        Err(SetError::Unsupported { .. }) if parts.len() == 1 => return Ok(()),
        Err(error) if error.is_refusal() || matches!(error, SetError::Unsupported { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut failure = None;
    for part in parts {
        match means.set(target, &part) {
            Ok(()) | Err(SetError::Unsupported { .. }) => {}
            // This PF refuses to unset it.
            Err(error) if error.is_refusal() && only_unsets(&part) => log::warn!("{error}"),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Splits settings into single values.
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
            ..none.clone()
        },
        Settings {
            spoof_check: all.spoof_check,
            ..none.clone()
        },
        Settings {
            trust: all.trust,
            ..none.clone()
        },
        Settings {
            rates: all.rates,
            ..none
        },
    ];
    parts.into_iter().filter(|part| !part.is_empty())
}

/// Whether these settings only unset values.
fn only_unsets(settings: &Settings) -> bool {
    !matches!(settings.mac, Some(Some(_)))
        && settings.vlan.is_none()
        && !matches!(settings.node_guid, Some(Some(_)))
        && !matches!(settings.port_guid, Some(Some(_)))
        && settings.link_state.is_none()
        && settings.spoof_check.is_none()
        && settings.trust.is_none()
        && settings.rates.is_none()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::RefCell;

    use super::super::restoration;
    use super::*;
    use crate::lease::{EthernetFeatures, OriginalState};
    use one_sriov_system::{VfLinkState, VfVlan};

    /// A PF that refuses some settings, and records the others.
    struct FakePf {
        answer: fn(&Settings) -> Option<&'static str>,
        has: RefCell<Vec<Settings>>,
    }

    impl SetVf for FakePf {
        fn set(&self, target: &Target<'_>, settings: &Settings) -> Result<(), SetError> {
            match (self.answer)(settings) {
                None => {
                    self.has.borrow_mut().push(settings.clone());
                    Ok(())
                }
                Some(UNSUPPORTED) => Err(SetError::Unsupported {
                    what: "it".into(),
                    pf: target.pf.to_string(),
                    vf: target.vf,
                }),
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
        let pf = FakePf {
            answer,
            has: RefCell::default(),
        };
        let target = Target {
            pf: &"ib0".parse().unwrap(),
            vf: 3,
        };
        let done = restore(&pf, &target, &restoration(original));
        (
            pf.has.into_inner(),
            done.err().map(|error| error.to_string()),
        )
    }

    const INVALID: &str = "RTNETLINK answers: Invalid argument";
    const UNSUPPORTED: &str = "RTNETLINK answers: Operation not supported";

    fn has_guid(settings: &Settings) -> bool {
        settings.node_guid.is_some() || settings.port_guid.is_some()
    }

    #[test]
    fn a_refused_unset_value_does_not_affect_the_others() {
        let original = OriginalState::Ethernet {
            mac: None,
            vlan: Some((0, 0)),
            features: EthernetFeatures::default(),
        };
        let (has, error) = put(&original, |settings| {
            (settings.mac == Some(None)).then_some(INVALID)
        });
        assert_eq!(error, None);
        let vlan = Settings {
            vlan: Some(VfVlan::default()),
            ..Settings::default()
        };
        assert_eq!(has, [vlan]);

        let original = OriginalState::Infiniband {
            node_guid: None,
            port_guid: None,
            link_state: Some(VfLinkState::Disable),
        };
        let state = Settings {
            link_state: Some(VfLinkState::Disable),
            ..Settings::default()
        };
        for answer in [
            |settings: &Settings| has_guid(settings).then_some(INVALID),
            |settings: &Settings| has_guid(settings).then_some(UNSUPPORTED),
        ] {
            let (has, error) = put(&original, answer);
            assert_eq!(error, None);
            assert_eq!(has, std::slice::from_ref(&state));
        }
    }

    #[test]
    fn a_refused_value_and_any_other_error_are_failures() {
        let original = OriginalState::Ethernet {
            mac: None,
            vlan: Some((7, 0)),
            features: EthernetFeatures::default(),
        };
        let (has, error) = put(&original, |settings| settings.vlan.map(|_| INVALID));
        assert_eq!(
            error.unwrap(),
            format!("failed to set it of VF 3 of 'ib0': {INVALID}")
        );
        assert_eq!(has.len(), 1, "the MAC is unset anyway");

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
