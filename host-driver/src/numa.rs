//! The NUMA nodes of a VM's memory, and the order of VFs by distance.
//!
//! A VF reads and writes the memory of its VM: if that is on another node, each access crosses the link between the sockets.
//! Where the vCPUs run matters less, so `<cputune>` is ignored.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The highest possible number of a node: `CONFIG_NODES_SHIFT` is at most 10.
const MAX_NODE: u32 = 1023;

/// NUMA nodes of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSet(BTreeSet<u32>);

/// The text is not a list of NUMA nodes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid NUMA nodes '{}'", .0.escape_debug())]
pub struct NodeSetError(String);

impl FromStr for NodeSet {
    type Err = NodeSetError;

    /// Parses `0-3,^2,6` like libvirt's `virBitmapParse`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut nodes = BTreeSet::new();
        for part in text.split(',') {
            let part = part.trim();
            let is_read = match part.strip_prefix('^') {
                Some(node) => node.parse().map(|node: u32| nodes.remove(&node)).is_ok(),
                None => range(part).map(|range| nodes.extend(range)).is_some(),
            };
            if !is_read {
                return Err(NodeSetError(text.to_owned()));
            }
        }
        Ok(Self(nodes))
    }
}

impl fmt::Display for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&nodes.join(","))
    }
}

fn range(part: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last <= MAX_NODE).then_some(first..=last)
}

impl NodeSet {
    /// Adds the nodes of another set.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts devices: first those on a node of the set, then those whose node is unknown, then the others. The sort is stable.
    pub fn nearest_first<T>(&self, devices: &mut [T], node: impl Fn(&T) -> Option<u32>) {
        if !self.is_empty() {
            devices.sort_by_key(|device| match node(device) {
                Some(node) if self.0.contains(&node) => 0,
                None => 1,
                Some(_) => 2,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn nodes_are_read_as_libvirt_reads_them() {
        let table: [(&str, &[u32]); 6] = [
            ("0", &[0]),
            ("0,2", &[0, 2]),
            ("1-3", &[1, 2, 3]),
            ("0-3,^2", &[0, 1, 3]),
            (" 1 , 3-4", &[1, 3, 4]),
            ("^1,1", &[1]),
        ];
        for (text, expected) in table {
            let nodes: NodeSet = text.parse().unwrap();
            assert_eq!(nodes.0.into_iter().collect::<Vec<_>>(), expected, "{text}");
        }
        for text in ["", "x", "1,", "3-1", "-1", "1-", "^", "0-4294967295"] {
            assert!(text.parse::<NodeSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_nearest_devices_come_first_and_the_order_is_otherwise_kept() {
        let devices = [
            ('a', Some(0)),
            ('b', Some(1)),
            ('c', None),
            ('d', Some(1)),
            ('e', Some(0)),
        ];
        let table = [
            ("0", "aecbd"),
            ("1", "bdcae"),
            ("0-1", "abdec"),
            // No card is on this node.
            ("2", "cabde"),
        ];
        for (nodes, expected) in table {
            let mut devices = devices;
            let nodes: NodeSet = nodes.parse().unwrap();
            nodes.nearest_first(&mut devices, |(_, node)| *node);
            let order: String = devices.iter().map(|(name, _)| name).collect();
            assert_eq!(order, expected, "{nodes:?}");
        }
        let mut same = devices;
        NodeSet::default().nearest_first(&mut same, |(_, node)| *node);
        assert_eq!(same, devices);
    }
}
