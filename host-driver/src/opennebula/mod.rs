//! OpenNebula's interface to drivers.

mod arguments;
mod monitoring;
mod nic_attributes;
mod pci_nic;
mod pci_probe;
mod report;
mod vm;
mod vm_id;

pub use arguments::Arguments;
pub use monitoring::MonitoringClient;
pub use nic_attributes::{NicAttributeError, NicAttributes};
pub use pci_nic::PciNic;
pub use pci_probe::{Filters, Offer, PciProbe, PciProbeError};
pub use report::Report;
pub use vm::{Network, VmDocument, VmDocumentError};
pub use vm_id::VmId;
