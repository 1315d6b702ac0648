//! Ports of other devices: which device carries their addresses, and their original MACs.

use hwaddr::{InterfaceName, MacAddress};
use one_sriov_system::Netlink;

use super::AddressOrigin;
use super::device::{Attribute, Class, SysfsDevice};

/// `include/uapi/linux/if.h`.
const IFF_MASTER: u32 = 0x400;

/// Returns the device that carries the addresses of a port: a bond, team or bridge (`Documentation/networking/bonding.rst`,
/// `bridge.rst`), or the master of a failover pair (`net_failover.rst`) or of a Hyper-V VF (`netvsc.rst`). Devices in a VRF carry
/// their own (`vrf.rst`).
pub(super) fn carrier(
    class: &Class,
    device: &SysfsDevice<'_>,
) -> Result<Option<String>, Attribute> {
    let Some(name) = device.master()? else {
        return Ok(None);
    };
    let Ok(master) = SysfsDevice::open(class, name.as_ref()) else {
        return Ok(Some(name));
    };
    Ok((!is_vrf(&master)?).then_some(name))
}

/// Whether the master is a VRF. Only VRFs and bonds have `IFF_MASTER`, which no program can change (`vrf_dev_init` of
/// `drivers/net/vrf.c`, `bond_setup` of `bond_main.c`); a bond also has a `DEVTYPE`, which a VRF lacks.
fn is_vrf(master: &SysfsDevice<'_>) -> Result<bool, Attribute> {
    let flags = master.number("flags")?.unwrap_or_default();
    Ok(flags & IFF_MASTER != 0 && master.kind()?.is_none())
}

/// Returns the MAC that an Ethernet port had before its master changed it: from sysfs for a bond
/// (`drivers/net/bonding/bond_sysfs_slave.c`), over netlink for a team.
///
/// InfiniBand ports keep their address; the bond takes the address of its active port (`fail_over_mac`).
pub(super) fn original_mac(
    device: &SysfsDevice<'_>,
    name: &InterfaceName,
    netlink: Option<&Netlink>,
) -> Result<Option<MacAddress>, Attribute> {
    if let Some(text) = device.text("bonding_slave/perm_hwaddr")? {
        return Ok(text.parse().ok());
    }
    if device.address_origin()? != AddressOrigin::Set {
        return Ok(None);
    }
    // A port never gets addresses of its own, so an error only makes a message less precise.
    let octets = netlink.and_then(|netlink| netlink.permanent_address(name).ok().flatten());
    let octets = octets.and_then(|octets| octets.first_chunk::<6>().copied());
    Ok(octets.and_then(|octets| octets.try_into().ok()))
}
