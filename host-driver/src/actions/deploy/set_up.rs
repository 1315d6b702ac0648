//! Sets up a leased VF.

use hwaddr::{InterfaceName, PciAddress};
use one_sriov_system::{Netlink, VfInfo};

use super::work::{Work, warn_if_failed};
use crate::actions::ActionError;
use crate::config::IdentitySetting;
use crate::lease::{Lease, OriginalState, VfIdentity, VfRequest};
use crate::opennebula::{NicAttributes, Report};
use crate::pool::{HostSysfs, LinkLayer};
use crate::prepare::{
    self, IpLink, LeftOut, OptionalSetting, SetError, SetVf as _, Settings, Target, outstanding,
};

impl Work<'_> {
    /// Sets up the VF of a lease.
    pub(in crate::actions) fn set_up(
        &self,
        lease: &mut Lease,
        request: &VfRequest,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        let settings: Settings = prepare::settings(lease, request)?;
        let target = Target {
            pf: &lease.pf,
            vf: lease.vf,
        };
        self.clean(lease, &target)?;
        match IpLink.set(&target, &settings) {
            Ok(()) => {
                if !settings.is_empty() {
                    prepare::read_back(&target, &settings, &self.vfs(&lease.pf)?)?;
                }
                self.set_optional(lease, request, report)
            }
            // The upstream mlx4 driver cannot set GUIDs of VFs; the guest then recognizes the VF by the dummy NIC or PCI address.
            Err(SetError::Unsupported { .. }) if self.can_do_without_guid(lease) => {
                let (left, identity) = match lease.identity {
                    VfIdentity::Native => ("its PCI address", VfIdentity::Native),
                    _ => ("the dummy NIC", VfIdentity::Dummy),
                };
                report.note(&format!(
                    "'{}' does not accept GUIDs: the guest recognizes VF '{}' only by {left}",
                    lease.pf,
                    lease.place()
                ));
                lease.identity = identity;
                lease.guid = None;
                lease.original = OriginalState::Untouched;
                self.store.update(lease)?;
                self.set_optional(lease, request, report)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sets attributes of the NIC's network that the VM can run without, and reports in the VM's log those that cannot be set.
    fn set_optional(
        &self,
        lease: &Lease,
        request: &VfRequest,
        report: &mut Report,
    ) -> Result<(), ActionError> {
        if request.attributes == NicAttributes::default() {
            return Ok(());
        }
        let sysfs = HostSysfs::new(&self.host.root);
        let layer = sysfs.link_layer(&lease.pf).map_err(ActionError::Sysfs)?;
        let layer = layer.unwrap_or(LinkLayer::Ethernet);
        let (settings, left_out) = prepare::optional(lease, request, layer);
        let mut note = |name: &str, why: &str| {
            report.note(&format!("NIC '{}': {name} is not set: {why}", lease.mac));
        };
        for LeftOut { name, why } in left_out {
            note(name, why);
        }
        let target = Target {
            pf: &lease.pf,
            vf: lease.vf,
        };
        for OptionalSetting { name, settings } in settings {
            let set = IpLink.set(&target, &settings);
            let done = match set {
                Ok(()) => prepare::read_back(&target, &settings, &self.vfs(&lease.pf)?),
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                note(name, &error.to_string());
            }
        }
        let pf = sysfs.mtu(&lease.pf).map_err(ActionError::Sysfs)?;
        if let (Some(wanted), Some(pf)) = (request.attributes.mtu, pf)
            && wanted > pf
        {
            let why = format!("the MTU of '{}' is only {pf}", lease.pf);
            note(&format!("MTU {wanted}"), &why);
        }
        Ok(())
    }

    fn vfs(&self, pf: &InterfaceName) -> Result<Vec<VfInfo>, ActionError> {
        let link = Netlink::new(&self.host.root).link(pf)?;
        Ok(link.map(|link| link.vfs).unwrap_or_default())
    }

    fn can_do_without_guid(&self, lease: &Lease) -> bool {
        match lease.identity {
            VfIdentity::Native => true,
            VfIdentity::Guid => self.host.config.identity(&lease.pool) == IdentitySetting::Auto,
            VfIdentity::Mac | VfIdentity::Dummy => false,
        }
    }

    /// Clears settings of the VF's previous VM that `set_up` does not overwrite.
    fn clean(&self, lease: &Lease, target: &Target<'_>) -> Result<(), ActionError> {
        match (lease.identity, &lease.original) {
            // The previous VM uses the same GUIDs wherever it runs next.
            (VfIdentity::Dummy, OriginalState::Infiniband { .. }) => {
                prepare::restore(&IpLink, target, &prepare::restoration(&lease.original))?;
            }
            (VfIdentity::Native, OriginalState::Ethernet { .. }) => {
                let mut vfs = self.vfs(&lease.pf)?.into_iter();
                let shown = vfs.find(|info| info.vf == lease.vf);
                let left = outstanding(lease, shown.as_ref());
                if !left.is_empty() {
                    prepare::restore(&IpLink, target, &left)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Records the failure to set up a VF if its PF refused a setting.
    pub(in crate::actions) fn note_refusal(&self, device: PciAddress, error: &ActionError) {
        let is_answer = match error {
            ActionError::Set(SetError::Other { .. }) => true,
            ActionError::Set(SetError::Failed { said, .. }) => {
                said.starts_with("RTNETLINK answers")
            }
            _ => false,
        };
        if is_answer {
            warn_if_failed(self.store.note_failure(device, &error.to_string()));
        }
    }
}
