//! Machines of any size, for measurements.

use crate::nic::{Nic, infiniband, virtio_at};

/// The numbers of NICs to measure with.
#[must_use]
pub fn sizes() -> [u16; 3] {
    [1, 16, 256]
}

/// The context and the devices of a machine with this many NICs, at most 256. Even numbers are InfiniBand ports, each with a
/// dummy NIC; odd numbers are on a bridge.
///
/// Every NIC has the variables that OpenNebula 5.4 writes, most of them empty, in its order.
#[must_use]
pub fn fleet(nics: u16) -> (String, Vec<Nic>) {
    let mut variables: Vec<String> = ["DISK_ID='1'", "NETWORK='YES'", "TARGET='hda'"]
        .map(str::to_owned)
        .into();
    let mut devices = Vec::new();
    for number in 0..nics {
        let (net, host) = (number / 128, number % 128 + 1);
        variables.extend(describe(number, net, host));
        let key = format!("0a:01:{net:02x}:{host:02x}");
        let name = format!("eth{number}");
        if number % 2 == 1 {
            devices.push(virtio_at(&name, &format!("02:00:{key}"), &slot(1, number)));
            continue;
        }
        let position = number / 2;
        let dummy = format!("aa:{position:02x}:{key}");
        devices.push(virtio_at(&name, &dummy, &slot(1, number)));
        let guid = format!("00:00:{dummy}");
        devices.push(infiniband(
            &format!("ib{position}"),
            &guid,
            &slot(0x81, position),
        ));
    }
    variables.sort_by(|a, b| a.split('=').next().cmp(&b.split('=').next()));
    (variables.join("\n") + "\n", devices)
}

fn slot(bus: u16, number: u16) -> String {
    format!("0000:{:02x}:{:02x}.0", bus + number / 32, number % 32)
}

fn describe(number: u16, net: u16, host: u16) -> impl Iterator<Item = String> {
    let gateway = if number == 0 { "10.1.0.254" } else { "" };
    let set = [
        ("DNS", "10.0.0.2 10.0.0.3".to_owned()),
        ("GATEWAY", gateway.to_owned()),
        ("IP", format!("10.1.{net}.{host}")),
        ("MAC", format!("02:00:0a:01:{net:02x}:{host:02x}")),
        ("MASK", "255.255.255.0".to_owned()),
        ("NETWORK", format!("10.1.{net}.0")),
    ];
    let empty = [
        "CONTEXT_FORCE_IPV4",
        "GATEWAY6",
        "IP6",
        "IP6_PREFIX_LENGTH",
        "IP6_ULA",
        "MTU",
        "SEARCH_DOMAIN",
        "VLAN_ID",
        "VROUTER_IP",
        "VROUTER_IP6",
        "VROUTER_MANAGEMENT",
    ];
    let empty = empty.map(|name| (name, String::new()));
    let all = set.into_iter().chain(empty);
    all.map(move |(name, value)| format!("ETH{number}_{name}='{value}'"))
}
