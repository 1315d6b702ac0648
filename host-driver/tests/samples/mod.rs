//! Domains of all generations, and the replacements of their SR-IOV NICs.

use std::fs;
use std::path::Path;

use hwaddr::{DummyMac, DummyPrefix, Key, PciAddress};
use one_sriov_driver::domain::{DeviceReplacement, Domain, DummyInterface, HostDevice};

/// The recorded and derived domains: name and text.
pub(crate) fn samples() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/domains");
    let mut samples: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    samples.sort();
    assert!(samples.len() > 20, "fixtures are missing");
    samples
}

/// The VF of the n-th SR-IOV NIC.
pub(crate) fn vf(nth: usize) -> PciAddress {
    let slot = u8::try_from(nth / 8).unwrap();
    PciAddress::new(1, 0x81, slot, u8::try_from(nth % 8).unwrap()).unwrap()
}

/// Replaces every SR-IOV NIC, alternating between a plain device with a dummy NIC and an interface.
pub(crate) fn replacements(domain: &Domain<'_>) -> Vec<DeviceReplacement> {
    let nics = domain.interfaces().iter().enumerate();
    let ours = nics.filter(|(_, nic)| nic.bridge().is_some_and(|name| name.starts_with("sriov_")));
    ours.enumerate()
        .map(|(nth, (interface, nic))| {
            let (address, mac) = (vf(nth), nic.mac().unwrap());
            let position = u8::try_from(nth).unwrap();
            let is_plain = nth % 2 == 0;
            DeviceReplacement {
                interface,
                device: if is_plain {
                    HostDevice::Plain { address }
                } else {
                    let vlan = (nth % 3 == 0).then_some(100);
                    HostDevice::Network { address, mac, vlan }
                },
                dummy: is_plain.then(|| DummyInterface {
                    bridge: "sriov_br".into(),
                    mac: DummyMac::new(DummyPrefix::default(), position, Key::from(mac)),
                }),
            }
        })
        .collect()
}

/// A domain with replaced SR-IOV NICs.
pub(crate) fn edited(text: &str) -> (String, usize) {
    let domain = Domain::read(text.as_bytes()).unwrap();
    let replacements = replacements(&domain);
    let edited = String::from_utf8(domain.edit(&replacements)).unwrap();
    (edited, replacements.len())
}
