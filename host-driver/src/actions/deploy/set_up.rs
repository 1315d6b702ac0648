//! Setting up a leased VF.

use hwaddr::PciAddress;
use one_sriov_system::Netlink;

use super::work::{Work, warn_if_failed};
use crate::actions::ActionError;
use crate::config::IdentitySetting;
use crate::lease::{Lease, OriginalState, VfIdentity, VfRequest};
use crate::opennebula::Report;
use crate::prepare::{self, IpLink, SetError, SetVf as _, Settings, Target, outstanding, put_back};

impl Work<'_> {
    /// Writes what the VF of a lease gets.
    pub(super) fn set_up(
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
            Ok(()) if settings.is_empty() => Ok(()),
            Ok(()) => {
                let link = Netlink::new(&self.host.root).link(&lease.pf)?;
                let known = link.map(|link| link.vfs).unwrap_or_default();
                Ok(prepare::read_back(&target, &settings, &known)?)
            }
            // mlx4 upstream has no GUIDs for its VFs; the dummy NIC, or the PCI address, alone says enough.
            Err(SetError::Unsupported { .. }) if self.can_do_without_guid(lease) => {
                let (left, identity) = match lease.identity {
                    VfIdentity::Native => ("its PCI address", VfIdentity::Native),
                    _ => ("the dummy NIC", VfIdentity::Dummy),
                };
                report.note(&format!(
                    "'{}' takes no GUIDs: VF '{}' is known to its VM by {left} alone",
                    lease.pf,
                    lease.place()
                ));
                lease.identity = identity;
                lease.guid = None;
                lease.original = OriginalState::Untouched;
                Ok(self.store.update(lease)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn can_do_without_guid(&self, lease: &Lease) -> bool {
        match lease.identity {
            VfIdentity::Native => true,
            VfIdentity::Guid => self.host.config.identity(&lease.pool) == IdentitySetting::Auto,
            VfIdentity::Mac | VfIdentity::Dummy => false,
        }
    }

    /// Takes off what a former VM has left on the VF and nobody will write over.
    fn clean(&self, lease: &Lease, target: &Target<'_>) -> Result<(), ActionError> {
        match (lease.identity, &lease.original) {
            // That VM takes its GUIDs along wherever it goes next.
            (VfIdentity::Dummy, OriginalState::Infiniband { .. }) => {
                put_back(&IpLink, target, &prepare::restoration(&lease.original))?;
            }
            (VfIdentity::Native, OriginalState::Ethernet { .. }) => {
                let link = Netlink::new(&self.host.root).link(&lease.pf)?;
                let mut vfs = link.into_iter().flat_map(|link| link.vfs);
                let shown = vfs.find(|info| info.vf == lease.vf);
                let left = outstanding(lease, shown.as_ref());
                if !left.is_empty() {
                    put_back(&IpLink, target, &left)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes that a VF could not be set up, if that was the answer of its PF.
    pub(super) fn note_refusal(&self, device: PciAddress, error: &ActionError) {
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
