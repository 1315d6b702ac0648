//! A pool with too few free VFs, and what uses them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::opennebula::VmId;
use crate::pool_name::PoolName;

/// A pool with too few free VFs, and what uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The pool.
    pub pool: PoolName,
    /// How many of its VFs the VM requests.
    pub wanted: usize,
    /// How many are free.
    pub free: usize,
    /// How many it has.
    pub total: usize,
    /// How many each holder has.
    pub holders: BTreeMap<String, usize>,
    /// Unfinished deployments: the VM, when they expire, and whether it is the requesting VM.
    pub pending: Vec<(VmId, Duration, bool)>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl Shortage {
    /// Marks the unfinished deployments of the requesting VM as its own.
    pub fn name_own(&mut self, vm: VmId) {
        for (of, _, is_own) in &mut self.pending {
            *is_own = *of == vm;
        }
    }
}

impl std::error::Error for Shortage {}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wanted {
            1 => write!(f, "failed to find a free VF in pool '{}'", self.pool)?,
            n => write!(f, "failed to find {n} free VFs in pool '{}'", self.pool)?,
        }
        // OpenNebula shows only a hundred characters since 7.0, so the remedy comes before the holders, which may be many.
        let used = self.total - self.free;
        write!(f, ": {used} of {} in use; use another host", self.total)?;
        let mut holders = String::new();
        for (holder, count) in &self.holders {
            let comma = if holders.is_empty() { "" } else { ", " };
            let _ = write!(holders, "{comma}{holder}: {count}");
        }
        if !holders.is_empty() {
            write!(f, " ({holders})")?;
        }
        for (vm, left, is_own) in &self.pending {
            let left = left.as_secs_f64().ceil();
            // In an error of VM 7, "VM 7" reads like another VM.
            let whose = if *is_own {
                format!("this VM ({vm}) itself")
            } else {
                format!("VM {vm}")
            };
            write!(
                f,
                "; the unfinished deployment of {whose} expires in {left} s"
            )?;
        }
        for problem in &self.problems {
            write!(f, "; {problem}")?;
        }
        Ok(())
    }
}
