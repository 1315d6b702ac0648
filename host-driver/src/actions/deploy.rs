//! `deploy`: the VM gets its VFs.
//!
//! 1. request: the interfaces whose bridge is `sriov_<pool>`
//! 2. lease: a free VF for each, all or none
//! 3. prepare: GUIDs, or MAC and VLAN, of the VFs
//! 4. edit: interface becomes hostdev, dummy NICs at the end
//! 5. delegate: the stock `deploy`, with the edited domain
//!
//! What fails from 2 on is undone.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use hwaddr::{DummyMac, InterfaceName, Key, MacAddress};
use one_sriov_system::{Delegation, Link, Netlink, VfInfo, exit_code};

use super::stock::{become_stock, program};
use super::{ActionError, Context, requested};
use crate::config::TransportChoice;
use crate::domain::{Domain, DummyNic, Handover, HostDevice, Interface};
use crate::dummy_bridge;
use crate::give_back::give_back;
use crate::host::Host;
use crate::lease::{
    Choice, ChooseError, Chooser, Custody, Deployment, DeploymentId, Depth, Guard, Lease, Shortage,
    State, Store, Sweep, Terms, Transport, VmId, Wish,
};
use crate::libvirt::Look;
use crate::opennebula::{Report, VmDocument};
use crate::pool::{LinkLayer, PoolName, Sysfs};
use crate::prepare::{
    self, GuidsInUse, IpLink, SetError, SetVf as _, Settings, Target, ethernet_vlan,
};

/// How often an unfinished deployment shows that it is still worked on.
const HEARTBEAT: Duration = Duration::from_secs(5);

pub(super) fn run(context: &Context<'_>, report: &mut Report) -> Result<(), ActionError> {
    let mut stdin = Vec::new();
    io::stdin()
        .read_to_end(&mut stdin)
        .map_err(ActionError::Input)?;
    // Nothing is read, and nothing can be wrong, where no bridge can be meant.
    if !contains(&stdin, PoolName::BRIDGE_PREFIX.as_bytes()) {
        return Err(become_stock(context, Some(&stdin)));
    }
    let domain = Domain::read(&stdin)?;
    let host = context.host()?;
    let requests = requests(&host, &domain)?;
    if requests.is_empty() {
        return Err(become_stock(context, Some(&stdin)));
    }
    let vm = vm(context, &domain)?;
    let wishes = wishes(context, &host, vm, &requests)?;
    let store = host.leases()?;
    let (deployment, custodies) = lease(context, &host, &store, vm, &domain, &wishes)?;
    bring_back(&host, &store, custodies);
    let work = Work {
        context,
        host: &host,
        store: &store,
        wishes: &wishes,
    };
    work.deploy(&domain, &requests, deployment, report)
}

/// An interface that asks for a VF.
struct Request<'d> {
    interface: usize,
    nic: &'d Interface,
    pool: PoolName,
}

fn requests<'d>(host: &Host, domain: &'d Domain<'_>) -> Result<Vec<Request<'d>>, ActionError> {
    let mut requests = Vec::new();
    for (interface, nic) in domain.interfaces().iter().enumerate() {
        if let Some(bridge) = nic.bridge()
            && let Some(pool) = requested(host, bridge)?
        {
            requests.push(Request {
                interface,
                nic,
                pool,
            });
        }
    }
    Ok(requests)
}

fn vm(context: &Context<'_>, domain: &Domain<'_>) -> Result<VmId, ActionError> {
    let by_name = || domain.name().and_then(VmId::of_domain);
    context
        .arguments
        .vm()
        .or_else(by_name)
        .ok_or(ActionError::NoVm)
}

/// What the NICs ask for, in their order: the position is the how-manieth it is.
fn wishes(
    context: &Context<'_>,
    host: &Host,
    vm: VmId,
    requests: &[Request<'_>],
) -> Result<Vec<Wish>, ActionError> {
    let document = vm_document(context, host)?;
    let wish = |(position, request): (usize, &Request<'_>)| {
        let bridge = || request.nic.bridge().unwrap_or_default().to_owned();
        let mac: MacAddress = request.nic.mac().map_err(|what| ActionError::Mac {
            bridge: bridge(),
            what: what.to_string(),
        })?;
        let position = u8::try_from(position).map_err(|_| ActionError::TooManyNics { vm })?;
        let network = document.network(mac);
        Ok(Wish {
            pool: request.pool.clone(),
            mac,
            dummy: DummyMac::new(host.config.dummy_prefix, position, Key::from(mac)),
            lead: prepare::lead(host.config.guid_lead, network.id),
            vlan: network.vlan,
        })
    };
    requests.iter().enumerate().map(wish).collect()
}

/// What stands beside the deployment file; nothing before 6.0.
fn vm_document(context: &Context<'_>, host: &Host) -> Result<VmDocument, ActionError> {
    let Some(file) = context.arguments.get(0).map(Path::new) else {
        return Ok(VmDocument::default());
    };
    let path = file.with_file_name("vm.xml");
    if !path.is_absolute() {
        return Ok(VmDocument::default());
    }
    let name = path.display().to_string();
    match host.root.read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(VmDocument::default()),
        Err(cause) => Err(ActionError::VmFile { path: name, cause }),
        Ok(text) => {
            VmDocument::parse(&text).map_err(|cause| ActionError::VmDocument { path: name, cause })
        }
    }
}

/// The decision: which VFs the VM gets.
///
/// If there are too few because somebody is just bringing one back, that is waited for, once.
fn lease(
    context: &Context<'_>,
    host: &Host,
    store: &Store,
    vm: VmId,
    domain: &Domain<'_>,
    wishes: &[Wish],
) -> Result<(Deployment, Vec<Custody>), ActionError> {
    let purpose = context.purpose(vm);
    let decided = decide(host, store, &purpose, vm, domain, wishes)?;
    let returning = match decided {
        Decision::Leased(deployment, custodies) => return Ok((deployment, custodies)),
        Decision::Short(_, returning) if !returning.is_empty() => returning,
        Decision::Short(shortage, _) => return Err(ChooseError::from(shortage).into()),
    };
    for id in returning {
        store.wait_for(&id, host.config.return_wait)?;
    }
    match decide(host, store, &purpose, vm, domain, wishes)? {
        Decision::Leased(deployment, custodies) => Ok((deployment, custodies)),
        Decision::Short(shortage, _) => Err(ChooseError::from(shortage).into()),
    }
}

/// What a decision comes to.
enum Decision {
    /// The leases, and what else was found to have ended.
    Leased(Deployment, Vec<Custody>),
    /// There are too few VFs, and the deployments whose VFs are on their way back.
    Short(Shortage, Vec<DeploymentId>),
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
    let mut chooser = Chooser::new(&host.root, config, &guard, &look);
    let mut chosen = chooser.choose(wishes, &sweep);
    if matches!(chosen, Err(ChooseError::Short(_))) {
        // A VF that was taken out of a running VM is only seen by looking at every lease.
        sweep.custodies.clear();
        sweep = guard.sweep(&look, Depth::All, config.lease_grace)?;
        chosen = chooser.choose(wishes, &sweep);
    }
    let granted = match chosen {
        Err(ChooseError::Short(shortage)) => {
            let returning = guard.returning_elsewhere(&look)?;
            drop(guard);
            bring_back(host, store, sweep.custodies);
            return Ok(Decision::Short(shortage, returning));
        }
        chosen => chosen.map_err(ActionError::from).and_then(|chosen| {
            let taken: Vec<_> = chosen.iter().map(|choice| choice.vf.address).collect();
            let links = Links::read(host, &chosen)?;
            let granted = agree(host, &guard, &look, &sweep, wishes, chosen, &links)?;
            Ok((guard.grant(vm, domain.uuid(), granted)?, taken))
        }),
    };
    drop(guard);
    match granted {
        Ok((deployment, taken)) => {
            for device in taken {
                sweep.take(device);
            }
            Ok(Decision::Leased(deployment, sweep.custodies))
        }
        Err(error) => {
            bring_back(host, store, sweep.custodies);
            Err(error)
        }
    }
}

/// What the kernel says of the PFs of the VFs in question.
struct Links(HashMap<InterfaceName, Link>);

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
        self.0.get(pf).map_or(&[], |link| &link.vfs)
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
    let mut guids = None;
    let mut granted = Vec::new();
    for (wish, choice) in wishes.iter().zip(chosen) {
        let asked = host.config.transport(&wish.pool);
        let known = links.vfs(&choice.vf.pf.netdev);
        let terms = prepare::terms(wish, &choice, asked, known)?;
        if let Some(guid) = terms.guid {
            let guids = match &mut guids {
                Some(guids) => guids,
                none => none.insert(guids_in_use(host, guard, look, sweep, links)?),
            };
            guids.check(guid, choice.vf.address)?;
            guids.add_vf(&choice.vf.pf.netdev, choice.vf.number, None, guid);
        }
        granted.push((wish, choice, terms));
    }
    Ok(granted)
}

/// The GUIDs of this host's ports, and of the VFs that a lease or a domain holds.
fn guids_in_use(
    host: &Host,
    guard: &Guard<'_>,
    look: &Look,
    sweep: &Sweep,
    links: &Links,
) -> Result<GuidsInUse, ActionError> {
    let sysfs = Sysfs::new(&host.root);
    let netlink = Netlink::new(&host.root);
    let mut guids = GuidsInUse::default();
    for netdev in sysfs.netdevs().map_err(ActionError::Sysfs)? {
        if sysfs.link_layer(&netdev).map_err(ActionError::Sysfs)? != Some(LinkLayer::Infiniband) {
            continue;
        }
        let Some(device) = sysfs.device_of(&netdev).map_err(ActionError::Sysfs)? else {
            continue;
        };
        let address = sysfs.ipoib_address(&netdev).map_err(ActionError::Sysfs)?;
        if let Some(address) = address
            && sysfs.pf_of(device).map_err(ActionError::Sysfs)?.is_none()
        {
            guids.add_port(&netdev, address.port_guid());
        }
        if sysfs
            .vf_numbers(device)
            .map_err(ActionError::Sysfs)?
            .is_empty()
        {
            continue;
        }
        let asked;
        let vfs = if let Some(link) = links.0.get(&netdev) {
            &link.vfs
        } else {
            asked = netlink.link(&netdev)?.map(|link| link.vfs);
            asked.as_deref().unwrap_or_default()
        };
        for info in vfs {
            let Some(guid) = info.port_guid else {
                continue;
            };
            let vf = sysfs.vf(device, info.vf).map_err(ActionError::Sysfs)?;
            let Some(vf) = vf else {
                continue;
            };
            // One that has ended is put back before the new one is set.
            let is_leased = guard.claim(vf)?.is_some() && sweep.find(vf).is_none();
            if is_leased || look.holder(vf).is_some() {
                guids.add_vf(&netdev, info.vf, Some(vf), guid);
            }
        }
    }
    Ok(guids)
}

/// Brings back what has ended; whatever goes wrong there is not this VM's concern.
fn bring_back(host: &Host, store: &Store, custodies: Vec<Custody>) {
    match give_back(&host.root, &host.config, store, custodies, Duration::ZERO) {
        Ok(returns) => returns.log(),
        Err(error) => log::error!("{error}"),
    }
}

/// From the leases to the running VM.
struct Work<'a> {
    context: &'a Context<'a>,
    host: &'a Host,
    store: &'a Store,
    wishes: &'a [Wish],
}

impl Work<'_> {
    fn deploy(
        &self,
        domain: &Domain<'_>,
        requests: &[Request<'_>],
        mut deployment: Deployment,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        let handovers = match self.prepare(requests, &mut deployment, report) {
            Ok(handovers) => handovers,
            Err(error) => {
                self.undo(deployment);
                return Err(error);
            }
        };
        let edited = domain.edit(&handovers);
        let done = program(self.context).delegate(Delegation {
            stdin: Some(&edited),
            keep: &[deployment.token()],
            every: HEARTBEAT,
            tick: &mut || deployment.show_life(),
        });
        let failure = match done {
            Ok(done) => match exit_code(done.status) {
                0 => {
                    note(requests, &deployment, report);
                    let id =
                        first_word(&done.stdout).unwrap_or_else(|| deployment.id().vm().domain());
                    if let Err(error) = self.store.activate(&mut deployment, &id) {
                        // The VM runs, and libvirt says so to whoever looks at the lease.
                        report.note(&error.to_string());
                    }
                    pass_on(&done.stdout);
                    return Ok(());
                }
                code => {
                    pass_on(&done.stdout);
                    if done.stderr_tail.is_empty() {
                        report.note(&format!(
                            "the stock deploy has failed with exit code {code}"
                        ));
                    }
                    ActionError::StockFailed(code)
                }
            },
            Err(cause) => ActionError::Stock {
                action: self.context.action.to_owned(),
                cause,
            },
        };
        self.undo(deployment);
        Err(failure)
    }

    /// Sets the VFs up and says what becomes of the interfaces.
    fn prepare(
        &self,
        requests: &[Request<'_>],
        deployment: &mut Deployment,
        report: &mut Report,
    ) -> Result<Vec<Handover>, ActionError> {
        let mut handovers = Vec::new();
        for ((lease, wish), request) in deployment.leases.iter_mut().zip(self.wishes).zip(requests)
        {
            self.set_up(lease, wish, report)?;
            let dummy = lease.transport != Transport::Mac;
            if dummy {
                let is_ovs = request.nic.has_virtualport();
                dummy_bridge::ensure(&self.host.root, &self.host.config.dummy_bridge, is_ovs)
                    .map_err(|what| ActionError::DummyBridge {
                        bridge: self.host.config.dummy_bridge.clone(),
                        what,
                    })?;
            }
            handovers.push(Handover {
                interface: request.interface,
                device: match lease.transport {
                    Transport::Mac => HostDevice::Network {
                        address: lease.address,
                        mac: lease.mac,
                        vlan: ethernet_vlan(wish)?,
                    },
                    Transport::Dummy | Transport::Guid => HostDevice::Plain {
                        address: lease.address,
                    },
                },
                dummy: dummy.then(|| DummyNic {
                    bridge: self.host.config.dummy_bridge.clone(),
                    mac: wish.dummy,
                }),
            });
        }
        Ok(handovers)
    }

    fn set_up(
        &self,
        lease: &mut Lease,
        wish: &Wish,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        let settings: Settings = prepare::settings(lease, wish)?;
        let target = Target {
            pf: &lease.pf,
            vf: lease.vf,
        };
        match IpLink.set(&target, &settings) {
            Ok(()) => Ok(()),
            // mlx4 upstream has no GUIDs for its VFs; the dummy NIC alone says enough.
            Err(SetError::Unsupported { .. })
                if lease.transport == Transport::Guid
                    && self.host.config.transport(&lease.pool) == TransportChoice::Auto =>
            {
                report.note(&format!(
                    "'{}' takes no GUIDs: VF '{}' is known to its VM by the dummy NIC alone",
                    lease.pf,
                    lease.place()
                ));
                lease.transport = Transport::Dummy;
                lease.guid = None;
                lease.former = crate::lease::Former::Untouched;
                Ok(self.store.update(lease)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the VFs back, unless the VM runs with them after all.
    fn undo(&self, deployment: Deployment) {
        let vm = deployment.id().vm();
        let leases = deployment.leases.clone();
        // What a child still has open keeps the deployment alive; ours must not.
        drop(deployment);
        let custodies = || -> Result<_, ActionError> {
            let config = &self.host.config;
            let purpose = self.context.purpose(vm);
            let guard = self.store.lock(config.lock_wait, &purpose)?;
            let look = self.host.libvirt().look()?;
            let is_there = |lease: &Lease| {
                let holder = look.holder(lease.address);
                holder.is_some_and(|domain| domain.is(vm, lease.deploy_id.as_deref()))
            };
            for lease in leases.into_iter().filter(is_there) {
                let state = State::Active;
                guard.update(&Lease { state, ..lease })?;
            }
            Ok(guard.sweep_vm(vm, &look, Duration::ZERO)?.custodies)
        };
        let wait = self.host.config.return_wait;
        let config = &self.host.config;
        let undone = custodies().and_then(|custodies| {
            Ok(give_back(
                &self.host.root,
                config,
                self.store,
                custodies,
                wait,
            )?)
        });
        match undone {
            Ok(returns) => returns.log(),
            // They stay marked as being deployed, and are swept up after the grace.
            Err(error) => log::error!("{error}"),
        }
    }
}

/// Tells the VM's log what it has got, and what a VF cannot have.
fn note(requests: &[Request<'_>], deployment: &Deployment, report: &mut Report) {
    for (lease, request) in deployment.leases.iter().zip(requests) {
        let place = lease.place();
        report.note(&format!(
            "NIC '{}' is VF '{place}' ({}), position {}",
            lease.mac, lease.address, lease.position
        ));
        for loss in request.nic.losses() {
            report.note(&format!("NIC '{}' is a VF: {loss} is left out", lease.mac));
        }
        log::info!(
            "VM {}: NIC '{}' is VF '{place}' ({})",
            lease.vm,
            lease.mac,
            lease.address
        );
    }
}

/// Passes on what the stock action has printed.
pub(super) fn pass_on(stdout: &[u8]) {
    // Nobody is left to read it.
    let _ = io::stdout()
        .write_all(stdout)
        .and_then(|()| io::stdout().flush());
}

fn first_word(stdout: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stdout);
    text.split_whitespace().next().map(str::to_owned)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn pool_of(choice: &Choice) -> PoolName {
    choice.vf.pool.clone()
}
