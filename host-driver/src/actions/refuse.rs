//! Refuses actions that a VM with VFs does not support.
//!
//! The hypervisor cannot read the state of a VF. libvirt would refuse these actions, too, but halfway through.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::stock::{become_stock, run_stock};
use super::{ActionCall, ActionError, input};
use crate::lease::{Lease, VfIdentity};
use crate::opennebula::{Report, VmId};
use crate::pool_name::PoolName;

/// The refused action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Migrate,
    Restore,
    Snapshot,
}

impl Refused {
    /// The message for a VM with these VFs.
    pub(super) fn message(self, vm: VmId, vfs: &str) -> String {
        match self {
            Self::Migrate => {
                format!("failed to migrate VM {vm}: it holds {vfs}, which cannot be moved")
            }
            Self::Restore => {
                format!("failed to restore VM {vm}: it already holds {vfs} on this host")
            }
            Self::Snapshot => format!(
                "failed to take a snapshot of VM {vm}: it holds {vfs}; libvirt takes no snapshot of a VM with a VF"
            ),
        }
    }
}

/// Refuses an action on a VM that holds VFs before anything is changed. Otherwise runs the stock action.
pub(super) fn run(
    call: &ActionCall<'_>,
    refused: Refused,
    report: &mut Report,
) -> Result<(), ActionError> {
    if let Some(vm) = call.arguments.vm()
        && let Some(vfs) = held(call, vm)?
    {
        return Err(ActionError::HoldsVfs { refused, vm, vfs });
    }
    run_stock(call, None, report)
}

/// The VFs that a VM holds, as text. Stale leases do not count.
fn held(call: &ActionCall<'_>, vm: VmId) -> Result<Option<String>, ActionError> {
    let Some((host, store)) = call.leases_if_readable() else {
        return Ok(None);
    };
    if store.deployments(Some(vm))?.is_empty() {
        return Ok(None);
    }
    let guard = store.lock(host.config.lock_wait, &call.purpose(vm))?;
    let running = host.libvirt().running()?;
    let mut sweep = guard.sweep_vm(vm, &running, host.config.lease_grace)?;
    sweep.confirm(|| host.libvirt().running())?;
    let mut held = guard.leases_of(vm)?;
    // If OpenNebula has chosen the VF and the driver has set nothing, the stock driver and libvirt decide.
    let is_plain = |lease: &Lease| lease.identity == VfIdentity::Native && lease.guid.is_none();
    held.retain(|lease| sweep.find(lease.address).is_none() && !is_plain(lease));
    let places: Vec<String> = held
        .iter()
        .map(|lease| format!("'{}'", lease.place()))
        .collect();
    Ok(match places.len() {
        0 => None,
        1 => Some(format!("VF {}", places[0])),
        _ => Some(format!("VFs {}", places.join(", "))),
    })
}

/// Like [`run`], but on the front-end, which has no leases: the VM document decides.
///
/// Stdin is finite here (empty up to 4.x, the document in base64 since 5.0), and the stock action gets it unchanged.
pub(super) fn migrate_local(call: &ActionCall<'_>) -> Result<(), ActionError> {
    let stdin = input::read()?;
    let prefix = PoolName::BRIDGE_PREFIX.as_bytes();
    if let Some(vm) = call.arguments.vm()
        && input::mentions_in_base64(&stdin, prefix)?
        && let Some(bridge) = sriov_bridge(&decoded(input::document(&stdin)?))
    {
        return Err(ActionError::HoldsVfs {
            refused: Refused::Migrate,
            vm,
            vfs: format!("a VF on bridge '{bridge}'"),
        });
    }
    Err(become_stock(call, Some(&stdin)))
}

/// Decodes base64, with or without line breaks. Returns any other text unchanged.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    let is_text = |b: &u8| !b.is_ascii_whitespace();
    let encoded: Vec<u8> = text.iter().copied().filter(is_text).collect();
    STANDARD
        .decode(encoded)
        .map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Finds the first bridge of an SR-IOV network, such as `<BRIDGE><![CDATA[sriov_ib0]]></BRIDGE>`.
fn sriov_bridge(document: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(document);
    let mut bridges = text.split("<BRIDGE>").skip(1);
    bridges.find_map(|rest| {
        let value = rest.split("</BRIDGE>").next()?;
        let value = value.strip_prefix("<![CDATA[").unwrap_or(value);
        let value = value.strip_suffix("]]>").unwrap_or(value).trim();
        value
            .starts_with(PoolName::BRIDGE_PREFIX)
            .then(|| value.to_owned())
    })
}
