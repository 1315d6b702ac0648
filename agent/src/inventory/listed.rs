//! Lists what exists, for messages about something that was not found.

use std::fmt::Display;

use super::{Inventory, Link};

impl Inventory {
    /// The addresses by which NICs are found: `MACs here: 'eth0' 02:..., port GUIDs here: 'ib0' ...`.
    #[must_use]
    pub fn listed(&self) -> String {
        let mut macs = Vec::new();
        let mut guids = Vec::new();
        for nic in &self.nics {
            match &nic.link {
                Link::Ethernet(mac) => macs.push(format!("'{}' {mac}", nic.name)),
                Link::Infiniband(Some(address)) => {
                    guids.push(format!("'{}' {}", nic.name, address.port_guid()));
                }
                Link::Infiniband(None) => guids.push(format!("'{}' none", nic.name)),
            }
        }
        format!(
            "MACs here: {}; port GUIDs here: {}",
            listed(&macs),
            listed(&guids)
        )
    }

    /// The PCI addresses of the NICs that have one: `PCI addresses here: 'eth0' 0000:00:03.0`.
    #[must_use]
    pub fn listed_at_pci(&self) -> String {
        let at = self.nics.iter();
        let at = at.filter_map(|nic| Some(format!("'{}' {}", nic.name, nic.pci?)));
        format!("PCI addresses here: {}", listed(&at.collect::<Vec<_>>()))
    }
}

/// The values, separated by commas, or `none`; if there are many, only the first ones.
pub fn listed(values: &[impl Display]) -> String {
    /// More than anyone reads.
    const MOST: usize = 16;
    if values.is_empty() {
        return "none".into();
    }
    let shown = values.iter().take(MOST);
    let mut texts: Vec<String> = shown.map(ToString::to_string).collect();
    if values.len() > MOST {
        texts.push(format!("and {} more", values.len() - MOST));
    }
    texts.join(", ")
}
