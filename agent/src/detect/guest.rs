//! A guest whose network stack is detected. Only files that matter are read.

use std::cell::LazyCell;

use one_sriov_system::Root;

use super::{
    Choice, DetectError, Facts, NetworkManagerConfig, OneContext, Probe, Requests, detect, resolver,
};
use crate::render::{Readers, Resolver};

/// A guest, and the errors from reading its files.
pub struct Guest<'r> {
    root: &'r Root,
    probe: Probe<'r>,
    has_one_context: bool,
    running: Option<Readers>,
}

impl<'r> Guest<'r> {
    /// Inspects the guest below `root`. `running` are the running readers, if they matter in addition to the enabled ones.
    ///
    /// # Errors
    /// [`DetectError::Unread`] if it is unknown whether one-context configures the guest's network.
    pub fn new(root: &'r Root, running: Option<Readers>) -> Result<Self, DetectError> {
        let probe = Probe::new(root);
        let guest = Self {
            root,
            has_one_context: OneContext::is_there(&probe),
            probe,
            running,
        };
        guest.all_read()?;
        Ok(guest)
    }

    /// Whether one-context configures the guest's network.
    #[must_use]
    pub const fn has_one_context(&self) -> bool {
        self.has_one_context
    }

    /// The guest's files.
    #[must_use]
    pub const fn probe(&self) -> &Probe<'r> {
        &self.probe
    }

    /// Checks that everything could be read; otherwise nothing may be decided.
    ///
    /// # Errors
    /// [`DetectError::Unread`] if something could not be read.
    pub fn all_read(&self) -> Result<(), DetectError> {
        let failures = self.probe.failures();
        if failures.is_empty() {
            Ok(())
        } else {
            Err(DetectError::Unread(failures))
        }
    }

    /// Detects the network stack. `devices` are those to write files for; with `is_beside`, one-context configures all others.
    ///
    /// # Errors
    /// [`DetectError`] if the network stack cannot be determined.
    pub fn detect(
        &self,
        requests: &Requests<'_>,
        devices: impl Iterator<Item = String>,
        is_beside: bool,
    ) -> Result<Choice, DetectError> {
        // Not read if the backend is requested and no other program configures the network.
        let facts = LazyCell::new(|| Facts {
            running: self.running,
            devices: devices.collect(),
            ..Facts::gather(self.root)
        });
        let beside = is_beside.then(|| OneContext::gather(&self.probe, &facts));
        self.all_read()?;
        detect(requests, &facts, beside.as_ref())
    }

    /// Returns the program that writes the guest's `/etc/resolv.conf`.
    #[must_use]
    pub fn resolver(&self) -> Resolver {
        resolver(&self.probe)
    }

    /// Reads the configuration of NetworkManager; with `is_beside`, without the file that one-context removes later.
    #[must_use]
    pub fn network_manager(&self, is_beside: bool) -> NetworkManagerConfig {
        let passed_over: &[&str] = if is_beside {
            &["/etc/NetworkManager/conf.d/50-unmanaged-devices.conf"]
        } else {
            &[]
        };
        NetworkManagerConfig::gather(&self.probe, passed_over)
    }
}
