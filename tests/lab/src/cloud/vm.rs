//! VMs and virtual networks, as their owner specified them.

/// A virtual network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network {
    /// The ID, which is the prefix of the GUIDs of its NICs.
    pub(crate) id: u32,
    pub(crate) bridge: &'static str,
    /// The first three octets of its addresses.
    pub(crate) prefix: [u8; 3],
    pub(crate) mtu: Option<u32>,
    pub(crate) vlan: Option<u32>,
}

/// The network of every VM's first NIC, which has no VF.
pub(crate) const PLAIN: Network = network(0, "br0", [10, 0, 0]);
/// Ethernet VFs.
pub(crate) const ETHERNET: Network = network(4, "sriov_enp1s0", [192, 168, 50]);
/// The Ethernet card, in a VLAN.
pub(crate) const VLAN: Network = Network {
    vlan: Some(100),
    ..network(5, "sriov_enp1s0", [192, 168, 51])
};
/// The Ethernet card with identity `dummy`: a map file with two VFs, and dummy NICs.
pub(crate) const SEED: Network = network(6, "sriov_seed", [192, 168, 50]);
/// The Ethernet card with a map file on both hosts, each with other VFs.
pub(crate) const MOVING: Network = network(16, "sriov_move", [192, 168, 50]);
/// InfiniBand VFs.
pub(crate) const INFINIBAND: Network = Network {
    mtu: Some(2044),
    ..network(7, "sriov_ib0", [192, 168, 7])
};
/// The InfiniBand card, in a partition: P_Key 0x8001.
pub(crate) const PARTITION: Network = Network {
    vlan: Some(0x8001),
    ..network(8, "sriov_ib0", [192, 168, 8])
};

/// The InfiniBand card, with the largest MTU of datagram mode.
pub(crate) const DATAGRAM: Network = Network {
    mtu: Some(4092),
    ..network(9, "sriov_ib0", [192, 168, 9])
};
/// The InfiniBand card, with the largest MTU of connected mode.
pub(crate) const CONNECTED: Network = Network {
    mtu: Some(65520),
    ..network(10, "sriov_ib0", [192, 168, 10])
};
/// A partition with the largest MTU of datagram mode.
pub(crate) const DATAGRAM_PARTITION: Network = Network {
    mtu: Some(4092),
    vlan: Some(0x8002),
    ..network(11, "sriov_ib0", [192, 168, 11])
};
/// A partition with the largest MTU of connected mode.
pub(crate) const CONNECTED_PARTITION: Network = Network {
    mtu: Some(65520),
    vlan: Some(0x8003),
    ..network(12, "sriov_ib0", [192, 168, 12])
};
/// A whole card in a VLAN, passed through by its PCI address in the template.
pub(crate) const PASSED: Network = Network {
    mtu: Some(9000),
    vlan: Some(42),
    ..network(13, "passed", [10, 9, 0])
};

/// InfiniBand NICs that OpenNebula passes through itself, as `PCI`.
pub(crate) const NATIVE_INFINIBAND: Network = Network {
    mtu: Some(2044),
    ..network(14, "none", [192, 168, 14])
};
/// Ethernet NICs of the same kind: the network driver sets the VLAN after the boot.
pub(crate) const NATIVE_ETHERNET: Network = network(15, "none", [192, 168, 50]);

const fn network(id: u32, bridge: &'static str, prefix: [u8; 3]) -> Network {
    Network {
        id,
        bridge,
        prefix,
        mtu: None,
        vlan: None,
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Nic {
    pub(crate) network: Network,
    /// The last octet of its IPv4 address.
    pub(crate) last: u8,
    pub(crate) ip6: Option<String>,
    /// The slot on the guest's PCI bus, if the template names one.
    pub(crate) slot: Option<u8>,
    /// The transport mode in the context.
    pub(crate) mode: Option<&'static str>,
    /// The PCI address of the VF that OpenNebula chose for a PCI NIC.
    pub(crate) device: Option<String>,
    /// Whether the VF has the driver's GUID; otherwise the agent matches the NIC by position.
    pub(crate) has_guid: bool,
}

impl Nic {
    pub(crate) fn new(network: Network, last: u8) -> Self {
        Self {
            network,
            last,
            ip6: None,
            slot: None,
            mode: None,
            device: None,
            has_guid: true,
        }
    }

    #[must_use]
    pub(crate) fn with_ip6(mut self, address: &str) -> Self {
        self.ip6 = Some(address.to_owned());
        self
    }

    #[must_use]
    pub(crate) fn at_slot(mut self, slot: u8) -> Self {
        self.slot = Some(slot);
        self
    }

    #[must_use]
    pub(crate) fn with_mode(mut self, mode: &'static str) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Makes this a PCI NIC on a device.
    #[must_use]
    pub(crate) fn on_device(mut self, address: &str) -> Self {
        self.device = Some(address.to_owned());
        self
    }

    #[must_use]
    pub(crate) fn without_guid(mut self) -> Self {
        self.has_guid = false;
        self
    }

    pub(crate) fn is_infiniband(&self) -> bool {
        self.network.bridge == INFINIBAND.bridge || self.network.id == NATIVE_INFINIBAND.id
    }

    /// Whether the context calls this NIC `PCI<k>`.
    pub(crate) fn is_passed(&self) -> bool {
        self.network.bridge == PASSED.bridge || self.device.is_some()
    }

    pub(crate) fn ip(&self) -> String {
        let [first, second, third] = self.network.prefix;
        format!("{first}.{second}.{third}.{}", self.last)
    }

    /// The last four octets of the MAC, which are the IPv4 address: `c0:a8:07:05`.
    pub(crate) fn key(&self) -> String {
        let [first, second, third] = self.network.prefix;
        format!("{first:02x}:{second:02x}:{third:02x}:{:02x}", self.last)
    }

    pub(crate) fn mac(&self) -> String {
        format!("02:00:{}", self.key())
    }

    /// The GUID that the driver makes for this NIC at a position: `00:07:aa:00:c0:a8:07:05`.
    pub(crate) fn guid(&self, position: u8) -> String {
        format!(
            "{:02x}:{:02x}:aa:{position:02x}:{}",
            self.network.id >> 8,
            self.network.id & 0xff,
            self.key()
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// A busybox initramfs without a disk, with the agent and busybox's ifup.
    Tiny,
    /// Debian with systemd-networkd.
    Debian,
}

#[derive(Debug, Clone)]
pub(crate) struct Vm {
    pub(crate) id: u32,
    pub(crate) system: System,
    pub(crate) nics: Vec<Nic>,
    /// Additions to the guest's kernel command line.
    pub(crate) kernel_words: String,
}

impl Vm {
    pub(crate) fn new(id: u32, system: System, nics: impl Into<Vec<Nic>>) -> Self {
        Self {
            id,
            system,
            nics: nics.into(),
            kernel_words: String::new(),
        }
    }

    #[must_use]
    pub(crate) fn with_kernel_words(mut self, words: &str) -> Self {
        words.clone_into(&mut self.kernel_words);
        self
    }

    pub(crate) fn name(&self) -> String {
        format!("one-{}", self.id)
    }

    /// The InfiniBand NICs, each with its position.
    pub(crate) fn infiniband(&self) -> impl Iterator<Item = (u8, &Nic)> {
        (0..).zip(self.nics.iter().filter(|nic| nic.is_infiniband()))
    }

    /// The directory of the VM's files on the host, as OpenNebula spells it.
    pub(crate) fn directory(&self) -> String {
        format!("/var/lib/one//datastores/0/{}", self.id)
    }
}
