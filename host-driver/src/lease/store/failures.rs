//! VFs that could not be used lately: the PF refused to set them up, or QEMU failed to open them. Others are allocated first.
//!
//! ```text
//! .failures/0000:81:00.4      1795446991 vfio 0000:81:00.4: failed to open /dev/vfio/12: Device or resource busy
//! ```

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use hwaddr::PciAddress;
use one_sriov_system::is_absent;

use super::files::{names, remove_file, replace_in};
use super::{FAILURES, Store, now};
use crate::lease::error::{StoreError, StoreIo};

/// How long a failure counts.
const MEMORY: Duration = Duration::from_secs(600);

impl Store {
    /// Records that a VF could not be used, and why.
    pub fn note_failure(&self, device: PciAddress, why: &str) -> Result<(), StoreError> {
        let dir = self.dir.join(FAILURES);
        let path = dir.join(device.to_string());
        let new = dir.join(format!(".{device}.new"));
        let line = format!("{} {}\n", now(), why.lines().next().unwrap_or_default());
        StoreIo("write", &path).check(replace_in(&dir, &new, &path, line.as_bytes()))
    }

    /// Forgets the failure of a VF that could be used.
    pub fn forget_failure(&self, device: PciAddress) -> Result<(), StoreError> {
        let path = self.dir.join(FAILURES).join(device.to_string());
        StoreIo("remove", &path).check(remove_file(&path))
    }

    /// The VFs that could not be used lately, and why.
    pub fn failures(&self) -> Result<HashMap<PciAddress, String>, StoreError> {
        let dir = self.dir.join(FAILURES);
        let mut failures = HashMap::new();
        for name in names(&dir)? {
            let Ok(device) = name.parse() else {
                continue;
            };
            let path = dir.join(&name);
            let text = match fs::read_to_string(&path) {
                Err(error) if is_absent(&error) => continue,
                read => StoreIo("read", &path).check(read)?,
            };
            let Some((since, why)) = text.trim_end().split_once(' ') else {
                continue;
            };
            // If the clock was set back, a time in the future counts as now.
            let age = now().saturating_sub(since.parse().unwrap_or(0));
            if age < MEMORY.as_secs() {
                failures.insert(device, why.to_owned());
            }
        }
        Ok(failures)
    }
}
