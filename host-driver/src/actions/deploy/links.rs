//! What the kernel reports about PFs and their VFs.

use std::collections::HashMap;

use hwaddr::InterfaceName;
use one_sriov_system::{Netlink, PfLink, VfInfo};

use crate::actions::ActionError;
use crate::config::IdentitySetting;
use crate::host::Host;
use crate::lease::Allocation;
use crate::pool::LinkLayer;

/// The links of the PFs of some VFs.
pub(super) struct Links(HashMap<InterfaceName, PfLink>);

impl Links {
    pub(super) fn read(host: &Host, allocations: &[Allocation]) -> Result<Self, ActionError> {
        let netlink = Netlink::new(&host.root);
        let mut links = HashMap::new();
        for allocation in allocations {
            let pf = &allocation.vf.pf;
            let is_written = pf.link_layer == LinkLayer::Infiniband
                || host.config.identity(&allocation.vf.pool) == IdentitySetting::Dummy;
            if links.contains_key(&pf.netdev) {
                continue;
            }
            let link = match netlink.link(&pf.netdev) {
                // Not needed: libvirt restores what it has set.
                Err(error) if !is_written => {
                    log::warn!("{error}");
                    continue;
                }
                asked => asked?,
            };
            links.extend(link.map(|link| (pf.netdev.clone(), link)));
        }
        Ok(Self(links))
    }

    pub(super) fn vfs(&self, pf: &InterfaceName) -> &[VfInfo] {
        self.get(pf).unwrap_or_default()
    }

    /// Returns the VFs of a PF if its link was read.
    pub(super) fn get(&self, pf: &InterfaceName) -> Option<&[VfInfo]> {
        self.0.get(pf).map(|link| link.vfs.as_slice())
    }
}
