//! The types that both halves of one-sriov share: the addresses of NICs.
//!
//! The host driver writes an address in one place (a domain XML, a VF's GUID, a lease file), the guest agent reads it in another
//! (sysfs, `context.sh`), and each place has its own spelling. This crate parses them all: a value is checked once, when it is
//! read, and from then on its type guarantees that it is valid.
//!
//! | type | example | written by |
//! |---|---|---|
//! | [`MacAddress`] | `ETH0_MAC='02:00:c0:a8:07:05'` | OpenNebula, `context.sh` |
//! | [`DummyMac`] | `<mac address='aa:01:c0:a8:07:05'/>` | the host driver, domain XML |
//! | [`DummyPrefix`] | `DUMMY_MAC_PREFIX="AA"` | the administrator, `kvmrc` |
//! | [`Key`] | `c0:a8:07:05`, the end of both addresses above | OpenNebula |
//! | [`Guid`] | `0002:c903:0012:3456` | kernel, `/sys/class/infiniband/mlx4_0/node_guid` |
//! | [`IpoibAddress`] | `80:00:02:08:fe:80:00:00:00:00:00:00:00:00:aa:01:c0:a8:07:05` | kernel, `/sys/class/net/ib0/address` |
//! | [`Pkey`] | `0x8001` | kernel, `/sys/class/net/ib0/pkey` |
//! | [`PciAddress`] | `0000:81:00.2` | kernel, `/sys/bus/pci/devices/` |
//! | [`InterfaceName`] | `ibp1s0f2` | kernel, `/sys/class/net/` |
//!
//! # What every type guarantees
//! - It cannot hold an invalid value: its fields are private, and every constructor checks.
//! - [`FromStr`](std::str::FromStr) accepts exactly the spellings that the type's documentation lists. It does not trim: a
//!   caller that reads a line must strip the line end first.
//! - [`Display`](std::fmt::Display) writes one canonical spelling, which parses to an equal value. It honours width and
//!   alignment, so it can be used in tables.
//! - No input causes a panic or can break a log line: see [`AddressError`].
//!
//! This crate opens no files and starts no processes.
//!
//! # Example: one NIC, from host to guest
//! ```
//! use hwaddr::{DummyMac, DummyPrefix, Guid, IpoibAddress, Key, MacAddress};
//!
//! # fn main() -> Result<(), hwaddr::AddressError> {
//! // Host: OpenNebula gave this NIC a MAC; it is the second SR-IOV NIC of its VM.
//! let nic: MacAddress = "02:00:c0:a8:07:05".parse()?;
//! let dummy = DummyMac::new(DummyPrefix::default(), 1, Key::from(nic));
//! assert_eq!(dummy.to_string(), "aa:01:c0:a8:07:05");
//! assert_eq!(dummy.port_guid([0x00, 0x07]).to_string(), "00:07:aa:01:c0:a8:07:05");
//!
//! // Guest: the port GUID comes back at the end of the IPoIB device's address.
//! let address: IpoibAddress =
//!     "80:00:02:08:fe:80:00:00:00:00:00:00:00:07:aa:01:c0:a8:07:05".parse()?;
//! let found = DummyMac::from_guid(address.port_guid(), DummyPrefix::default());
//! assert_eq!(found, Some(dummy));
//! # Ok(())
//! # }
//! ```

mod dummy_mac;
mod dummy_prefix;
mod error;
mod guid;
mod interface_name;
mod ipoib_address;
mod key;
mod mac_address;
mod octets;
mod pci_address;
mod pkey;

pub use dummy_mac::DummyMac;
pub use dummy_prefix::DummyPrefix;
pub use error::{AddressError, Excerpt, ValueKind};
pub use guid::Guid;
pub use interface_name::InterfaceName;
pub use ipoib_address::IpoibAddress;
pub use key::Key;
pub use mac_address::MacAddress;
pub use pci_address::PciAddress;
pub use pkey::Pkey;
