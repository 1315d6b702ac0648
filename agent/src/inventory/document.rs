//! An inventory as a document: `plan --json` prints it on one machine, and `--nics` reads it on another.
//!
//! ```json
//! {"nics": [
//!   {"name": "eth1", "link": {"ethernet": "aa:00:c0:a8:07:05"}, "pci": "0000:00:04.0", "driver": "virtio_net"},
//!   {"name": "ib0", "link": {"infiniband": "80:00:02:08:fe:80:...:07:05"}, "pci": "0000:00:05.0", "driver": "mlx5_core"}
//! ]}
//! ```

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Inventory;

/// The key of the inventory in the output of `plan --json`.
pub const KEY: &str = "inventory";

/// Why the file of `--nics` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read.
    #[error("failed to read the NICs from '{}': {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not the output of `plan --json`.
    #[error("failed to read the NICs from '{}': {source}; expected the output of 'one-sriov-agent plan --json'", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Inventory {
    /// Reads the inventory from a file: the output of `plan --json`, or its value of [`KEY`].
    ///
    /// # Errors
    /// [`DocumentError`] if the file cannot be read or is neither.
    pub fn load(path: &Path) -> Result<Self, DocumentError> {
        let failed = |source| DocumentError::Json {
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read(path).map_err(|source| DocumentError::Io {
            path: path.to_owned(),
            source,
        })?;
        let mut document: Value = serde_json::from_slice(&text).map_err(failed)?;
        let own = document.get_mut(KEY).map(Value::take);
        let inventory: Self = serde_json::from_value(own.unwrap_or(document)).map_err(failed)?;
        Ok(Self::new(
            inventory.nics,
            inventory.left_out,
            inventory.unreadable,
        ))
    }
}

/// Serializes addresses and names as text.
pub(super) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Serializes optional addresses and names as text.
pub(super) mod optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::ref_option)] // serde calls it with a reference to the field
    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let value = text.map(|text| text.parse().map_err(D::Error::custom));
        value.transpose()
    }
}
