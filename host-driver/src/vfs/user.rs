//! What uses a VF.

use std::fmt;

use hwaddr::PciAddress;

use crate::pool::HostUse;

/// A VF in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VfUser {
    pub(super) vf: PciAddress,
    pub(super) user: User,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum User {
    /// It is bound to vfio-pci.
    Vm,
    /// It has a lease.
    Lease,
    /// The host uses it.
    Host(HostUse),
}

impl fmt::Display for VfUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' ", self.vf)?;
        match &self.user {
            User::Vm => f.write_str("is in use by a VM"),
            User::Lease => f.write_str("is leased to a VM"),
            User::Host(host) => write!(f, "is in use by this host ({host})"),
        }
    }
}
