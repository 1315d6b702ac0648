//! The machine that a context is planned for: a fixed one, or one that the input describes.

use std::str::FromStr;

use hwaddr::{
    DummyMac, DummyPrefix, Guid, InterfaceName, IpoibAddress, Key, MacAddress, PciAddress,
};
use one_sriov_agent::inventory::{AddressOrigin, Inventory, Link, Nic};
use one_sriov_agent::plan::{PlanSettings, Role};

/// The first byte of an input that describes its machine; no text starts with it.
const DESCRIBES: u8 = 0xff;

/// Names that drivers and udev give, short ones and of maximum length.
const NAMES: [&str; 12] = [
    "eth0",
    "eth1",
    "eth2",
    "ens1",
    "enp129s0f0np0",
    "ib0",
    "ib1",
    "ib2",
    "ibp1s0",
    "ibp129s0f7v12",
    "ibs6v1",
    "a.b-c_d",
];

pub(crate) struct Machine<'a> {
    pub(crate) nics: Vec<Nic>,
    pub(crate) settings: PlanSettings,
    pub(crate) context: &'a [u8],
}

impl<'a> Machine<'a> {
    /// Parses an input.
    ///
    /// ```text
    /// ff <settings> <n> <n times 8 bytes: a NIC> <context>    the machine described here
    /// <context>                                               the fixed machine
    /// ```
    pub(crate) fn of(input: &'a [u8]) -> Self {
        described(input).unwrap_or_else(|| Self {
            nics: fixed(),
            settings: PlanSettings::default(),
            context: input,
        })
    }

    pub(crate) fn inventory(&self) -> Inventory {
        Inventory::new(self.nics.clone(), Vec::new(), Vec::new())
    }
}

fn described(input: &[u8]) -> Option<Machine<'_>> {
    let [DESCRIBES, settings, count, rest @ ..] = input else {
        return None;
    };
    let (nics, context) = rest.split_at_checked(usize::from(count % 16) * 8)?;
    let prefix = if settings & 1 == 0 {
        DummyPrefix::default()
    } else {
        DummyPrefix::new(0x06).ok()?
    };
    let role = if settings & 2 == 0 {
        Role::Whole
    } else {
        Role::Companion
    };
    let nics = nics.chunks_exact(8).zip(NAMES.iter().cycle());
    let mut found: Vec<Nic> = Vec::new();
    for (bytes, name) in nics {
        if let Some(nic) = nic(bytes, name, prefix)
            && !found.iter().any(|other| other.name == nic.name)
        {
            found.push(nic);
        }
    }
    Some(Machine {
        nics: found,
        settings: PlanSettings {
            prefix,
            role,
            ..PlanSettings::default()
        },
        context,
    })
}

/// Parses `<kind> <position> <PCI slot> <name> <4 bytes: key>`.
fn nic(bytes: &[u8], name: &str, prefix: DummyPrefix) -> Option<Nic> {
    let &[kind, position, slot, other_name, a, b, c, d] = bytes else {
        return None;
    };
    let dummy = DummyMac::new(prefix, position, Key::from([a, b, c, d]));
    let link = match kind & 3 {
        0 => Link::Ethernet(dummy.mac()),
        1 => Link::Ethernet(MacAddress::try_from([2, 0, a, b, c, d]).ok()?),
        2 => port(dummy.port_guid([0, 0]))?,
        _ => port(Guid::try_from([0x24, 0x8a, 7, 3, a, b, c, d]).ok()?)?,
    };
    let name = match other_name {
        0 => name,
        other => NAMES.get(usize::from(other))?,
    };
    Some(Nic {
        name: name.parse().ok()?,
        link,
        pci: (kind & 4 == 0).then(|| PciAddress::new(0, slot >> 5, slot & 31, 0).ok())?,
        port: u32::from(kind >> 7),
        driver: (kind & 8 == 0).then(|| "mlx5_core".into()),
        origin: if kind & 16 == 0 {
            AddressOrigin::Permanent
        } else {
            AddressOrigin::Random
        },
        ready: kind & 32 == 0,
        master: None,
    })
}

fn port(guid: Guid) -> Option<Link> {
    let mut octets = [0; 20];
    octets[..12].copy_from_slice(&[0x80, 0, 2, 8, 0xfe, 0x80, 0, 0, 0, 0, 0, 0]);
    octets[12..].copy_from_slice(&guid.octets());
    let address = IpoibAddress::try_from(octets).ok()?;
    Some(Link::Infiniband(Some(address)))
}

/// Returns one NIC of each kind in the recorded contexts.
fn fixed() -> Vec<Nic> {
    let ethernet = |name, mac: &str, pci, driver: &str| {
        (name, Link::Ethernet(known(mac)), pci, driver.to_owned())
    };
    let infiniband = |name, guid: &str, pci| {
        (
            name,
            port(known(guid)).expect("a port"),
            pci,
            "mlx5_core".to_owned(),
        )
    };
    [
        ethernet("eth0", "02:00:0a:00:00:0c", "0000:00:03.0", "virtio_net"),
        ethernet("eth1", "aa:00:c0:a8:07:05", "0000:00:04.0", "virtio_net"),
        ethernet("eth2", "aa:01:c0:a8:07:07", "0000:00:05.0", "virtio_net"),
        ethernet("eth3", "aa:03:c0:a8:32:11", "0000:00:06.0", "virtio_net"),
        ethernet("ens1", "02:00:c0:a8:3c:11", "0000:01:01.0", "mlx5_core"),
        ethernet(
            "enp129s0f0np0",
            "02:00:c0:a8:07:06",
            "0000:81:00.0",
            "mlx5_core",
        ),
        infiniband("ib0", "00:00:aa:00:c0:a8:07:05", "0000:00:10.0"),
        infiniband("ib1", "24:8a:07:03:00:aa:bb:01", "0000:00:11.0"),
        infiniband("ibp129s0f7v12", "24:8a:07:03:00:aa:bb:02", "0000:00:12.0"),
        infiniband("ibp1s0", "24:8a:07:03:00:aa:bb:03", "0000:01:00.0"),
    ]
    .into_iter()
    .map(|(name, link, pci, driver)| Nic {
        name: known::<InterfaceName>(name),
        link,
        pci: Some(known(pci)),
        port: 0,
        driver: Some(driver),
        origin: AddressOrigin::Permanent,
        ready: true,
        master: None,
    })
    .collect()
}

fn known<T: FromStr>(text: &str) -> T {
    text.parse().ok().expect("the fixed machine is well-formed")
}
