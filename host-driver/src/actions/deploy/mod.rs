//! Starts a VM with its VFs (`deploy`).
//!
//! 1. request: find the interfaces whose bridge is `sriov_<pool>`
//! 2. lease: lease a free VF for each, all or none
//! 3. prepare: set the GUIDs, or MAC and VLAN, of the VFs
//! 4. edit: replace the interfaces with host devices, and append the dummy NICs
//! 5. delegate: run the stock `deploy` with the edited domain
//!
//! If any of steps 2 to 5 fails, everything is undone. VFs of PCI NICs are already in the domain; they are only leased and
//! prepared ([`native`]).

mod decide;
mod guids;
mod links;
pub(super) mod native;
mod set_up;
mod work;

use std::io::{self, Read as _};
use std::path::Path;

use hwaddr::{DummyMac, Key, MacAddress};
use one_sriov_system::{Root, unless_absent};

pub(super) use self::work::{Work, got, host_device};
use super::stock::become_stock;
use super::{ActionCall, ActionError, input, requested};
use crate::domain::{Domain, DomainInterface};
use crate::host::Host;
use crate::lease::{VfRequest, Wanted};
use crate::opennebula::VmId;
use crate::opennebula::{Report, VmDocument};
use crate::pool_name::PoolName;
use crate::prepare;

pub(super) fn run(call: &ActionCall<'_>, report: &mut Report) -> Result<(), ActionError> {
    let stdin = input::read()?;
    let become_stock = |report: &mut Report| {
        report.flush();
        Err(become_stock(call, Some(&stdin)))
    };
    // A domain without SR-IOV and PCI NICs must neither cost a further read nor fail here.
    let mut document = None;
    if !input::mentions(&stdin, PoolName::BRIDGE_PREFIX.as_bytes())? {
        document = native::document(call, &stdin, report)?;
        if document.is_none() {
            return become_stock(report);
        }
    }
    let domain = Domain::read(input::document(&stdin)?)?;
    let host = call.host()?;
    let nics = nics(&host, &domain)?;
    if nics.is_empty() && document.is_none() {
        document = native::document(call, &stdin, report)?;
    }
    let mut document = match document {
        Some(document) => document,
        None if nics.is_empty() => VmDocument::default(),
        None => vm_document(call, &host.root)?,
    };
    let devices = native::find(&host, &domain, &document, report)?;
    if nics.is_empty() && devices.is_empty() {
        return become_stock(report);
    }
    let vm = vm(call, &domain)?;
    let mut requests = requests(&host, vm, &nics, &mut document)?;
    requests.extend(native::requests(&host, vm, nics.len(), devices)?);
    let store = match host.leases_if_any()? {
        Some(store) => store,
        None if !native::need_leases(&requests) => {
            report.note("there is no lease directory: the PCI NICs of the VM are not managed");
            return become_stock(report);
        }
        None => host.leases()?,
    };
    // The VM starts afresh, so NICs saved with an earlier checkpoint no longer matter.
    store.forget_unplugged(vm)?;
    let mut work = Work::new(call, &host, &store, &requests);
    let deployment = work.grant(vm, &domain)?;
    work.deploy(&domain, &nics, deployment, report)
}

/// An interface that requests a VF.
struct SriovNic<'d> {
    interface: usize,
    element: &'d DomainInterface,
    pool: PoolName,
}

fn nics<'d>(host: &Host, domain: &'d Domain<'_>) -> Result<Vec<SriovNic<'d>>, ActionError> {
    let mut nics = Vec::new();
    for (interface, element) in domain.interfaces().iter().enumerate() {
        if let Some(bridge) = element.bridge()
            && let Some(pool) = requested(host, bridge)?
        {
            nics.push(SriovNic {
                interface,
                element,
                pool,
            });
        }
    }
    Ok(nics)
}

fn vm(call: &ActionCall<'_>, domain: &Domain<'_>) -> Result<VmId, ActionError> {
    let by_name = || domain.name().and_then(VmId::of_domain);
    call.arguments
        .vm()
        .or_else(by_name)
        .ok_or(ActionError::NoVm)
}

/// Returns the requests of the NICs. The position of a NIC is its index.
fn requests(
    host: &Host,
    vm: VmId,
    nics: &[SriovNic<'_>],
    document: &mut VmDocument,
) -> Result<Vec<VfRequest>, ActionError> {
    let request = |(position, nic): (usize, &SriovNic<'_>)| {
        let bridge = nic.element.bridge().unwrap_or_default();
        let mac: MacAddress = nic.element.mac().map_err(|what| ActionError::Mac {
            bridge: bridge.to_owned(),
            what: what.to_string(),
        })?;
        let network = document.take_network(mac, bridge);
        Ok(VfRequest {
            wanted: Wanted::AnyOf(nic.pool.clone()),
            mac,
            dummy: dummy(host, vm, position, mac)?,
            guid_prefix: prepare::guid_prefix(host.config.guid_prefix, network.id),
            vlan: network.vlan,
            attributes: network.attributes()?,
        })
    };
    nics.iter().enumerate().map(request).collect()
}

/// Returns the dummy MAC of a NIC, which consists of its position and key.
pub(super) fn dummy(
    host: &Host,
    vm: VmId,
    position: usize,
    mac: MacAddress,
) -> Result<DummyMac, ActionError> {
    let position = u8::try_from(position).map_err(|_| ActionError::TooManyNics { vm })?;
    let prefix = host.config.dummy_prefix;
    Ok(DummyMac::new(prefix, position, Key::from(mac)))
}

/// Reads `vm.xml` beside the deployment file or checkpoint (the first argument). OpenNebula writes it since 6.0.
pub(super) fn vm_document(call: &ActionCall<'_>, root: &Root) -> Result<VmDocument, ActionError> {
    Ok(read_vm_document(call, root)?.unwrap_or_default())
}

/// Like [`vm_document`], but returns `None` if the file does not exist.
fn read_vm_document(call: &ActionCall<'_>, root: &Root) -> Result<Option<VmDocument>, ActionError> {
    let Some(file) = call.arguments.get(0).map(Path::new) else {
        return Ok(None);
    };
    let path = file.with_file_name("vm.xml");
    if !path.is_absolute() {
        return Ok(None);
    }
    let name = path.display().to_string();
    let text = unless_absent(read_bounded(root, &path).map(Some), None);
    match text {
        Ok(None) => Ok(None),
        Err(cause) => Err(ActionError::VmFile { path: name, cause }),
        Ok(Some(text)) => match VmDocument::parse(&text) {
            Ok(document) => Ok(Some(document)),
            Err(cause) => Err(ActionError::VmDocument { path: name, cause }),
        },
    }
}

fn read_bounded(root: &Root, path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = u64::try_from(input::MAX_DOCUMENT).unwrap_or(u64::MAX);
    let mut file = root.open(path)?.take(most.saturating_add(1));
    file.read_to_string(&mut text)?;
    if text.len() > input::MAX_DOCUMENT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}
