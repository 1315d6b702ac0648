//! What NetworkManager is told whatever reader it has: which devices are none of its business.
//!
//! ```text
//! # /etc/NetworkManager/conf.d/90-one-sriov-eth1.conf
//! [keyfile]
//! unmanaged-devices+=mac:aa:00:c0:a8:07:05;interface-name:=eth1
//! ```
//! By the MAC it is known under any name; but NetworkManager asks for the permanent one, and not every
//! driver has that (`nm-device.c`, `nm_device_get_permanent_hw_address`).

use std::path::PathBuf;

use super::RenderedFile;
use super::lines::Lines;
use crate::plan::DummyNic;

/// A dummy NIC, unmanaged.
pub(super) fn unmanaged(dummy: &DummyNic) -> RenderedFile {
    let mut lines = Lines::for_dummy(dummy);
    // `+=` adds to the lists of other files instead of replacing them.
    lines.raw("[keyfile]");
    lines.raw(format_args!(
        "unmanaged-devices+=mac:{};interface-name:={}",
        dummy.mac, dummy.name
    ));
    let path = PathBuf::from(format!(
        "/etc/NetworkManager/conf.d/90-one-sriov-{}.conf",
        dummy.name
    ));
    lines.into_file(path, dummy.id(), &dummy.name)
}

/// The version in the name of a directory of plugins: `1.18.8-2.el7_9` is 1.18.
pub(crate) fn version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
