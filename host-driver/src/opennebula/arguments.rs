//! The arguments of an action.
//!
//! ```text
//! deploy      /var/lib/one//datastores/0/7/deployment.0 compute01 7 compute01
//! cancel      24db4e6f-... compute01 7 compute01
//! attach_nic  24db4e6f-... 02:00:c0:a8:07:05 sriov_ib0 virtio dummy one-7-1 7 compute01
//! exec        7 compute01 'ls'
//! ```
//!
//! OpenNebula appends VM ID and host to every action but `exec`, which does not affect VFs.

use std::ffi::{OsStr, OsString};

use crate::opennebula::VmId;

/// The arguments, unchanged.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a>(pub &'a [OsString]);

impl<'a> Arguments<'a> {
    /// Returns the VM, by its ID or else by the name of its domain.
    #[must_use]
    pub fn vm(&self) -> Option<VmId> {
        let by_id = self
            .0
            .len()
            .checked_sub(2)
            .and_then(|nth| self.text(nth)?.parse().ok());
        by_id.or_else(|| VmId::of_domain(self.text(0)?))
    }

    /// Returns an argument as text, or `None` if it is missing or not UTF-8.
    #[must_use]
    pub fn text(&self, nth: usize) -> Option<&'a str> {
        self.0.get(nth).and_then(|argument| argument.to_str())
    }

    /// Returns an argument.
    #[must_use]
    pub fn get(&self, nth: usize) -> Option<&'a OsStr> {
        self.0.get(nth).map(OsString::as_os_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vm_id_comes_before_the_host() {
        let table: [(&[&str], Option<&str>); 6] = [
            (&["/x//0/7/deployment.0", "h", "7", "h"], Some("7")),
            (&["one-7", "h", "7", "h"], Some("7")),
            (&["one-7", "aa", "br", "-"], Some("7")),
            (&["one-7"], Some("7")),
            (&["x", "h", "y", "h"], None),
            (&[], None),
        ];
        for (words, expected) in table {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let vm = Arguments(&words).vm().map(|vm| vm.to_string());
            assert_eq!(vm.as_deref(), expected, "{words:?}");
        }
    }
}
