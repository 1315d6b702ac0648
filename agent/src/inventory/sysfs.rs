//! Reads the inventory from sysfs.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hwaddr::{AddressError, InterfaceName, IpoibAddress, MacAddress, PciAddress};
use one_sriov_system::{Netlink, Root};

use super::device::{Attribute, Class, NoNic, SysfsDevice, parse};
use super::port::{carrier, original_mac};
use super::{AddressOrigin, DocumentError, IgnoredDevice, Inventory, Link, Nic, Unreadable};

/// ARPHRD types, `include/uapi/linux/if_arp.h`.
const ARPHRD_ETHER: u32 = 1;
const ARPHRD_INFINIBAND: u32 = 32;

/// Why the network devices cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The directory of network devices cannot be listed.
    #[error("failed to list the network devices in '{path}': {source}")]
    List {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is unknown whether udev runs.
    #[error("failed to check for udev in '{path}': {source}")]
    Udev {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The document that replaces sysfs cannot be used.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

/// What a pass over sysfs has found so far, unordered.
#[derive(Default)]
struct SortedDevices {
    nics: Vec<Nic>,
    left_out: Vec<IgnoredDevice>,
    unreadable: Vec<Unreadable>,
}

/// A sysfs tree, and udev's database of its devices.
#[derive(Debug, Clone)]
pub struct Sysfs {
    sys: PathBuf,
    udev: Option<PathBuf>,
    /// The kernel of this tree; `None` if the tree belongs to another machine.
    netlink: Option<Netlink>,
}

impl Sysfs {
    /// Uses the tree at `sys` (`/sys` on a live machine), with the udev of the machine below `root`.
    ///
    /// # Errors
    /// [`InventoryError`] if it is unknown whether udev runs.
    pub fn new(sys: impl Into<PathBuf>, root: &Root) -> Result<Self, InventoryError> {
        let sys = sys.into();
        let run_udev = Path::new("/run/udev");
        let runs = root.try_exists(&run_udev.join("control"));
        let data = |runs: bool| runs.then(|| root.path(&run_udev.join("data"))).transpose();
        let udev = runs.and_then(data).map_err(|source| InventoryError::Udev {
            path: run_udev.to_owned(),
            source,
        })?;
        let is_of_root = root.path("/sys".as_ref()).is_ok_and(|own| own == sys);
        Ok(Self {
            sys,
            udev,
            netlink: is_of_root.then(|| Netlink::new(root)),
        })
    }

    /// Reads all network devices. A device that vanishes while it is read counts as no NIC.
    ///
    /// # Errors
    /// [`InventoryError`] if `class/net` cannot be listed.
    pub fn inventory(&self) -> Result<Inventory, InventoryError> {
        let class = self.sys.join("class/net");
        let (class, names) = Class::open(class.clone()).map_err(|source| InventoryError::List {
            path: class,
            source,
        })?;
        let mut found = SortedDevices::default();
        for name in &names {
            self.sort(&class, name, Ports::Unread, &mut found);
        }
        for name in take_out_shared(&mut found.nics) {
            let name = name.as_str().as_ref();
            self.sort(&class, name, Ports::Read, &mut found);
        }
        found.left_out.sort_by(|a, b| a.name.cmp(&b.name));
        found.unreadable.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Inventory::new(found.nics, found.left_out, found.unreadable))
    }

    fn sort(&self, class: &Class, name: &OsStr, ports: Ports, found: &mut SortedDevices) {
        let shown = || name.to_string_lossy().escape_debug().to_string();
        match self.nic(class, name, ports) {
            Ok(nic) => found.nics.push(nic),
            Err(NoNic::LeftOut(reason)) => found.left_out.push(IgnoredDevice {
                name: shown(),
                reason,
            }),
            Err(NoNic::Unreadable(attribute)) => found.unreadable.push(Unreadable {
                name: shown(),
                reason: attribute.to_string(),
            }),
        }
    }

    /// Returns the NIC of a device directory, or why it is not a NIC.
    fn nic(&self, class: &Class, file_name: &OsStr, ports: Ports) -> Result<Nic, NoNic> {
        let name = file_name.to_str().unwrap_or_default();
        let Ok(name) = InterfaceName::from_str(name) else {
            return Err("its name cannot be used in a configuration file".into());
        };
        let device = SysfsDevice::open(class, file_name)?;
        let arphrd = device.number("type")?.ok_or("not a network device")?;
        let driver = device.driver()?;
        let hardware = device.hardware(driver.is_some())?;
        let link = match arphrd {
            ARPHRD_ETHER => ethernet(&device, hardware.is_some())?,
            ARPHRD_INFINIBAND => infiniband(&device, hardware.is_some())?,
            other => {
                return Err(
                    format!("neither Ethernet nor InfiniBand (ARPHRD type {other})").into(),
                );
            }
        };
        let master = carrier(class, &device)?;
        let link = match link {
            Link::Ethernet(mac) if master.is_some() => {
                let original = original_mac(&device, &name, self.netlink.as_ref())?;
                Link::Ethernet(original.unwrap_or(mac))
            }
            link => link,
        };
        let is_ethernet = matches!(link, Link::Ethernet(_));
        Ok(Nic {
            name,
            link,
            pci: hardware.as_deref().and_then(pci_function),
            port: match ports {
                Ports::Unread => 0,
                Ports::Read => device.port(is_ethernet)?,
            },
            driver,
            origin: if is_ethernet {
                device.address_origin()?
            } else {
                AddressOrigin::Permanent
            },
            ready: self.is_ready(&device)?,
            master,
        })
    }

    /// Whether udev has finished a device: its record exists and has a time (`I:`).
    fn is_ready(&self, device: &SysfsDevice<'_>) -> Result<bool, Attribute> {
        let Some(udev) = &self.udev else {
            return Ok(true);
        };
        let Some(ifindex) = device.number("ifindex")? else {
            return Ok(false);
        };
        let record = udev.join(format!("n{ifindex}"));
        match std::fs::read_to_string(&record) {
            Ok(record) => Ok(record.lines().any(|line| line.starts_with("I:"))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Attribute::new(&record.display().to_string(), &error)),
        }
    }
}

/// Whether the port of a device on its PCI function is read, too.
#[derive(Clone, Copy)]
enum Ports {
    Read,
    Unread,
}

/// Removes the NICs that share a PCI function with others. They are read again from scratch, because a device may have been
/// renamed in the meantime. If each NIC has a function of its own, ports are not read.
fn take_out_shared(nics: &mut Vec<Nic>) -> BTreeSet<InterfaceName> {
    nics.sort_unstable_by_key(|nic| nic.pci);
    let functions = nics.chunk_by(|a, b| a.pci == b.pci);
    let shared = functions.filter(|function| function.len() > 1).flatten();
    let shared: BTreeSet<InterfaceName> = shared.map(|nic| nic.name.clone()).collect();
    nics.retain(|nic| !shared.contains(&nic.name));
    shared
}

/// Accepts an Ethernet device that is a NIC, not one that the kernel stacked or created.
///
/// A device without hardware is a NIC only in a container, where all NICs are virtual: nothing is stacked below it, and a
/// program set its address.
fn ethernet(device: &SysfsDevice<'_>, has_hardware: bool) -> Result<Link, NoNic> {
    let mac = device.address::<MacAddress>()?;
    is_no_stack(device, has_hardware)?;
    if !has_hardware && device.address_origin()? != AddressOrigin::Set {
        return Err("a virtual device with an address that the kernel chose".into());
    }
    Ok(Link::Ethernet(mac))
}

/// Accepts an InfiniBand port. A P_Key child shares its parent's address; it is recognized by its link to the parent. A bond or
/// team of ports has the type and the address of a port.
fn infiniband(device: &SysfsDevice<'_>, has_hardware: bool) -> Result<Link, NoNic> {
    is_no_stack(device, has_hardware)?;
    if device.number("iflink")? != device.number("ifindex")? || device.has("parent")? {
        return Err("a P_Key child".into());
    }
    let text = match device.text("bonding_slave/perm_hwaddr")? {
        // Some kernels show only six bytes of the address here; those are not used.
        Some(own) if own.parse::<IpoibAddress>().is_ok() => own,
        _ => device.text("address")?.unwrap_or_default(),
    };
    match text.parse::<IpoibAddress>() {
        Err(AddressError::Refused { .. }) => Ok(Link::Infiniband(None)),
        _ => Ok(Link::Infiniband(Some(parse(&text)?))),
    }
}

/// Rejects stacked and software devices: the kernel reports their type, or they have no hardware and a typical entry.
fn is_no_stack(device: &SysfsDevice<'_>, has_hardware: bool) -> Result<(), NoNic> {
    if let Some(kind) = device.kind()? {
        return Err(format!("a device of kind '{kind}'").into());
    }
    if !has_hardware && let Some(sign) = device.sign_of_software()? {
        return Err(format!("a virtual device (it has '{sign}')").into());
    }
    Ok(())
}

/// Returns the PCI function in a device path; virtio and other devices are one level below it.
fn pci_function(hardware: &Path) -> Option<PciAddress> {
    let is_function = |part: &&str| part.contains(':') && part.contains('.');
    let parts = hardware.iter().rev().filter_map(|part| part.to_str());
    parts
        .filter(is_function)
        .find_map(|part| PciAddress::from_str(part).ok())
}
