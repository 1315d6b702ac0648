//! What OpenNebula hands to a driver, and what it expects back.

mod arguments;
mod monitoring;
mod pci_nic;
mod report;
mod vm;
mod vm_id;

pub use arguments::Arguments;
pub use monitoring::MonitoringClient;
pub use pci_nic::PciNic;
pub use report::Report;
pub use vm::{Network, VmDocument, VmDocumentError};
pub use vm_id::VmId;
