//! The name of a NIC of the context: how a run recognises what an earlier run wrote for the same NIC.

use std::fmt;

use hwaddr::MacAddress;
use serde::{Deserialize, Serialize};

/// A NIC as the context names it, whatever the kernel calls its device today.
///
/// ```text
/// ETH1/02:00:c0:a8:07:05   a NIC of a context with ETH<k>_MAC
/// ETH1                     one of a context before OpenNebula 4.14
/// PCI0/0000:01:01.0        a NIC that oned passes through by its PCI address
/// IB3/c0:a8:07:05          position 3, known from its dummy MAC or GUID alone
/// DUMMY/aa:01:c0:a8:07:05  a dummy NIC
/// DNS                      none: the name servers of all NICs, in a file of theirs
/// CLOUD-INIT               none: what keeps cloud-init from the network
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NicId(String);

impl NicId {
    /// A NIC id from its text, as the state record holds it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// That of the name servers of all NICs.
    #[must_use]
    pub fn name_servers() -> Self {
        Self::new("DNS")
    }

    /// That of the file for cloud-init.
    #[must_use]
    pub fn cloud_init() -> Self {
        Self::new("CLOUD-INIT")
    }

    /// Whether it is one that a network stack brings up: no dummy NIC, and nothing of the whole machine.
    #[must_use]
    pub fn is_nic(&self) -> bool {
        !self.0.starts_with("DUMMY/") && !self.is_of_machine()
    }

    /// Whether it is no device's, so that no network stack has to be told.
    #[must_use]
    pub fn is_of_machine(&self) -> bool {
        *self == Self::name_servers() || *self == Self::cloud_init()
    }

    /// The MAC that the context has for the NIC.
    #[must_use]
    pub fn mac(&self) -> Option<MacAddress> {
        let (variables, rest) = self.0.split_once('/')?;
        rest.parse().ok().filter(|_| variables.starts_with("ETH"))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
