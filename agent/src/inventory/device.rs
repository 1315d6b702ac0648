//! One device of `/sys/class/net` and its attributes.
//!
//! A missing attribute is not the same as one that cannot be read. If a device disappears, opening fails with ENOENT or ENODEV
//! (kernfs), and reading with ENODEV or, for attributes of the network core, EINVAL (`netdev_show` of `net/core/net-sysfs.c`).
//! All other errors are read errors, which say nothing about the device.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::str::FromStr;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, faccessat, read};
use one_sriov_system::{names_in, open_directory, plain};

use super::AddressOrigin;

/// Why a device directory is not a NIC.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoNic {
    /// The device is something else: `a bridge`.
    LeftOut(String),
    /// It is unknown what the device is, because this attribute cannot be read.
    Unreadable(Attribute),
}

/// An attribute that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    name: String,
    cause: String,
}

impl Attribute {
    pub(super) fn new(name: &str, cause: &io::Error) -> Self {
        Self {
            name: name.to_owned(),
            cause: plain(cause),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to read '{}': {}", self.name, self.cause)
    }
}

impl From<Attribute> for NoNic {
    fn from(attribute: Attribute) -> Self {
        Self::Unreadable(attribute)
    }
}

impl From<String> for NoNic {
    fn from(why: String) -> Self {
        Self::LeftOut(why)
    }
}

impl From<&str> for NoNic {
    fn from(why: &str) -> Self {
        Self::LeftOut(why.to_owned())
    }
}

/// Returns `None` if the error means that the entry does not exist.
fn absent<T>(error: Errno) -> Result<Option<T>, io::Error> {
    match error {
        Errno::ENOENT | Errno::ENODEV | Errno::ENOTDIR | Errno::EINVAL => Ok(None),
        error => Err(error.into()),
    }
}

/// The open directory `/sys/class/net`.
pub(super) struct Class {
    pub(super) path: PathBuf,
    directory: OwnedFd,
}

impl Class {
    /// Opens the directory, and lists it.
    pub(super) fn open(path: PathBuf) -> io::Result<(Self, Vec<OsString>)> {
        let directory = open_directory(&path)?;
        let names = names_in(&directory)?;
        Ok((Self { path, directory }, names))
    }
}

/// One open directory in [`Class`]: its files are looked up relative to it, without walking the path again.
pub(super) struct SysfsDevice<'a> {
    class: &'a Class,
    name: &'a OsStr,
    directory: OwnedFd,
}

impl<'a> SysfsDevice<'a> {
    /// Uses `openat` because musl's `open` sets `O_CLOEXEC` with a second system call. `bonding_masters` is not a directory but a
    /// plain file of the bonding module.
    pub(super) fn open(class: &'a Class, name: &'a OsStr) -> Result<Self, NoNic> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        match openat(&class.directory, name, flags, Mode::empty()) {
            Ok(directory) => Ok(Self {
                class,
                name,
                directory,
            }),
            Err(error) => match absent(error) {
                Ok(None::<()> | Some(())) => Err("not a network device".into()),
                Err(error) => Err(Attribute::new(".", &error).into()),
            },
        }
    }

    fn path(&self) -> PathBuf {
        self.class.path.join(self.name)
    }

    /// Returns the text of an attribute, which sysfs returns in one read.
    pub(super) fn text(&self, attribute: &str) -> Result<Option<String>, Attribute> {
        /// Larger than any attribute.
        const LONGEST: usize = 1024;
        let fail = |error: io::Error| Attribute::new(attribute, &error);
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let file = match openat(&self.directory, attribute, flags, Mode::empty()) {
            Ok(file) => file,
            Err(error) => return absent(error).map_err(fail),
        };
        let mut buffer = [0; LONGEST];
        let length = match read(&file, &mut buffer) {
            Ok(length) => length,
            Err(error) => return absent(error).map_err(fail),
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        let text = std::str::from_utf8(bytes)
            .map_err(|error| fail(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        Ok(Some(text.trim_end().to_owned()))
    }

    pub(super) fn has(&self, name: &str) -> Result<bool, Attribute> {
        match faccessat(&self.directory, name, AccessFlags::F_OK, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(error) => absent(error)
                .map(|none: Option<()>| none.is_some())
                .map_err(|error| Attribute::new(name, &error)),
        }
    }

    fn link(&self, name: &str) -> Result<Option<PathBuf>, Attribute> {
        match readlinkat(&self.directory, name) {
            Ok(target) => Ok(Some(target.into())),
            Err(error) => absent(error).map_err(|error| Attribute::new(name, &error)),
        }
    }

    /// Returns the file name of a link's target.
    fn link_name(&self, name: &str) -> Result<Option<String>, Attribute> {
        let target = self.link(name)?;
        Ok(target.and_then(|target| Some(target.file_name()?.to_str()?.to_owned())))
    }

    /// Returns the path of the device's hardware in the device tree, or `None` for a virtual device.
    ///
    /// `/sys/class/net/eth0` is a link to `../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth0`. A device with a driver
    /// always has hardware.
    pub(super) fn hardware(&self, has_driver: bool) -> Result<Option<PathBuf>, Attribute> {
        if !has_driver && !self.has("device")? {
            return Ok(None);
        }
        match readlinkat(&self.class.directory, self.name) {
            Ok(target) => Ok(Some(target.into())),
            // On old kernels, the entries of the class are directories, not links.
            Err(_) => match self.path().join("device").canonicalize() {
                Ok(path) => Ok(Some(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Attribute::new("device", &error)),
            },
        }
    }

    pub(super) fn driver(&self) -> Result<Option<String>, Attribute> {
        self.link_name("device/driver")
    }

    /// Returns the device that this one is a port of: a bond, a bridge, a failover pair.
    pub(super) fn master(&self) -> Result<Option<String>, Attribute> {
        self.link_name("master")
    }

    /// Parses a number, decimal or with `0x`.
    pub(super) fn number(&self, attribute: &str) -> Result<Option<u32>, Attribute> {
        let Some(text) = self.text(attribute)? else {
            return Ok(None);
        };
        Ok(match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        })
    }

    /// Returns the port on the PCI function, by which InfiniBand ports are ordered; old drivers have it only in `dev_id`.
    pub(super) fn port(&self, is_ethernet: bool) -> Result<u32, Attribute> {
        let port = self.number("dev_port")?;
        let by_id = match port {
            Some(_) if is_ethernet => None,
            _ => self.number("dev_id")?,
        };
        Ok(port.max(by_id).unwrap_or(0))
    }

    pub(super) fn address<A: FromStr<Err: fmt::Display>>(&self) -> Result<A, NoNic> {
        Ok(parse(&self.text("address")?.unwrap_or_default())?)
    }

    pub(super) fn address_origin(&self) -> Result<AddressOrigin, Attribute> {
        Ok(match self.number("addr_assign_type")? {
            Some(1) => AddressOrigin::Random,
            Some(2) => AddressOrigin::Stolen,
            Some(3) => AddressOrigin::Set,
            _ => AddressOrigin::Permanent,
        })
    }

    /// Returns `DEVTYPE=` of the uevent file: `bridge`, `bond`, `vlan`, `wlan`, ...; plain NICs have none.
    pub(super) fn kind(&self) -> Result<Option<String>, Attribute> {
        let uevent = self.text("uevent")?.unwrap_or_default();
        let mut lines = uevent.lines();
        Ok(lines
            .find_map(|line| line.strip_prefix("DEVTYPE="))
            .map(ToOwned::to_owned))
    }

    /// Returns the entry that marks a stacked or software device for which the kernel sets no `DEVTYPE`.
    pub(super) fn sign_of_software(&self) -> Result<Option<String>, Attribute> {
        let fail = |error: io::Error| Attribute::new(".", &error);
        let entries = match std::fs::read_dir(self.path()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let mut first: Option<String> = None;
        for entry in entries {
            let name = entry.map_err(fail)?.file_name();
            let Some(name) = name.to_str().filter(|name| is_sign(name)) else {
                continue;
            };
            if first.as_deref().is_none_or(|first| name < first) {
                first = Some(name.to_owned());
            }
        }
        Ok(first)
    }
}

fn is_sign(name: &str) -> bool {
    matches!(name, "bonding" | "bridge" | "tun_flags") || name.starts_with("lower_")
}

/// Parses a hardware address, or says why it is unusable.
pub(super) fn parse<A: FromStr<Err: fmt::Display>>(text: &str) -> Result<A, String> {
    text.parse()
        .map_err(|error: A::Err| format!("no usable hardware address ({error})"))
}
