//! The guests: their boot and later stages, and the expected state of the kernel.

mod boots;
mod changes;
mod gateways;

use boots::boots;
pub(crate) use boots::vlan;
pub(crate) use changes::background;
use changes::changes;
use gateways::gateways;

use one_sriov_tests::{Nic, ethernet, virtio};

use crate::{Scenario, Stage};

fn eth0() -> Nic {
    virtio("eth0", "02:00:0a:00:00:05", 3)
}

/// `eth0`, and an Ethernet VF with its dummy NIC.
fn with_vf() -> Vec<Nic> {
    vec![
        eth0(),
        virtio("eth1", "aa:00:c0:a8:07:05", 4),
        ethernet("ens9", "02:00:c0:a8:07:05", "0000:01:01.0", "mlx5_core"),
    ]
}

impl Stage {
    /// The boot of a guest with one NIC.
    fn boot(context: &'static str) -> Self {
        Self {
            context,
            nics: vec![eth0()],
            links: &["eth0=02:00:0a:00:00:05"],
            ..Self::default()
        }
    }

    /// A later stage of the same guest, without new links.
    fn later(context: &'static str) -> Self {
        Self {
            links: &[],
            ..Self::boot(context)
        }
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = boots();
    all.extend(gateways());
    all.extend(changes());
    all
}
