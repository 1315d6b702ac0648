//! A guest whose network stack is detected. Only files that matter are read.

use std::cell::LazyCell;

use one_sriov_system::Root;

use super::{
    Choice, DetectError, Facts, NetworkManagerConfig, OneContext, Probe, Requests, detect, resolver,
};
use crate::render::{Readers, Resolver};

/// A guest, and the read errors.
pub struct Guest<'r> {
    root: &'r Root,
    probe: Probe<'r>,
    has_one_context: bool,
    running: Option<Readers>,
}

impl<'r> Guest<'r> {
    /// The guest below `root`. `running` has the running readers, if these matter besides the enabled ones.
    ///
    /// # Errors
    /// [`DetectError::Unread`] if it is unknown whether one-context configures its network.
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

    /// Whether one-context configures its network.
    #[must_use]
    pub const fn has_one_context(&self) -> bool {
        self.has_one_context
    }

    /// Its files.
    #[must_use]
    pub const fn probe(&self) -> &Probe<'r> {
        &self.probe
    }

    /// Fails if something could not be read: then nothing may be decided.
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

    /// Its network stack. `devices` are those to write files for; `is_beside`: one-context configures the others.
    ///
    /// # Errors
    /// [`DetectError`] if none can be named.
    pub fn detect(
        &self,
        requests: &Requests<'_>,
        devices: impl Iterator<Item = String>,
        is_beside: bool,
    ) -> Result<Choice, DetectError> {
        // Not read if the backend is named and no other program configures the network.
        let facts = LazyCell::new(|| Facts {
            running: self.running,
            devices: devices.collect(),
            ..Facts::gather(self.root)
        });
        let beside = is_beside.then(|| OneContext::gather(&self.probe, &facts));
        self.all_read()?;
        detect(requests, &facts, beside.as_ref())
    }

    /// The program that writes its `/etc/resolv.conf`.
    #[must_use]
    pub fn resolver(&self) -> Resolver {
        resolver(&self.probe)
    }

    /// The configuration of its NetworkManager. If one-context `is_beside` and its renderer is NetworkManager, without the file that
    /// one-context will remove later.
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
