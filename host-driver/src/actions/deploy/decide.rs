//! The decision: which VFs the VM gets, and on which terms.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use hwaddr::{Guid, PciAddress};

use super::guids::guids_in_use;
use super::links::Links;
use crate::actions::{ActionError, Context};
use crate::domain::Domain;
use crate::give_back::give_back;
use crate::host::Host;
use crate::lease::{
    Choice, ChooseError, Chooser, Custody, Deployment, Depth, Guard, Returning, Store, Sweep,
    Terms, VmId, Wish,
};
use crate::libvirt::Look;
use crate::prepare;

/// The decision: which VFs the VM gets.
///
/// If it is refused what somebody is just bringing back, the VF itself or the GUID on it, that is waited for, once.
pub(super) fn lease(
    context: &Context<'_>,
    host: &Host,
    store: &Store,
    vm: VmId,
    domain: &Domain<'_>,
    wishes: &[Wish],
) -> Result<(Deployment, Vec<Custody>), ActionError> {
    let purpose = context.purpose(vm);
    let (refusal, freed, returning) = match decide(host, store, &purpose, vm, domain, wishes)? {
        Decision::Leased(deployment, custodies) => return Ok((deployment, custodies)),
        Decision::Refused {
            refusal,
            freed,
            returning,
        } => (refusal, freed, returning),
    };
    let deadline = Instant::now() + host.config.return_wait;
    let mut is_back = freed;
    for Returning { id, vfs } in returning {
        let left = deadline.saturating_duration_since(Instant::now());
        is_back |= vfs.is_empty() || store.wait_for(&id, left)?;
    }
    if !is_back {
        return Err(refusal);
    }
    match decide(host, store, &purpose, vm, domain, wishes)? {
        Decision::Leased(deployment, custodies) => Ok((deployment, custodies)),
        Decision::Refused { refusal, .. } => Err(refusal),
    }
}

/// What a decision comes to.
enum Decision {
    /// The leases, and what else was found to have ended.
    Leased(Deployment, Vec<Custody>),
    /// There are none.
    Refused {
        refusal: ActionError,
        /// A VF has come back since, by our own hands.
        freed: bool,
        /// What could change it when it is back.
        returning: Vec<Returning>,
    },
}

/// Decides under the lock. What was found to have ended and is not handed on is given back in any
/// case, also where the decision is that there are too few.
fn decide(
    host: &Host,
    store: &Store,
    purpose: &str,
    vm: VmId,
    domain: &Domain<'_>,
    wishes: &[Wish],
) -> Result<Decision, ActionError> {
    let config = &host.config;
    let guard = store.lock(config.lock_wait, purpose)?;
    let look = host.libvirt().look()?;
    let mut sweep = guard.sweep(&look, Depth::VmsThatAreGone, config.lease_grace)?;
    sweep.confirm(|| host.libvirt().look())?;
    let mut chooser = Chooser::new(&host.root, config, &guard, &look);
    let mut chosen = chooser.choose(wishes, &sweep);
    if matches!(chosen, Err(ChooseError::Short(_))) {
        // A VF that was taken out of a running VM is only seen by looking at every lease.
        sweep.custodies.clear();
        let held = sweep.held;
        sweep = guard.sweep(&look, Depth::All, config.lease_grace)?;
        sweep.held.extend(held);
        sweep.confirm(|| host.libvirt().look())?;
        chosen = chooser.choose(wishes, &sweep);
    }
    let granted = match chosen {
        Err(error) => Err(error.into()),
        Ok(chosen) => {
            let taken: Vec<_> = chosen.iter().map(|choice| choice.vf.address).collect();
            Links::read(host, &chosen)
                .and_then(|links| agree(host, &guard, &look, &sweep, wishes, chosen, &links))
                .and_then(|granted| Ok((guard.grant(vm, domain.uuid(), granted)?, taken)))
        }
    };
    let (deployment, taken) = match granted {
        Ok(granted) => granted,
        Err(error) => {
            let returning = returning(&guard, &mut chooser, &sweep, &error);
            drop(guard);
            let freed = bring_back(host, store, sweep.custodies);
            return Ok(Decision::Refused {
                refusal: error,
                freed,
                returning: returning?,
            });
        }
    };
    for device in taken {
        sweep.take(device);
    }
    Ok(Decision::Leased(deployment, sweep.custodies))
}

/// What somebody else brings back that was refused for want of it: a VF of the pool, or the one that has the GUID.
fn returning(
    guard: &Guard<'_>,
    chooser: &mut Chooser<'_>,
    sweep: &Sweep,
    refusal: &ActionError,
) -> Result<Vec<Returning>, ActionError> {
    if sweep.held.is_empty() {
        return Ok(Vec::new());
    }
    let lacking: HashSet<PciAddress> = match refusal {
        ActionError::Choose(ChooseError::Short(shortage)) => chooser.vfs_of(&shortage.pool)?,
        ActionError::Conflict(conflict) => conflict.vf().into_iter().collect(),
        _ => return Ok(Vec::new()),
    };
    let mut returning = guard.returning(&sweep.held)?;
    returning.retain(|Returning { vfs, .. }| {
        vfs.is_empty() || vfs.iter().any(|device| lacking.contains(device))
    });
    Ok(returning)
}

/// On which terms each VF goes into its VM.
fn agree<'w>(
    host: &Host,
    guard: &Guard<'_>,
    look: &Look,
    sweep: &Sweep,
    wishes: &'w [Wish],
    chosen: Vec<Choice>,
    links: &Links,
) -> Result<Vec<(&'w Wish, Choice, Terms)>, ActionError> {
    let mut granted = Vec::new();
    for (wish, choice) in wishes.iter().zip(chosen) {
        let asked = host.config.transport(&wish.pool);
        let known = links.vfs(&choice.vf.pf.netdev);
        let terms = prepare::terms(wish, &choice, asked, known)?;
        granted.push((wish, choice, terms));
    }
    let wanted: HashSet<Guid> = granted
        .iter()
        .filter_map(|(.., terms)| terms.guid)
        .collect();
    if wanted.is_empty() {
        return Ok(granted);
    }
    let mut in_use = guids_in_use(host, guard, look, sweep, links, &wanted)?;
    for (_, choice, terms) in &granted {
        if let Some(guid) = terms.guid {
            in_use.check(guid, choice.vf.address)?;
            in_use.add_vf(&choice.vf.pf.netdev, choice.vf.number, None, guid);
        }
    }
    Ok(granted)
}

/// Brings back what has ended; whatever goes wrong there is not this VM's concern. Whether a VF is free by that.
pub(super) fn bring_back(host: &Host, store: &Store, custodies: Vec<Custody>) -> bool {
    match give_back(&host.root, &host.config, store, custodies, Duration::ZERO) {
        Ok(returns) => {
            returns.log();
            !returns.freed.is_empty()
        }
        Err(error) => {
            log::error!("{error}");
            false
        }
    }
}
