//! NICs of fake machines.

/// A network device in sysfs.
#[derive(Debug, Clone)]
pub struct Nic {
    pub(crate) name: String,
    pub(crate) arphrd: u32,
    pub(crate) address: String,
    pub(crate) pci: Option<String>,
    pub(crate) driver: Option<String>,
    pub(crate) attributes: Vec<(String, String)>,
}

/// An Ethernet NIC on PCI, for example `ethernet("eth0", "02:00:c0:a8:07:05", "0000:00:03.0", "igbvf")`.
#[must_use]
pub fn ethernet(name: &str, mac: &str, pci: &str, driver: &str) -> Nic {
    Nic {
        name: name.into(),
        arphrd: 1,
        address: mac.into(),
        pci: Some(pci.into()),
        driver: Some(driver.into()),
        attributes: Vec::new(),
    }
}

/// A virtio NIC.
#[must_use]
pub fn virtio(name: &str, mac: &str, slot: u8) -> Nic {
    virtio_at(name, mac, &format!("0000:00:{slot:02x}.0"))
}

/// A virtio NIC at a PCI address.
#[must_use]
pub fn virtio_at(name: &str, mac: &str, pci: &str) -> Nic {
    ethernet(name, mac, pci, "virtio_net")
}

/// An InfiniBand port with this port GUID. Of the other 12 octets, some vary between ports, as in reality.
#[must_use]
pub fn infiniband(name: &str, guid: &str, pci: &str) -> Nic {
    let queue_pair = name.bytes().fold(7_u8, u8::wrapping_add);
    Nic {
        name: name.into(),
        arphrd: 32,
        address: format!("80:00:02:{queue_pair:02x}:fe:80:00:00:00:00:00:00:{guid}"),
        pci: Some(pci.into()),
        driver: Some("mlx5_core".into()),
        attributes: vec![("mode".into(), "datagram".into())],
    }
}

impl Nic {
    /// Sets an attribute file, for example `addr_assign_type` to `1`.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: &str) -> Self {
        self.attributes.retain(|(name, _)| name != attribute);
        self.attributes.push((attribute.into(), value.into()));
        self
    }

    /// Moves the NIC to another PCI address.
    #[must_use]
    pub fn at(mut self, pci: &str) -> Self {
        self.pci = Some(pci.into());
        self
    }

    /// Makes the NIC a virtual device, without hardware.
    #[must_use]
    pub fn virtual_device(mut self) -> Self {
        self.pci = None;
        self.driver = None;
        self
    }
}
