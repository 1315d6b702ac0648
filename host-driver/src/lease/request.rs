//! What a NIC requests of its VF.

use hwaddr::{DummyMac, MacAddress};

use crate::opennebula::NicAttributes;
use crate::pool::Vf;
use crate::pool_name::PoolName;

/// Which VF a NIC requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Any VF of a pool.
    AnyOf(PoolName),
    /// This VF, which OpenNebula has chosen.
    Exactly(Vf),
}

/// A NIC's request for a VF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VfRequest {
    /// Which VF.
    pub wanted: Wanted,
    /// The NIC's MAC in OpenNebula.
    pub mac: MacAddress,
    /// The dummy MAC, which consists of position and key.
    pub dummy: DummyMac,
    /// The two octets that precede the dummy MAC in the port GUID.
    pub guid_prefix: [u8; 2],
    /// The VLAN of its network. On InfiniBand it is the P_Key, which the guest sets up.
    pub vlan: Option<u32>,
    /// Other attributes of its network that apply to the VF.
    pub attributes: NicAttributes,
}

impl VfRequest {
    /// Whether its network has a VLAN. OpenNebula writes 0 for none.
    #[must_use]
    pub fn has_vlan(&self) -> bool {
        self.vlan.is_some_and(|vlan| vlan != 0)
    }
}
