//! Reading the inventory from sysfs.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hwaddr::{AddressError, InterfaceName, IpoibAddress, MacAddress, PciAddress};
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, faccessat, read};
use one_sriov_system::Root;

use super::{AddressOrigin, Inventory, LeftOut, Link, Nic};

/// ARPHRD types, `include/uapi/linux/if_arp.h`.
const ARPHRD_ETHER: u32 = 1;
const ARPHRD_INFINIBAND: u32 = 32;

/// The list of network devices could not be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to list the network devices in '{path}': {source}")]
pub struct InventoryError {
    path: PathBuf,
    source: io::Error,
}

/// A sysfs tree, and what udev knows of its devices.
#[derive(Debug, Clone)]
pub struct Sysfs {
    sys: PathBuf,
    udev: Option<PathBuf>,
}

impl Sysfs {
    /// The tree at `sys` (`/sys` on a live machine), with the udev of the machine below `root`.
    #[must_use]
    pub fn new(sys: impl Into<PathBuf>, root: &Root) -> Self {
        let run_udev = Path::new("/run/udev");
        let udev = root
            .exists(&run_udev.join("control"))
            .then(|| root.path(&run_udev.join("data")).ok());
        Self {
            sys: sys.into(),
            udev: udev.flatten(),
        }
    }

    /// Reads all network devices. A device that vanishes while it is read is left out.
    ///
    /// # Errors
    /// [`InventoryError`] if there is no `class/net` to list.
    pub fn inventory(&self) -> Result<Inventory, InventoryError> {
        let class = self.sys.join("class/net");
        let (directory, names) = list(&class).map_err(|source| InventoryError {
            path: class.clone(),
            source,
        })?;
        let class = Class {
            path: class,
            directory,
        };
        let mut nics = Vec::with_capacity(names.len());
        let mut left_out = Vec::new();
        for name in &names {
            self.sort(&class, name, Ports::Unread, &mut nics, &mut left_out);
        }
        for name in take_out_shared(&mut nics) {
            let name = name.as_str().as_ref();
            self.sort(&class, name, Ports::Read, &mut nics, &mut left_out);
        }
        left_out.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Inventory::new(nics, left_out))
    }

    fn sort(
        &self,
        class: &Class,
        name: &OsStr,
        ports: Ports,
        nics: &mut Vec<Nic>,
        left_out: &mut Vec<LeftOut>,
    ) {
        match self.nic(class, name, ports) {
            Ok(nic) => nics.push(nic),
            Err(why) => {
                let name = name.to_string_lossy().escape_debug().to_string();
                left_out.push(LeftOut { name, why });
            }
        }
    }

    /// The NIC of a device directory, or why it is none.
    fn nic(&self, class: &Class, file_name: &OsStr, ports: Ports) -> Result<Nic, String> {
        let name = file_name.to_str().unwrap_or_default();
        let Ok(name) = InterfaceName::from_str(name) else {
            return Err("a name that no configuration file can hold".into());
        };
        // `bonding_masters` is a plain file of the bonding module.
        let device = Device::open(class, file_name).ok_or("no network device")?;
        let arphrd = device.number("type").ok_or("no network device")?;
        let driver = device.driver();
        let hardware = device.hardware(driver.is_some());
        let link = match arphrd {
            ARPHRD_ETHER => ethernet(&device, hardware.is_some())?,
            ARPHRD_INFINIBAND => infiniband(&device)?,
            other => {
                return Err(format!(
                    "neither Ethernet nor InfiniBand (ARPHRD type {other})"
                ));
            }
        };
        Ok(Nic {
            name,
            link,
            pci: hardware.as_deref().and_then(pci_function),
            port: match ports {
                Ports::Unread => 0,
                Ports::Read => device.port(link),
            },
            driver,
            origin: match link {
                Link::Ethernet(_) => device.address_origin(),
                Link::Infiniband(_) => AddressOrigin::Permanent,
            },
            ready: self.is_ready(&device),
        })
    }

    /// Whether udev is done with a device: its record is there and says when (`I:`).
    fn is_ready(&self, device: &Device<'_>) -> bool {
        let Some(udev) = &self.udev else { return true };
        let Some(ifindex) = device.number("ifindex") else {
            return false;
        };
        std::fs::read_to_string(udev.join(format!("n{ifindex}")))
            .is_ok_and(|record| record.lines().any(|line| line.starts_with("I:")))
    }
}

/// Whether the port of a device on its function is read, too.
#[derive(Clone, Copy)]
enum Ports {
    Read,
    Unread,
}

/// Takes out those NICs that stand on a function with others: they are read once more, as a whole, for a device may have
/// got another name meanwhile. Where each has a function to itself, nobody asks for ports.
fn take_out_shared(nics: &mut Vec<Nic>) -> Vec<InterfaceName> {
    nics.sort_unstable_by_key(|nic| nic.pci);
    let functions = nics.chunk_by(|a, b| a.pci == b.pci);
    let shared = functions.filter(|function| function.len() > 1).flatten();
    let shared: Vec<InterfaceName> = shared.map(|nic| nic.name.clone()).collect();
    nics.retain(|nic| !shared.contains(&nic.name));
    shared
}

/// An Ethernet device that is a NIC, not something the kernel stacked or made up.
///
/// A device without hardware behind it is a NIC only in a container, where the NIC *is* such a
/// device: nothing is stacked below it, and somebody gave it its address on purpose.
fn ethernet(device: &Device<'_>, has_hardware: bool) -> Result<Link, String> {
    let mac = device.address::<MacAddress>()?;
    if let Some(kind) = device.kind() {
        return Err(format!("a device of kind '{kind}'"));
    }
    if !has_hardware {
        if let Some(sign) = device.sign_of_software() {
            return Err(format!("a virtual device (it has '{sign}')"));
        }
        if device.address_origin() != AddressOrigin::Set {
            return Err("a virtual device with an address that nobody chose".into());
        }
    }
    Ok(Link::Ethernet(mac))
}

/// An InfiniBand port. A P_Key child shares its parent's address; it is told by its link to the parent.
fn infiniband(device: &Device<'_>) -> Result<Link, String> {
    if device.number("iflink") != device.number("ifindex") || device.has("parent") {
        return Err("a P_Key child".into());
    }
    let text = device.text("address").unwrap_or_default();
    match text.parse::<IpoibAddress>() {
        Ok(address) => Ok(Link::Infiniband(Some(address))),
        Err(AddressError::Refused { .. }) => Ok(Link::Infiniband(None)),
        Err(error) => Err(format!("no usable hardware address ({error})")),
    }
}

/// The PCI function in a device path: virtio and others stand one level below it.
fn pci_function(hardware: &Path) -> Option<PciAddress> {
    let is_function = |part: &&str| part.contains(':') && part.contains('.');
    let parts = hardware.iter().rev().filter_map(|part| part.to_str());
    parts
        .filter(is_function)
        .find_map(|part| PciAddress::from_str(part).ok())
}

/// `/sys/class/net`, open.
struct Class {
    path: PathBuf,
    directory: OwnedFd,
}

/// What [`std::fs::read_dir`] lists, and the directory for what is looked up in it.
fn list(class: &Path) -> io::Result<(OwnedFd, Vec<OsString>)> {
    let names = std::fs::read_dir(class)?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<io::Result<_>>()?;
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = openat(AT_FDCWD, class, flags, Mode::empty())?;
    Ok((directory, names))
}

/// One directory of it, open: its files are looked up without walking to it again.
struct Device<'a> {
    class: &'a Class,
    name: &'a OsStr,
    directory: OwnedFd,
}

impl<'a> Device<'a> {
    /// By `openat`: musl's `open` asks the kernel for `O_CLOEXEC` once more.
    fn open(class: &'a Class, name: &'a OsStr) -> Option<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = openat(&class.directory, name, flags, Mode::empty()).ok()?;
        Some(Self {
            class,
            name,
            directory,
        })
    }

    fn path(&self) -> PathBuf {
        self.class.path.join(self.name)
    }

    /// The text of an attribute, which sysfs hands out in one piece.
    fn text(&self, attribute: &str) -> Option<String> {
        /// No attribute that is looked at comes near this.
        const LONGEST: usize = 1024;
        let file = openat(
            &self.directory,
            attribute,
            OFlag::O_RDONLY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )
        .ok()?;
        let mut buffer = [0; LONGEST];
        let length = read(&file, &mut buffer).ok()?;
        let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
        Some(text.trim_end().to_owned())
    }

    fn has(&self, name: &str) -> bool {
        faccessat(&self.directory, name, AccessFlags::F_OK, AtFlags::empty()).is_ok()
    }

    /// Where the hardware behind the device stands in the tree of devices; none for a virtual one.
    ///
    /// `/sys/class/net/eth0` is a link to `../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth0`. What has a driver
    /// has hardware.
    fn hardware(&self, has_driver: bool) -> Option<PathBuf> {
        if !has_driver && !self.has("device") {
            return None;
        }
        match readlinkat(&self.class.directory, self.name) {
            Ok(target) => Some(target.into()),
            Err(_) => self.path().join("device").canonicalize().ok(),
        }
    }

    fn driver(&self) -> Option<String> {
        let target = readlinkat(&self.directory, "device/driver").ok()?;
        Some(Path::new(&target).file_name()?.to_str()?.to_owned())
    }

    /// A number, decimal or with `0x`.
    fn number(&self, attribute: &str) -> Option<u32> {
        let text = self.text(attribute)?;
        match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        }
    }

    /// The port on its PCI function, which orders InfiniBand ports; old drivers tell it in `dev_id` alone.
    fn port(&self, link: Link) -> u32 {
        let port = self.number("dev_port");
        let by_id = match (link, port) {
            (Link::Ethernet(_), Some(_)) => None,
            _ => self.number("dev_id"),
        };
        port.max(by_id).unwrap_or(0)
    }

    fn address<A: FromStr<Err: std::fmt::Display>>(&self) -> Result<A, String> {
        let text = self.text("address").unwrap_or_default();
        text.parse()
            .map_err(|error: A::Err| format!("no usable hardware address ({error})"))
    }

    fn address_origin(&self) -> AddressOrigin {
        match self.number("addr_assign_type") {
            Some(1) => AddressOrigin::Random,
            Some(2) => AddressOrigin::Stolen,
            Some(3) => AddressOrigin::Set,
            _ => AddressOrigin::Permanent,
        }
    }

    /// `DEVTYPE=` of the uevent file: `bridge`, `bond`, `vlan`, `wlan`, ...; plain NICs have none.
    fn kind(&self) -> Option<String> {
        let uevent = self.text("uevent")?;
        Some(
            uevent
                .lines()
                .find_map(|line| line.strip_prefix("DEVTYPE="))?
                .to_owned(),
        )
    }

    /// The entry that tells a stacked or software device where the kernel gives no `DEVTYPE`.
    fn sign_of_software(&self) -> Option<String> {
        let entries = std::fs::read_dir(self.path()).ok()?;
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let is_sign = |name: &str| {
            matches!(name, "bonding" | "bridge" | "tun_flags") || name.starts_with("lower_")
        };
        names.filter(|name| is_sign(name)).min()
    }
}
