//! The decision: which VFs the VM gets, and on which terms.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use hwaddr::{Guid, InterfaceName};
use one_sriov_system::{Link, Netlink, VfInfo};

use super::guids::guids_in_use;
use crate::actions::{ActionError, Context};
use crate::config::TransportChoice;
use crate::domain::Domain;
use crate::give_back::give_back;
use crate::host::Host;
use crate::lease::{
    Choice, ChooseError, Chooser, Custody, Deployment, DeploymentId, Depth, Guard, Store, Sweep,
    Terms, VmId, Wish,
};
use crate::libvirt::Look;
use crate::pool::{LinkLayer, PoolName};
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
    let (refusal, returning) = match decide(host, store, &purpose, vm, domain, wishes)? {
        Decision::Leased(deployment, custodies) => return Ok((deployment, custodies)),
        Decision::Refused(refusal, returning) => (refusal, returning),
    };
    let mut is_back = false;
    for id in returning {
        is_back |= store.wait_for(&id, host.config.return_wait)?;
    }
    if !is_back {
        return Err(refusal);
    }
    match decide(host, store, &purpose, vm, domain, wishes)? {
        Decision::Leased(deployment, custodies) => Ok((deployment, custodies)),
        Decision::Refused(refusal, _) => Err(refusal),
    }
}

/// What a decision comes to.
enum Decision {
    /// The leases, and what else was found to have ended.
    Leased(Deployment, Vec<Custody>),
    /// Why there are none, and the deployments whose VFs are on their way back if that could change it.
    Refused(ActionError, Vec<DeploymentId>),
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
        sweep = guard.sweep(&look, Depth::All, config.lease_grace)?;
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
            let returning = match error {
                ActionError::Choose(ChooseError::Short(_)) | ActionError::Conflict(_) => {
                    guard.returning_elsewhere(&look)
                }
                _ => Ok(Vec::new()),
            };
            drop(guard);
            bring_back(host, store, sweep.custodies);
            return Ok(Decision::Refused(error, returning?));
        }
    };
    for device in taken {
        sweep.take(device);
    }
    Ok(Decision::Leased(deployment, sweep.custodies))
}

/// What the kernel says of the PFs of the VFs in question.
pub(super) struct Links(HashMap<InterfaceName, Link>);

impl Links {
    fn read(host: &Host, chosen: &[Choice]) -> Result<Self, ActionError> {
        let netlink = Netlink::new(&host.root);
        let mut links = HashMap::new();
        for choice in chosen {
            let pf = &choice.vf.pf;
            let is_written = pf.link_layer == LinkLayer::Infiniband
                || host.config.transport(&pool_of(choice)) == TransportChoice::Dummy;
            if is_written && !links.contains_key(&pf.netdev) {
                links.extend(
                    netlink
                        .link(&pf.netdev)?
                        .map(|link| (pf.netdev.clone(), link)),
                );
            }
        }
        Ok(Self(links))
    }

    fn vfs(&self, pf: &InterfaceName) -> &[VfInfo] {
        self.get(pf).unwrap_or_default()
    }

    /// The VFs of a PF, if it was asked.
    pub(super) fn get(&self, pf: &InterfaceName) -> Option<&[VfInfo]> {
        self.0.get(pf).map(|link| link.vfs.as_slice())
    }
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

/// Brings back what has ended; whatever goes wrong there is not this VM's concern.
pub(super) fn bring_back(host: &Host, store: &Store, custodies: Vec<Custody>) {
    match give_back(&host.root, &host.config, store, custodies, Duration::ZERO) {
        Ok(returns) => returns.log(),
        Err(error) => log::error!("{error}"),
    }
}

fn pool_of(choice: &Choice) -> PoolName {
    choice.vf.pool.clone()
}
