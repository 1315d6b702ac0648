//! VFs that OpenNebula's own PCI probe offers as well: it does not know of our leases.
//!
//! `<remotes>/etc/im/kvm-probes.d/pci.conf`:
//!
//! ```text
//! :filter:
//!   - '15b3:*'           # vendor:device:class as for lspci -d, '*' or nothing for any
//! :short_address: []     # only these
//! :device_name: []       # only these, by regular expression
//! ```

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use hwaddr::PciAddress;

use super::Finding;
use super::finding::some;
use crate::host::Host;
use crate::pool::Pool;
use crate::pool_name::PoolName;

mod conf;

use conf::{Conf, Ids};

const CHECK: &str = "pci-probe";
const CONF: &str = "../../etc/im/kvm-probes.d/pci.conf";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let path = host.home.join(CONF);
    let conf = match std::fs::read_to_string(&path) {
        Ok(text) => match Conf::parse(&text) {
            Ok(conf) => conf,
            Err(error) => {
                let message = format!(
                    "OpenNebula's PCI probe fails: '{}' is not valid YAML: {error}",
                    path.display()
                );
                let remedy = "correct the front-end's remotes/etc/im/kvm-probes.d/pci.conf";
                return vec![Finding::problem(CHECK, message).remedy(remedy)];
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Conf::default(),
        Err(error) => {
            let message = format!("failed to read '{}': {error}", path.display());
            return vec![Finding::problem(CHECK, message)];
        }
    };
    let mut offered: BTreeMap<(PoolName, String), Vec<PciAddress>> = BTreeMap::new();
    for (pool, vf) in vfs(host) {
        let Some(ids) = ids(host, vf) else {
            continue;
        };
        if let Some(filter) = conf.offers(vf, ids) {
            offered.entry((pool, filter)).or_default().push(vf);
        }
    }
    if offered.is_empty() {
        let message = "the PCI probe of OpenNebula offers none of the VFs";
        return vec![Finding::ok(CHECK, message)];
    }
    let findings = offered.into_iter().map(|((pool, filter), vfs)| {
        let vfs = some(&vfs);
        let mut message = format!(
            "the PCI probe of OpenNebula offers VFs of pool '{pool}', too: {vfs} by '{filter}'"
        );
        if conf.has_names {
            message.push_str(", unless ':device_name:' leaves them out");
        }
        let finding = if conf.has_names {
            Finding::note(CHECK, message)
        } else {
            Finding::warning(CHECK, message)
        };
        finding.remedy("leave them out in the front-end's remotes/etc/im/kvm-probes.d/pci.conf")
    });
    findings.collect()
}

/// The VFs of all pools. What is wrong with a pool is another check's concern.
fn vfs(host: &Host) -> Vec<(PoolName, PciAddress)> {
    let Ok(maps) = host.maps() else {
        return Vec::new();
    };
    let names = Pool::names(&host.root, &maps).unwrap_or_default();
    let mut vfs = Vec::new();
    for name in names {
        let Ok(pool) = Pool::open(&host.root, &maps, &name) else {
            continue;
        };
        for index in pool.indexes() {
            let address = pool.address(&host.root, index).ok().flatten();
            vfs.extend(address.map(|address| (name.clone(), address)));
        }
    }
    vfs
}

/// What sysfs says of a device: `0x15b3`, `0x101e`, `0x020000`.
fn ids(host: &Host, device: PciAddress) -> Option<Ids> {
    let dir = Path::new("/sys/bus/pci/devices").join(device.to_string());
    let number = |name: &str| {
        let text = host.root.read_to_string(&dir.join(name)).ok()?;
        u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
    };
    Some(Ids {
        vendor: number("vendor")?,
        device: number("device")?,
        class: number("class").map(|class| class >> 8),
    })
}
