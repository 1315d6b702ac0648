//! Compares the devices of a guest with its VM, NIC by NIC.

use serde_json::Value;

use crate::cloud::vm::{Nic, Vm};
use crate::guest::{Device, Devices};
use crate::local::{Local, address_of_vf};
use crate::report::{Failure, ensure};

/// Checks that each address is on the device of its NIC, or on the child that the NIC specifies.
pub(super) fn have_addresses(guest: &mut Local, vm: &Vm) -> Result<(), Failure> {
    let devices = guest.devices()?;
    for nic in vm.nics.iter().filter(|nic| !nic.is_infiniband()) {
        let device = devices.with_hardware(&nic.mac())?;
        let has = if nic.is_passed() {
            vlan_of(&devices, nic, device)?
        } else {
            device
        };
        has_addresses(has, nic)?;
    }
    for (position, nic) in vm.infiniband() {
        let port = port(&devices, position, nic)?;
        has_addresses(partition_of(&devices, nic, port)?, nic)?;
    }
    Ok(())
}

/// Checks transport mode and MTU of each device with addresses, and of the port below it.
pub(super) fn have_modes_and_mtus(guest: &mut Local, vm: &Vm) -> Result<(), Failure> {
    let devices = guest.devices()?;
    for nic in vm.nics.iter().filter(|nic| nic.is_passed()) {
        let device = devices.with_hardware(&nic.mac())?;
        has_mtu(device, nic)?;
        has_mtu(vlan_of(&devices, nic, device)?, nic)?;
    }
    for (position, nic) in vm.infiniband() {
        let port = port(&devices, position, nic)?;
        let mode = nic.mode.unwrap_or("datagram");
        let file = format!("cat /sys/class/net/{}/mode", port.name);
        let said = guest.shell.get(&file, 30)?;
        ensure(said == mode, || format!("'{said}': {port:?}"))?;
        for device in [port, partition_of(&devices, nic, port)?] {
            ensure(device.of_kind["mode"] == mode, || {
                format!("not {mode}: {device:?}")
            })?;
            has_mtu(device, nic)?;
        }
    }
    Ok(())
}

/// Checks that the dummy NICs are unmanaged.
pub(super) fn of_dummies_are_left_alone(guest: &mut Local, vm: &Vm) -> Result<(), Failure> {
    let devices = guest.devices()?;
    vm.infiniband().try_for_each(|(position, nic)| {
        devices
            .with_hardware(&format!("aa:{position:02x}:{}", nic.key()))?
            .is_left_alone()
    })
}

/// Returns the port of a NIC's VF, found by the PCI address that the lab gave it, not by what the agent did.
fn port<'d>(devices: &'d Devices, position: u8, nic: &Nic) -> Result<&'d Device, Failure> {
    let port = devices.at_bus(&address_of_vf(position, nic))?;
    let is_it = !nic.has_guid || port.hardware.ends_with(&nic.guid(position));
    ensure(is_it, || format!("another GUID: {port:?}"))?;
    Ok(port)
}

/// Returns the device with the addresses of an InfiniBand NIC: its port, or a partition of that port.
fn partition_of<'d>(
    devices: &'d Devices,
    nic: &Nic,
    port: &'d Device,
) -> Result<&'d Device, Failure> {
    let Some(pkey) = nic.network.vlan else {
        return Ok(port);
    };
    let key = Value::from(format!("0x{pkey:04x}"));
    let child = child_of(devices, nic, port, "ipoib", ("key", &key))?;
    ensure(child.hardware.ends_with(gid(port)), || {
        format!("{child:?} is none of {port:?}")
    })?;
    Ok(child)
}

/// Returns the GID in the hardware address of a port. Partitions share it; they differ in the queue pair, which precedes it.
fn gid(port: &Device) -> &str {
    port.hardware
        .get("80:00:01:08:".len()..)
        .unwrap_or(&port.hardware)
}

/// Returns the VLAN device with the addresses of a NIC that is passed through.
fn vlan_of<'d>(devices: &'d Devices, nic: &Nic, device: &Device) -> Result<&'d Device, Failure> {
    let id = Value::from(nic.network.vlan);
    let child = child_of(devices, nic, device, "vlan", ("id", &id))?;
    ensure(child.of_kind["protocol"] == "802.1Q", || {
        format!("{child:?}")
    })?;
    Ok(child)
}

/// Returns the child with the NIC's address. The device itself must not have an address from the context.
fn child_of<'d>(
    devices: &'d Devices,
    nic: &Nic,
    device: &Device,
    kind: &str,
    (name, value): (&str, &Value),
) -> Result<&'d Device, Failure> {
    let child = devices.with_address(&ip(nic))?;
    let is_it = child.kind == kind && child.of_kind[name] == *value && child.parent == device.name;
    ensure(is_it, || {
        format!(
            "no {kind} with {name} {value} on '{}': {child:?}",
            device.name
        )
    })?;
    let is_bare = device
        .addresses
        .iter()
        .all(|address| address.starts_with("fe80:"));
    ensure(is_bare && device.is_up, || format!("{device:?}"))?;
    Ok(child)
}

fn has_addresses(device: &Device, nic: &Nic) -> Result<(), Failure> {
    device.has(&ip(nic))?;
    let has = |address| device.has(&format!("{address}/64"));
    nic.ip6.as_ref().map_or(Ok(()), has)?;
    ensure(device.is_up, || format!("it is down: {device:?}"))
}

fn has_mtu(device: &Device, nic: &Nic) -> Result<(), Failure> {
    let is_it = nic
        .network
        .mtu
        .is_none_or(|mtu| device.mtu == u64::from(mtu));
    ensure(is_it, || format!("not {:?}: {device:?}", nic.network.mtu))
}

fn ip(nic: &Nic) -> String {
    format!("{}/24", nic.ip())
}
