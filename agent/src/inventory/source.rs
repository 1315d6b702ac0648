//! The source of the inventory.

use std::path::PathBuf;

use super::{Inventory, InventoryError, Sysfs};

/// The source of the inventory.
#[derive(Debug, Clone)]
pub enum NicSource {
    /// The kernel.
    Sysfs(Sysfs),
    /// A document of another machine: `--nics`.
    Document(PathBuf),
}

impl NicSource {
    /// The NICs that are here now.
    ///
    /// # Errors
    /// [`InventoryError`] if they cannot be listed, or if the document is none.
    pub fn inventory(&self) -> Result<Inventory, InventoryError> {
        match self {
            Self::Sysfs(sysfs) => sysfs.inventory(),
            Self::Document(file) => Ok(Inventory::load(file)?),
        }
    }
}
