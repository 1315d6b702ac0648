//! One lease: which VM has a VF, and the VF's original state.
//!
//! `/run/one-sriov/ib0/3`, one line of JSON:
//!
//! ```text
//! {"format":1,"vm":7,"deployment":"7.18b2f0c4","deploy_id":null,"pool":"ib0","index":3,
//!  "address":"0000:81:00.4","pf":"ib0","vf":3,"driver":"mlx5_core","is_bound":false,"position":0,
//!  "mac":"02:00:c0:a8:32:11","dummy_mac":"aa:00:c0:a8:32:11","identity":"guid",
//!  "guid":"00:04:aa:00:c0:a8:32:11","original":{"kind":"infiniband","node_guid":null,
//!  "port_guid":null,"link_state":"auto"},"state":"deploying","since":1795446991,
//!  "boot_id":"6f9619ff-8b86-d011-b42d-00c04fc964ff"}
//! ```

use std::fmt;
use std::str::FromStr;

use hwaddr::{Guid, InterfaceName, MacAddress, PciAddress};
use one_sriov_system::VfLinkState;
use serde::{Deserialize, Serialize};

use crate::opennebula::VmId;
use crate::pool_name::PoolName;
use crate::text;

/// The format that this version writes, and the only one it reads.
pub const FORMAT: u32 = 1;

/// One deployment of a VM: the VM's ID and a token for this attempt, such as `7.18b2f0c4`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId {
    vm: VmId,
    token: String,
}

impl DeploymentId {
    /// Creates the ID of a deployment of a VM. The token is written in hexadecimal.
    #[must_use]
    pub fn new(vm: VmId, token: u64) -> Self {
        let token = format!("{token:x}");
        Self { vm, token }
    }

    /// The VM.
    #[must_use]
    pub const fn vm(&self) -> VmId {
        self.vm
    }
}

/// A text that is not the ID of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid deployment '{}'", .0.escape_debug())]
pub struct DeploymentIdError(String);

impl FromStr for DeploymentId {
    type Err = DeploymentIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = || {
            let (vm, token) = text.split_once('.')?;
            let is_token = !token.is_empty() && token.bytes().all(|b| b.is_ascii_hexdigit());
            is_token.then_some(())?;
            Some(Self {
                vm: vm.parse().ok()?,
                token: token.to_owned(),
            })
        };
        parts().ok_or_else(|| DeploymentIdError(text.to_owned()))
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.vm, self.token)
    }
}

/// The state of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A driver is deploying the VM or attaching the VF, or was killed while doing so.
    Deploying,
    /// The VM has been started with the VF, or the VF has been attached to it.
    Active,
    /// The VM has stopped, and the VF is being released.
    Releasing,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deploying => "deploying",
            Self::Active => "active",
            Self::Releasing => "releasing",
        })
    }
}

/// How the guest recognizes the VF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VfIdentity {
    /// `<interface type='hostdev'>`: libvirt sets MAC and VLAN.
    Mac,
    /// `<hostdev>` and a dummy NIC.
    Dummy,
    /// `<hostdev>`, a dummy NIC, and GUIDs made from the dummy MAC.
    Guid,
    /// A VF that OpenNebula has chosen and put into the domain. On InfiniBand it gets GUIDs; it never has a dummy NIC.
    Native,
}

impl VfIdentity {
    /// Whether a dummy NIC identifies the VF in the guest.
    #[must_use]
    pub const fn has_dummy(self) -> bool {
        matches!(self, Self::Dummy | Self::Guid)
    }
}

/// How a PF treats the frames of an Ethernet VF; `None` means unknown. All of it is saved, whatever the network requests: libvirt
/// sets a VLAN without its protocol, and some PF drivers reset other settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EthernetFeatures {
    /// Whether the VLAN is tagged as 802.1ad.
    pub is_8021ad: bool,
    /// Whether frames with a forged source MAC are dropped.
    pub spoof_check: Option<bool>,
    /// Whether the VF is trusted.
    pub trust: Option<bool>,
    /// The minimum and maximum transmit rates in Mbit/s.
    pub rates: Option<(u32, u32)>,
    /// The link state.
    #[serde(with = "text::option")]
    pub link_state: Option<VfLinkState>,
}

/// The state of a VF before the driver changed it. `None` means unset or unknown: older kernels do not report all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum OriginalState {
    /// The driver does not change the VF.
    Untouched,
    /// The driver sets the MAC, and the VLAN if there is one.
    Ethernet {
        /// The administrative MAC; `None` if it was all zeroes.
        #[serde(with = "text::option")]
        mac: Option<MacAddress>,
        /// VLAN ID and priority; `None` if the VLAN is not changed.
        vlan: Option<(u16, u8)>,
        /// Its other settings.
        features: EthernetFeatures,
    },
    /// The driver sets both GUIDs and the link state.
    Infiniband {
        /// The node GUID.
        #[serde(with = "text::option")]
        node_guid: Option<Guid>,
        /// The port GUID.
        #[serde(with = "text::option")]
        port_guid: Option<Guid>,
        /// The link state.
        #[serde(with = "text::option")]
        link_state: Option<VfLinkState>,
    },
}

/// A VF that a VM has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The version of this format.
    pub format: u32,
    /// The VM.
    pub vm: VmId,
    /// The deployment that made the lease.
    #[serde(with = "text")]
    pub deployment: DeploymentId,
    /// The UUID or name of the domain: first from the deployment file, then as printed by the stock driver.
    pub deploy_id: Option<String>,
    /// The pool.
    #[serde(with = "text")]
    pub pool: PoolName,
    /// The VF's index in the pool.
    pub index: u32,
    /// The VF.
    #[serde(with = "text")]
    pub address: PciAddress,
    /// The netdev of its PF.
    #[serde(with = "text")]
    pub pf: InterfaceName,
    /// The PF's number of the VF.
    pub vf: u32,
    /// The driver that the VF was bound to.
    pub driver: Option<String>,
    /// Whether one-sriov bound it to `vfio-pci`: then libvirt does not rebind it.
    pub is_bound: bool,
    /// The index of the SR-IOV NIC within the VM, from 0.
    pub position: u8,
    /// The NIC's MAC in OpenNebula.
    #[serde(with = "text")]
    pub mac: MacAddress,
    /// The MAC of the dummy NIC, if there is one.
    #[serde(with = "text::option")]
    pub dummy_mac: Option<MacAddress>,
    /// How the guest recognizes the VF.
    pub identity: VfIdentity,
    /// Its port and node GUID.
    #[serde(with = "text::option")]
    pub guid: Option<Guid>,
    /// What is restored when the VM ends.
    pub original: OriginalState,
    /// The state of the lease.
    pub state: State,
    /// When it entered that state, in seconds since 1970.
    pub since: u64,
    /// The ID of the boot that the lease belongs to.
    pub boot_id: String,
}

impl Lease {
    /// Its place below the lease directory, `ib0/3`.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            pool: self.pool.clone(),
            index: self.index,
        }
    }
}

/// The place of a VF: pool and index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The pool.
    pub pool: PoolName,
    /// The index in it.
    pub index: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pool, self.index)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (pool, index) = text.split_once('/').ok_or(())?;
        Ok(Self {
            pool: pool.parse().map_err(|_| ())?,
            index: index.parse().map_err(|_| ())?,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The lease of the module docs.
    pub(crate) fn lease() -> Lease {
        serde_json::from_str(LINE).unwrap()
    }

    const LINE: &str = concat!(
        r#"{"format":1,"vm":7,"deployment":"7.18b2f0c4","deploy_id":null,"pool":"ib0","index":3,"#,
        r#""address":"0000:81:00.4","pf":"ib0","vf":3,"driver":"mlx5_core","is_bound":false,"position":0,"#,
        r#""mac":"02:00:c0:a8:32:11","dummy_mac":"aa:00:c0:a8:32:11","identity":"guid","#,
        r#""guid":"00:04:aa:00:c0:a8:32:11","original":{"kind":"infiniband","node_guid":null,"#,
        r#""port_guid":null,"link_state":"auto"},"state":"deploying","since":1795446991,"#,
        r#""boot_id":"6f9619ff-8b86-d011-b42d-00c04fc964ff"}"#,
    );

    #[test]
    fn a_lease_serializes_as_documented() {
        let lease = lease();
        assert_eq!(serde_json::to_string(&lease).unwrap(), LINE);
        assert_eq!(lease.place().to_string(), "ib0/3");
        assert_eq!(lease.deployment.vm(), lease.vm);
    }

    #[test]
    fn a_lease_with_an_invalid_address_is_an_error() {
        let line = LINE.replace("0000:81:00.4", "0000:81:20.4");
        let error = serde_json::from_str::<Lease>(&line).unwrap_err();
        assert!(error.to_string().contains("0000:81:20.4"), "{error}");
    }

    #[test]
    fn a_deployment_id_contains_the_vm_id() {
        let id: DeploymentId = "12.ab0f".parse().unwrap();
        assert_eq!(
            (id.vm().domain(), id.to_string()),
            ("one-12".into(), "12.ab0f".into())
        );
        for text in ["", "12", "12.", ".ab", "x.ab", "12.xy", "12.a.b", "-1.a"] {
            assert!(text.parse::<DeploymentId>().is_err(), "{text}");
        }
        assert_eq!(VmId::of_domain("one-12"), Some(id.vm()));
        assert_eq!(VmId::of_domain("one-x"), None);
    }
}
