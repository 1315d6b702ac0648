//! InfiniBand ports: a port that is not ACTIVE carries no traffic, whatever addresses its network device has.
//!
//! ```text
//! /sys/class/net/ib0/device/infiniband/mlx5_0/ports/1/state       2: INIT
//!                                                    /phys_state  5: LinkUp
//!                                                    /sm_lid      0x0        no subnet manager has configured it
//! ```
//! Source: the kernel's `Documentation/ABI/stable/sysfs-class-infiniband` and `drivers/infiniband/core/sysfs.c`.

use std::path::Path;

use super::Finding;
use crate::detect::Probe;

const ACTIVE: &str = "ACTIVE";

/// The InfiniBand port of a network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InfinibandPort {
    /// The network device: `ib0`.
    pub(super) device: String,
    /// The InfiniBand device: `mlx5_0`.
    pub(super) card: String,
    /// The port number, from 1.
    pub(super) number: u32,
    /// `ACTIVE`, `INIT`, ...
    pub(super) state: String,
    /// `LinkUp`, `Polling`, ...
    pub(super) physical: String,
    /// The LID of the subnet manager; 0 if none has configured the port.
    pub(super) manager: u32,
    /// Whether the network device has a port GUID.
    pub(super) has_guid: bool,
}

impl InfinibandPort {
    /// Reads the port of a network device, if sysfs shows it.
    pub(super) fn read(
        probe: &Probe<'_>,
        sys: &Path,
        device: &str,
        has_guid: bool,
    ) -> Option<Self> {
        let text = |path: &Path| {
            let text = probe.read_to_string(path).ok()?;
            Some(text.trim().to_owned())
        };
        let netdev = sys.join("class/net").join(device);
        let cards = probe.list(&netdev.join("device/infiniband")).ok()?;
        // A PCI function has one InfiniBand device, however many ports it has.
        let card = cards.first()?;
        let card = card.to_str()?;
        let index = |name: &str| number(&text(&netdev.join(name))?);
        // On old kernels, only `dev_id` contains the port (`ipoib_add_port`).
        let index = index("dev_port").max(index("dev_id")).unwrap_or(0);
        let port = netdev
            .join("device/infiniband")
            .join(card)
            .join(format!("ports/{}", index + 1));
        Some(Self {
            device: device.to_owned(),
            card: card.to_owned(),
            number: index + 1,
            state: after_colon(&text(&port.join("state"))?),
            physical: text(&port.join("phys_state"))
                .map_or_else(String::new, |text| after_colon(&text)),
            manager: text(&port.join("sm_lid"))
                .and_then(|text| number(&text))
                .unwrap_or(0),
            has_guid,
        })
    }

    /// Explains why the port does not work, if so.
    pub(super) fn finding(&self) -> Option<Finding> {
        let Self {
            device,
            card,
            number,
            state,
            physical,
            manager,
            has_guid,
        } = self;
        if !has_guid {
            let text = format!(
                "'{device}' has no port GUID (it is all zeroes): the host has not set one for this VF; \
                 check 'one-sriov pool' and 'one-sriov doctor' there"
            );
            return Some(Finding::problem("port-guid", text).of(device));
        }
        let why = match (state.as_str(), *manager) {
            (ACTIVE, _) => return None,
            ("DOWN", _) => format!(
                "its link is down (physical state '{physical}'): check the cable, and on the host the link state of the VF \
                 ('ip link show': state auto or enable)"
            ),
            (_, 0) => "no subnet manager has found it (sm_lid 0): start one on the fabric, for VFs one with virtualization \
                       ('virt_enabled 2' of OpenSM)"
                .to_owned(),
            (_, lid) => format!(
                "the subnet manager at LID {lid} has not activated it: check that it knows virtualization \
                 ('virt_enabled 2' of OpenSM), and on the host the link state of the VF"
            ),
        };
        let text = format!(
            "InfiniBand port {number} of '{card}' ('{device}') is {state}, not ACTIVE: {why}"
        );
        Some(Finding::problem("port-state", text).of(device))
    }
}

/// Parses `0x1f` or `31`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Returns `INIT` from `2: INIT`.
fn after_colon(text: &str) -> String {
    let name = text.split_once(':').map_or(text, |(_, name)| name);
    name.trim().to_owned()
}
