//! Devices that are ports of others: which device carries their addresses, and by which MAC a port is known.

use hwaddr::{InterfaceName, MacAddress};
use one_sriov_system::Netlink;

use super::AddressOrigin;
use super::device::{Attribute, Class, SysfsDevice};

/// `include/uapi/linux/if.h`.
const IFF_MASTER: u32 = 0x400;

/// The device that carries the addresses of one that is a port of it: a bond, a team or a bridge
/// (`Documentation/networking/bonding.rst`, `bridge.rst`), the master of a failover pair (`net_failover.rst`) and of a VF
/// of Hyper-V (`netvsc.rst`). Devices in a VRF keep theirs (`vrf.rst`).
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

/// VRFs and bonds alone have `IFF_MASTER`, which nobody can change (`vrf_dev_init` of drivers/net/vrf.c, `bond_setup` of
/// `bond_main.c`); a bond has a `DEVTYPE`, too, and a VRF none.
fn is_vrf(master: &SysfsDevice<'_>) -> Result<bool, Attribute> {
    let flags = master.number("flags")?.unwrap_or_default();
    Ok(flags & IFF_MASTER != 0 && master.kind()?.is_none())
}

/// The MAC that an Ethernet port had before it got that of its master: a bond shows it in sysfs
/// (`drivers/net/bonding/bond_sysfs_slave.c`), of the ports of a team the kernel knows it.
///
/// InfiniBand ports keep their address: a bond of those takes the one of its active port (`fail_over_mac`).
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
    // A port gets no address, whatever its MAC is: a kernel that does not answer costs the right message, no more.
    let octets = netlink.and_then(|netlink| netlink.permanent_address(name).ok().flatten());
    let octets = octets.and_then(|octets| octets.first_chunk::<6>().copied());
    Ok(octets.and_then(|octets| octets.try_into().ok()))
}
