//! If there is no context: what is on the drives, and whether this looks like a VM that should have a context.

use hwaddr::{DummyMac, DummyPrefix};

use super::Finding;
use crate::context::survey::BlockDevice;
use crate::inventory::{AddressOrigin, Inventory, Nic, listed};

/// Volume labels of other clouds, in lower case, with descriptions.
const OTHERS: [(&str, &str); 4] = [
    ("config-2", "OpenStack's config drive"),
    ("cidata", "a NoCloud seed of cloud-init"),
    ("ovf env", "an OVF environment"),
    ("scvmm", "a VMM disk"),
];

/// Explains why there is no context.
#[must_use]
pub fn without_context(
    block_devices: &[BlockDevice],
    inventory: &Inventory,
    prefix: DummyPrefix,
) -> Vec<Finding> {
    let mut findings = vec![no_medium(block_devices, inventory, prefix)];
    let of_other = |drive: &BlockDevice| {
        let label = drive.label.as_deref()?;
        let (_, what) = OTHERS
            .iter()
            .find(|(other, _)| label.eq_ignore_ascii_case(other))?;
        let text = format!(
            "'{}' is labelled '{label}', which is {what}: this medium is of another cloud, and the agent reads only \
             OpenNebula's (label 'CONTEXT')",
            drive.path.display()
        );
        Some(Finding::warning("other-cloud", text))
    };
    findings.extend(block_devices.iter().filter_map(of_other));
    findings
}

fn no_medium(block_devices: &[BlockDevice], inventory: &Inventory, prefix: DummyPrefix) -> Finding {
    let drives: Vec<String> = block_devices
        .iter()
        .map(|drive| format!("'{}' is {}", drive.path.display(), drive.what))
        .collect();
    let seen = if drives.is_empty() {
        "this machine has no CD drive and no disk".to_owned()
    } else {
        drives.join(", ")
    };
    if block_devices.iter().any(|drive| drive.is_denied) {
        let text = format!(
            "no context medium among the drives that this user may read: {seen}; run as root"
        );
        return Finding::problem("no-permission", text);
    }
    let signs: Vec<String> = inventory
        .nics
        .iter()
        .filter_map(|nic| sign(nic, prefix))
        .collect();
    let text = format!("no context medium: no drive has a volume labelled 'CONTEXT' ({seen})");
    if signs.is_empty() {
        return Finding::warning("no-context", text);
    }
    let text = format!(
        "{text}, but the NICs are those of an OpenNebula VM ({}): check that the VM has its CD ('CONTEXT' section of the \
         template, 'onevm show')",
        listed(&signs)
    );
    Finding::problem("no-context", text)
}

/// Returns evidence that this is a VM of OpenNebula with SR-IOV NICs.
fn sign(nic: &Nic, prefix: DummyPrefix) -> Option<String> {
    let dummy = if let Some(guid) = nic.guid() {
        DummyMac::from_guid(guid, prefix)?
    } else {
        let is_chosen = nic.origin != AddressOrigin::Random && !nic.has_vf_driver();
        DummyMac::from_mac(nic.mac().filter(|_| is_chosen)?, prefix)?
    };
    Some(format!("'{}' has dummy MAC {dummy}", nic.name))
}
