//! Where the inventory comes from.

use std::path::PathBuf;

use super::{Inventory, InventoryError, Sysfs};

/// Where the inventory comes from.
#[derive(Debug, Clone)]
pub enum NicSource {
    /// The kernel of this machine.
    Sysfs(Sysfs),
    /// A document that describes another machine: `--nics`.
    Document(PathBuf),
}

impl NicSource {
    /// Returns the NICs that exist now.
    ///
    /// # Errors
    /// [`InventoryError`] if they cannot be listed, or if the document is invalid.
    pub fn inventory(&self) -> Result<Inventory, InventoryError> {
        match self {
            Self::Sysfs(sysfs) => sysfs.inventory(),
            Self::Document(file) => Ok(Inventory::load(file)?),
        }
    }
}
