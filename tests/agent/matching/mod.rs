//! How NICs are matched with devices: dummy NICs, GUIDs, order, names.

mod devices;
mod dummies;
mod late;
mod ports;
mod positions;
mod unreadable;

use one_sriov_tests::{Nic, infiniband, virtio};

use crate::scenario::decide;

/// A context of `ETH<k>` NICs with the addresses 192.168.7.<last> and the MACs that OpenNebula derives from them.
pub(super) fn nics(lasts: &[u8]) -> String {
    let nic = |(index, last): (usize, &u8)| {
        format!(
            "ETH{index}_MAC='02:00:c0:a8:07:{last:02x}'\nETH{index}_IP='192.168.7.{last}'\nETH{index}_MASK='255.255.255.0'\n"
        )
    };
    lasts.iter().enumerate().map(nic).collect::<String>() + "NETWORK='YES'\n"
}

/// The dummy NIC at a position, for the NIC with the address 192.168.7.<last>.
pub(super) fn dummy(position: u8, last: u8) -> Nic {
    virtio(
        &format!("eth{position}"),
        &format!("aa:{position:02x}:c0:a8:07:{last:02x}"),
        3 + position % 16,
    )
}

/// An InfiniBand device with a vendor's GUID.
pub(super) fn plain(name: &str, slot: u8) -> Nic {
    infiniband(
        name,
        &format!("24:8a:07:03:00:00:00:{slot:02x}"),
        &format!("0000:05:{slot:02x}.0"),
    )
}

/// An InfiniBand device whose GUID contains a dummy MAC.
pub(super) fn with_dummy_guid(name: &str, slot: u8, position: u8, last: u8) -> Nic {
    infiniband(
        name,
        &format!("00:2a:aa:{position:02x}:c0:a8:07:{last:02x}"),
        &format!("0000:05:{slot:02x}.0"),
    )
}

/// The pairs of NICs and devices: `ETH1 -> ib0`.
pub(super) fn pairs(context: &str, devices: &[Nic]) -> Vec<String> {
    let pair = |line: String| {
        let (nic, device) = line.split_once(" -> ")?;
        let (nic, device) = (nic.split(' ').next()?, device.split(':').next()?);
        Some(format!("{nic} -> {device}"))
    };
    decide(context, devices)
        .into_iter()
        .filter_map(pair)
        .collect()
}
