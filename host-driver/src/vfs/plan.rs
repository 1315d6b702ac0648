//! What to write to a card.

use super::wanted::WantedVfs;

/// The VFs of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardState {
    /// `sriov_numvfs`: how many VFs it has.
    pub number: u32,
    /// `sriov_totalvfs`: how many its firmware allows.
    pub total: u32,
    /// `sriov_drivers_autoprobe`: whether the host's driver binds new VFs. `None` before Linux 4.12.
    pub autoprobe: Option<bool>,
}

/// What to write, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VfPlan {
    /// Whether all VFs are removed.
    pub removes: bool,
    /// Whether the host's driver binds new VFs, if that changes.
    pub autoprobe: Option<bool>,
    /// How many are created.
    pub creates: Option<u32>,
}

/// More VFs than the card allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// How many are wanted.
    pub wanted: u32,
    /// How many it allows.
    pub total: u32,
}

/// Returns the writes that give a card the wanted VFs.
///
/// # Errors
/// The card allows fewer VFs.
pub fn plan(card: &CardState, wanted: WantedVfs) -> Result<VfPlan, TooMany> {
    if wanted.number > card.total {
        return Err(TooMany {
            wanted: wanted.number,
            total: card.total,
        });
    }
    let differs = card.number != wanted.number;
    Ok(VfPlan {
        removes: differs && card.number > 0,
        autoprobe: wanted
            .autoprobe
            .filter(|is_on| card.autoprobe != Some(*is_on)),
        creates: (differs && wanted.number > 0).then_some(wanted.number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_different_number_goes_through_zero_and_the_same_one_writes_nothing() {
        let table = [
            // (has, allows, wanted, removes, creates)
            (0, 8, 0, false, None),
            (0, 8, 8, false, Some(8)),
            (8, 8, 8, false, None),
            (4, 8, 8, true, Some(8)),
            (8, 8, 4, true, Some(4)),
            (8, 8, 0, true, None),
        ];
        for (number, total, wanted, removes, creates) in table {
            let card = CardState {
                number,
                total,
                autoprobe: Some(true),
            };
            let wanted = WantedVfs {
                number: wanted,
                autoprobe: None,
            };
            let expected = VfPlan {
                removes,
                autoprobe: None,
                creates,
            };
            assert_eq!(plan(&card, wanted), Ok(expected), "{card:?} {wanted:?}");
        }
    }

    #[test]
    fn more_than_the_card_allows_is_refused() {
        let card = CardState {
            number: 4,
            total: 8,
            autoprobe: None,
        };
        let wanted = WantedVfs {
            number: 9,
            autoprobe: None,
        };
        let refused = TooMany {
            wanted: 9,
            total: 8,
        };
        assert_eq!(plan(&card, wanted), Err(refused));
    }

    #[test]
    fn autoprobe_is_written_if_it_differs() {
        for (has, wanted, expected) in [
            (Some(true), None, None),
            (Some(true), Some(true), None),
            (Some(true), Some(false), Some(false)),
            (None, Some(false), Some(false)),
        ] {
            let card = CardState {
                number: 0,
                total: 8,
                autoprobe: has,
            };
            let wanted = WantedVfs {
                number: 8,
                autoprobe: wanted,
            };
            let plan = plan(&card, wanted).map(|plan| plan.autoprobe);
            assert_eq!(plan, Ok(expected), "{has:?} {wanted:?}");
        }
    }
}
