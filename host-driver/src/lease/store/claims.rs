//! Which lease has a VF or a GUID, whichever pool the VF is in.
//!
//! ```text
//! .devices/0000:81:00.4               ib0/3 7.18b2f0c4
//! .guids/00:04:aa:00:c0:a8:32:11      ib0/3
//! ```

use std::fs;
use std::path::PathBuf;

use hwaddr::{Guid, PciAddress};
use one_sriov_system::is_absent;

use super::files::replace_in;
use super::{DEVICES, GUIDS, Store};
use crate::lease::error::{StoreError, StoreIo};
use crate::lease::record::{DeploymentId, Lease, Place};

impl Store {
    /// Returns the place and deployment of the lease that has a VF.
    pub fn claim(&self, device: PciAddress) -> Result<Option<(Place, DeploymentId)>, StoreError> {
        let path = self.device(device);
        let text = match fs::read_to_string(&path) {
            Err(error) if is_absent(&error) => return Ok(None),
            read => StoreIo("read", &path).check(read)?,
        };
        let parsed = || {
            let (place, deployment) = text.trim_end().split_once(' ')?;
            Some((place.parse().ok()?, deployment.parse().ok()?))
        };
        parsed().map(Some).ok_or(StoreError::Corrupt {
            path,
            what: "expected a place and a deployment".into(),
        })
    }

    /// Claims the VF of a lease.
    pub(in crate::lease) fn write_claim(&self, lease: &Lease) -> Result<(), StoreError> {
        let path = self.device(lease.address);
        let io = StoreIo("write", &path);
        let dir = self.dir.join(DEVICES);
        let new = dir.join(format!(".{}.new", lease.address));
        let line = format!("{} {}\n", lease.place(), lease.deployment);
        io.check(replace_in(&dir, &new, &path, line.as_bytes()))
    }

    /// Returns the lease that has a GUID: older kernels do not report which VF has it.
    pub fn lease_with(&self, guid: Guid) -> Result<Option<Lease>, StoreError> {
        let Some(place) = self.place_with(guid)? else {
            return Ok(None);
        };
        // If the driver was killed, that lease may be gone or have another GUID.
        match self.read(&place) {
            Ok(lease) => Ok(lease.filter(|lease| lease.guid == Some(guid))),
            Err(StoreError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn place_with(&self, guid: Guid) -> Result<Option<Place>, StoreError> {
        let path = self.guid(guid);
        match fs::read_to_string(&path) {
            Err(error) if is_absent(&error) => Ok(None),
            read => Ok(StoreIo("read", &path).check(read)?.trim_end().parse().ok()),
        }
    }

    /// Records that a lease has its GUID.
    pub(in crate::lease) fn write_guid(&self, lease: &Lease) -> Result<(), StoreError> {
        let Some(guid) = lease.guid else {
            return Ok(());
        };
        let path = self.guid(guid);
        let dir = self.dir.join(GUIDS);
        let new = dir.join(format!(".{guid}.new"));
        let line = format!("{}\n", lease.place());
        StoreIo("write", &path).check(replace_in(&dir, &new, &path, line.as_bytes()))
    }

    pub(super) fn device(&self, device: PciAddress) -> PathBuf {
        self.dir.join(DEVICES).join(device.to_string())
    }

    pub(super) fn guid(&self, guid: Guid) -> PathBuf {
        self.dir.join(GUIDS).join(guid.to_string())
    }
}
