//! Reads the NICs of a machine: one pass over `/sys/class/net`, and a second pass for NICs that share a PCI function.
//!
//! ```text
//! /sys/class/net/ib0/type              32                       ARPHRD_INFINIBAND (1 is Ethernet)
//! /sys/class/net/ib0/address           80:00:02:08:fe:80:...    20 bytes, 6 for Ethernet
//! /sys/class/net/ib0/addr_assign_type  0                        who chose the address
//! /sys/class/net/ib0/device         -> ../../../0000:00:05.0    the PCI function, or a virtio device below it
//! /sys/class/net/ib0/dev_port          0                        port on that function (old drivers: dev_id)
//! /sys/class/net/ib0/master         -> ../../../virtual/net/bond0    the device that ib0 is a port of
//! /run/udev/data/n4                    I:1234567                udev has finished the device with ifindex 4
//! ```
//! Source: the kernel's `Documentation/ABI/testing/sysfs-class-net`.

mod device;
mod document;
mod listed;
mod nic;
mod port;
mod source;
mod sysfs;

pub use document::{DocumentError, KEY};
pub use listed::listed;
pub use nic::{AddressOrigin, IgnoredDevice, Inventory, Link, Nic, Unreadable};
pub use source::NicSource;
pub use sysfs::{InventoryError, Sysfs};
