//! Reads PFs and VFs from sysfs.
//!
//! ```text
//! /sys/class/net/ib0/device/virtfn3 -> ../0000:81:00.4
//! /sys/bus/pci/devices/0000:81:00.4/physfn -> ../0000:81:00.0
//! /sys/bus/pci/devices/0000:81:00.4/driver -> ../../../bus/pci/drivers/mlx5_core
//! /sys/bus/pci/devices/0000:81:00.4/net/ib4/ifindex
//! ```
//!
//! VFs are identified by PCI address everywhere: udev may rename netdevs.
//! An mlx5 card has a PF for each port; the two ports of an mlx4 card are two netdevs of one PF,
//! distinguished by `dev_port` (older kernels: `dev_id`), and share its VFs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hwaddr::{InterfaceName, IpoibAddress, PciAddress};
use one_sriov_system::{Root, unless_absent};

/// `ARPHRD_ETHER`, `ARPHRD_INFINIBAND` of the kernel's `include/uapi/linux/if_arp.h`.
const ETHERNET: &str = "1";
const INFINIBAND: &str = "32";

const EOPNOTSUPP: i32 = 95;

/// The link layer of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkLayer {
    /// Ethernet.
    Ethernet,
    /// InfiniBand, with IPoIB.
    Infiniband,
}

/// The sysfs of one host.
#[derive(Debug, Clone, Copy)]
pub struct HostSysfs<'r> {
    root: &'r Root,
}

impl<'r> HostSysfs<'r> {
    /// Uses the sysfs below this root.
    #[must_use]
    pub fn new(root: &'r Root) -> Self {
        Self { root }
    }

    /// The names of all network devices.
    pub fn netdevs(self) -> io::Result<Vec<InterfaceName>> {
        self.names(Path::new("/sys/class/net"))
    }

    /// Whether there is a network device of that name, a bridge for example.
    pub fn has_netdev(self, name: &str) -> io::Result<bool> {
        let path = Path::new("/sys/class/net").join(name);
        named(&path, self.root.try_exists(&path))
    }

    /// The PCI device of a network device.
    pub fn device_of(self, netdev: &InterfaceName) -> io::Result<Option<PciAddress>> {
        // The device of a virtio NIC is 'virtio0', not a PCI address.
        let name = self.name_behind(&netdev_dir(netdev).join("device"))?;
        Ok(name.and_then(|name| name.parse().ok()))
    }

    /// The numbers of the VFs that a PF has, ascending.
    pub fn vf_numbers(self, pf: PciAddress) -> io::Result<Vec<u32>> {
        let names = self.list(&device_dir(pf))?;
        let number = |name: &OsString| name.to_str()?.strip_prefix("virtfn")?.parse().ok();
        let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Returns the VFs of a PF by number.
    pub fn vfs(self, pf: PciAddress) -> io::Result<BTreeMap<u32, PciAddress>> {
        let dir = device_dir(pf);
        let links = unless_absent(self.root.links(&dir, "virtfn"), Vec::new());
        let mut vfs = BTreeMap::new();
        for (number, target) in named(&dir, links)? {
            let Ok(number) = number.parse() else {
                continue;
            };
            let name = target.file_name().unwrap_or_default().to_string_lossy();
            let link = || dir.join(format!("virtfn{number}"));
            let address = name.parse().map_err(|_| unexpected(&link(), &name))?;
            vfs.insert(number, address);
        }
        Ok(vfs)
    }

    /// The address of VF `number` of a PF.
    pub fn vf(self, pf: PciAddress, number: u32) -> io::Result<Option<PciAddress>> {
        self.address_behind(&device_dir(pf).join(format!("virtfn{number}")))
    }

    /// How many VFs a PF supports, `sriov_totalvfs`; `None` if it is not a PF.
    pub fn total_vfs(self, pf: PciAddress) -> io::Result<Option<u32>> {
        self.value(&device_dir(pf).join("sriov_totalvfs"))
    }

    /// Whether there is a PCI device with that address.
    pub fn has_device(self, address: PciAddress) -> io::Result<bool> {
        let path = device_dir(address);
        named(&path, self.root.try_exists(&path))
    }

    /// The PF of a VF; `None` if it is not a VF.
    pub fn pf_of(self, vf: PciAddress) -> io::Result<Option<PciAddress>> {
        self.address_behind(&device_dir(vf).join("physfn"))
    }

    /// The NUMA node of a PCI device; `None` if the kernel does not know it (`-1`).
    pub fn numa_node(self, address: PciAddress) -> io::Result<Option<u32>> {
        let node: Option<i64> = self.value(&device_dir(address).join("numa_node"))?;
        Ok(node.and_then(|node| node.try_into().ok()))
    }

    /// The driver that a PCI device is bound to.
    pub fn driver(self, address: PciAddress) -> io::Result<Option<String>> {
        self.name_behind(&device_dir(address).join("driver"))
    }

    /// The network devices of a PCI device, sorted by port.
    pub fn netdevs_of(self, address: PciAddress) -> io::Result<Vec<InterfaceName>> {
        let mut netdevs = self.names(&device_dir(address).join("net"))?;
        if netdevs.len() > 1 {
            let mut ported = Vec::new();
            for netdev in netdevs {
                ported.push((self.port(&netdev)?, netdev));
            }
            ported.sort();
            netdevs = ported.into_iter().map(|(_, netdev)| netdev).collect();
        }
        Ok(netdevs)
    }

    /// Whether the network device of a PCI device is in another network namespace: then the directory `net` is empty
    /// (`net_namespace` of net/core/net-sysfs.c). Without a netdev there is no directory.
    pub fn has_hidden_netdev(self, address: PciAddress) -> io::Result<bool> {
        let dir = device_dir(address).join("net");
        let listed = unless_absent(self.root.list(&dir).map(Some), None);
        let names = named(&dir, listed)?;
        Ok(names.is_some_and(|names| names.is_empty()))
    }

    /// Whether a network device is a representor, which connects a switch (`switchdev`) to a VF, a subfunction or another host's
    /// PF. It is a device of the PF, but not a port of the card.
    ///
    /// Its `phys_port_name` is `pf0vf3`, `pf0sf88`, `pf0hpf` or `c1pf0vf3` (`__devlink_port_phys_port_name_get` of
    /// net/devlink/port.c), with ice `pf0vfr3`. That of a port is `p0` or does not exist.
    pub fn is_representor(self, netdev: &InterfaceName) -> io::Result<bool> {
        let name = self.text(&netdev_dir(netdev).join("phys_port_name"))?;
        Ok(name.is_some_and(|name| is_representor_name(&name)))
    }

    /// The interface index of a network device.
    pub fn ifindex(self, netdev: &InterfaceName) -> io::Result<Option<u32>> {
        self.value(&netdev_dir(netdev).join("ifindex"))
    }

    /// The MTU of a network device.
    pub fn mtu(self, netdev: &InterfaceName) -> io::Result<Option<u32>> {
        self.value(&netdev_dir(netdev).join("mtu"))
    }

    /// The bridge or bond that a network device belongs to.
    pub fn master(self, netdev: &InterfaceName) -> io::Result<Option<String>> {
        self.name_behind(&netdev_dir(netdev).join("master"))
    }

    /// Returns the first network device, by name, on top of this one, such as a VLAN or a macvtap (`upper_stor.100`,
    /// `netdev_adjacent_sysfs_add` of net/core/dev.c).
    pub fn upper(self, netdev: &InterfaceName) -> io::Result<Option<String>> {
        let names = self.list(&netdev_dir(netdev))?;
        let upper = |name: &OsString| {
            let name = name.to_str()?.strip_prefix("upper_")?;
            Some(name.to_owned())
        };
        Ok(names.iter().filter_map(upper).min())
    }

    /// The link layer of a network device; `None` if it is neither Ethernet nor InfiniBand.
    pub fn link_layer(self, netdev: &InterfaceName) -> io::Result<Option<LinkLayer>> {
        let text = self.text(&netdev_dir(netdev).join("type"))?;
        Ok(match text.as_deref() {
            Some(ETHERNET) => Some(LinkLayer::Ethernet),
            Some(INFINIBAND) => Some(LinkLayer::Infiniband),
            _ => None,
        })
    }

    /// The hardware address of an InfiniBand network device.
    pub fn ipoib_address(self, netdev: &InterfaceName) -> io::Result<Option<IpoibAddress>> {
        let text = self.text(&netdev_dir(netdev).join("address"))?;
        // The address is not valid until it has a GUID.
        Ok(text.and_then(|text| text.parse().ok()))
    }

    fn port(self, netdev: &InterfaceName) -> io::Result<(u32, u32)> {
        let number = |name: &str| {
            let path = netdev_dir(netdev).join(name);
            let text = self.text(&path)?.unwrap_or_else(|| "0".to_owned());
            let (digits, radix) = text
                .strip_prefix("0x")
                .map_or((&*text, 10), |hex| (hex, 16));
            u32::from_str_radix(digits, radix).map_err(|_| unexpected(&path, &text))
        };
        Ok((number("dev_port")?, number("dev_id")?))
    }

    fn names(self, dir: &Path) -> io::Result<Vec<InterfaceName>> {
        let names = self.list(dir)?;
        // The driver never looks for a device with an invalid name.
        Ok(names
            .iter()
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect())
    }

    fn list(self, dir: &Path) -> io::Result<Vec<OsString>> {
        named(dir, unless_absent(self.root.list(dir), Vec::new()))
    }

    fn text(self, path: &Path) -> io::Result<Option<String>> {
        let text = match self.root.read_to_string(path) {
            // The netdev is being removed (`netdev_show` of net/core/net-sysfs.c).
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(None),
            // Its driver does not have this attribute.
            Err(error) if error.raw_os_error() == Some(EOPNOTSUPP) => return Ok(None),
            read => named(path, unless_absent(read.map(Some), None))?,
        };
        Ok(text.map(|text| text.trim_end().to_owned()))
    }

    fn value<T: FromStr>(self, path: &Path) -> io::Result<Option<T>> {
        let Some(text) = self.text(path)? else {
            return Ok(None);
        };
        let value = text.parse().map_err(|_| unexpected(path, &text))?;
        Ok(Some(value))
    }

    /// Returns the last part of the target of a link.
    fn name_behind(self, link: &Path) -> io::Result<Option<String>> {
        let target = named(
            link,
            unless_absent(self.root.read_link(link).map(Some), None),
        )?;
        let name = target.as_deref().and_then(Path::file_name);
        Ok(name.map(|name| name.to_string_lossy().into_owned()))
    }

    fn address_behind(self, link: &Path) -> io::Result<Option<PciAddress>> {
        let Some(name) = self.name_behind(link)? else {
            return Ok(None);
        };
        let address = name.parse().map_err(|_| unexpected(link, &name))?;
        Ok(Some(address))
    }
}

/// Whether a name is an optional `c<controller>`, `pf<number>`, and more.
fn is_representor_name(name: &str) -> bool {
    let behind_number = |text: &str| {
        text.trim_start_matches(|c: char| c.is_ascii_digit())
            .to_owned()
    };
    let own = match name.strip_prefix('c') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => behind_number(rest),
        _ => name.to_owned(),
    };
    own.strip_prefix("pf")
        .is_some_and(|rest| !behind_number(rest).is_empty())
}

fn netdev_dir(netdev: &InterfaceName) -> PathBuf {
    Path::new("/sys/class/net").join(netdev.as_str())
}

fn device_dir(address: PciAddress) -> PathBuf {
    Path::new("/sys/bus/pci/devices").join(address.to_string())
}

/// Adds the file to an error.
fn named<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("'{}': {error}", path.display())))
}

fn unexpected(path: &Path, text: &str) -> io::Error {
    let what = format!(
        "'{}': unexpected value '{}'",
        path.display(),
        text.escape_debug()
    );
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn representors_are_distinguished_from_ports() {
        let representors = ["pf0vf3", "pf1sf88", "pf0hpf", "c1pf0vf3", "pf0vfr12"];
        for name in representors {
            assert!(is_representor_name(name), "{name}");
        }
        for name in ["p0", "p1s2", "pf0", "c1pf0", "", "n0", "0"] {
            assert!(!is_representor_name(name), "{name}");
        }
    }
}
