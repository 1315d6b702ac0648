//! SR-IOV cards in sysfs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use super::{Host, kernel};

/// The link layer of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Ethernet.
    Ethernet,
    /// InfiniBand.
    Infiniband,
}

/// A PF with its VFs.
#[derive(Debug, Clone)]
pub struct Pf {
    /// The netdevs: an mlx4 card has one for each of its two ports.
    pub netdevs: Vec<String>,
    /// The PCI slot, such as `0000:81:00`: the PF is function 0, the VFs follow.
    pub base: String,
    /// The link layer.
    pub layer: Layer,
    /// The number of VFs.
    pub vfs: u32,
    /// Whether VFs have netdevs on the host: `<netdev>v<number>`.
    pub has_vf_netdevs: bool,
}

impl Pf {
    /// An InfiniBand PF.
    #[must_use]
    pub fn infiniband(netdev: &str, base: &str, vfs: u32) -> Self {
        Self {
            netdevs: vec![netdev.to_owned()],
            base: base.to_owned(),
            layer: Layer::Infiniband,
            vfs,
            has_vf_netdevs: false,
        }
    }

    /// An Ethernet PF.
    #[must_use]
    pub fn ethernet(netdev: &str, base: &str, vfs: u32) -> Self {
        Self {
            layer: Layer::Ethernet,
            ..Self::infiniband(netdev, base, vfs)
        }
    }

    /// Gives the VFs netdevs on the host.
    #[must_use]
    pub fn with_vf_netdevs(mut self) -> Self {
        self.has_vf_netdevs = true;
        self
    }

    /// Adds a port to the card, as mlx4 cards have.
    #[must_use]
    pub fn and_port(mut self, netdev: &str) -> Self {
        self.netdevs.push(netdev.to_owned());
        self
    }

    /// The PCI address of the PF.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}.0", self.base.replace("xx", "00"))
    }

    /// The PCI address of a VF: eight per slot, from function 1 of slot 0 on.
    #[must_use]
    pub fn vf(&self, number: u32) -> String {
        let (head, _) = self.base.rsplit_once(':').expect("domain, bus and slot");
        let (domain, bus) = head.split_once(':').expect("domain and bus");
        let bus = u32::from_str_radix(bus, 16).expect("a bus");
        // VFs that don't fit on a bus continue on the next.
        let nth = number + 1;
        format!(
            "{domain}:{:02x}:{:02x}.{}",
            bus + nth / 256,
            nth / 8 % 32,
            nth % 8
        )
    }

    /// Adds the card to a host.
    pub fn plug_into(&self, host: &Host) {
        let pf = self.address();
        let driver = self.driver();
        device(host, &pf, driver);
        for (port, netdev) in self.netdevs.iter().enumerate() {
            self.netdev(
                host,
                &pf,
                netdev,
                port,
                &format!("00:00:00:00:00:00:00:{:02x}", 0x10 + port),
            );
        }
        host.write(
            &format!("/sys/bus/pci/devices/{pf}/sriov_numvfs"),
            format!("{}\n", self.vfs),
        );
        host.write(
            &format!("/sys/bus/pci/devices/{pf}/sriov_totalvfs"),
            format!("{}\n", self.vfs),
        );
        for number in 0..self.vfs {
            let vf = self.vf(number);
            device(host, &vf, driver);
            link(
                host,
                &format!("../{vf}"),
                &format!("/sys/bus/pci/devices/{pf}/virtfn{number}"),
            );
            link(
                host,
                &format!("../{pf}"),
                &format!("/sys/bus/pci/devices/{vf}/physfn"),
            );
            if self.has_vf_netdevs {
                self.netdev(
                    host,
                    &vf,
                    &format!("{}v{number}", self.netdevs[0]),
                    0,
                    "00:11:22:33:44:55:66:77",
                );
            }
        }
        self.reset(host);
    }

    /// Resets the VFs to their original state.
    pub(super) fn reset(&self, host: &Host) {
        let vfs = self.originals();
        for netdev in &self.netdevs {
            host.write(&format!("/state/vfs/{netdev}"), kernel::print(&vfs));
            kernel::answers(netdev, &vfs, |path, answer| host.write(path, answer));
        }
        for number in 0..self.vfs {
            let driver = host.path(format!("/sys/bus/pci/devices/{}/driver", self.vf(number)));
            fs::remove_file(&driver).expect("a VF has a driver");
            let own = format!("../../../bus/pci/drivers/{}", self.driver());
            symlink(own, driver).expect("a link");
        }
    }

    /// Returns the addresses of VFs that are not in their original state.
    pub(super) fn changed(&self, host: &Host) -> Vec<String> {
        let originals = self.originals();
        let mut changed = Vec::new();
        for netdev in &self.netdevs {
            let text = host.read(&format!("/state/vfs/{netdev}")).expect("a PF");
            let now = kernel::parse(&text);
            let numbers = originals
                .keys()
                .filter(|number| now[number] != originals[number]);
            changed.extend(numbers.map(|number| self.vf(*number)));
        }
        changed
    }

    fn originals(&self) -> kernel::Vfs {
        (0..self.vfs)
            .map(|number| (number, self.original(number)))
            .collect()
    }

    fn driver(&self) -> &'static str {
        match self.layer {
            Layer::Ethernet => "igb",
            Layer::Infiniband => "mlx5_core",
        }
    }

    /// The original state of a VF.
    fn original(&self, number: u32) -> BTreeMap<String, String> {
        let settings = match self.layer {
            Layer::Ethernet => vec![
                ("mac", format!("02:11:00:00:00:{:02x}", number % 256)),
                ("vlan", "0".into()),
            ],
            Layer::Infiniband => {
                let guid = format!(
                    "0c:42:a1:03:00:00:{:02x}:{:02x}",
                    number / 256,
                    number % 256
                );
                vec![
                    ("node_guid", guid.clone()),
                    ("port_guid", guid),
                    ("state", "disable".into()),
                ]
            }
        };
        let settings = settings.into_iter();
        settings
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn netdev(&self, host: &Host, device: &str, netdev: &str, port: usize, guid: &str) {
        let dir = format!("/sys/class/net/{netdev}");
        let (kind, address) = match self.layer {
            Layer::Ethernet => ("1", format!("02:aa:00:00:00:{port:02x}")),
            Layer::Infiniband => ("32", format!("80:00:02:08:fe:80:00:00:00:00:00:00:{guid}")),
        };
        host.write(&format!("{dir}/type"), format!("{kind}\n"));
        host.write(&format!("{dir}/address"), format!("{address}\n"));
        host.write(&format!("{dir}/dev_port"), format!("{port}\n"));
        let index = fs::read_dir(host.path("/sys/class/net"))
            .expect("netdevs")
            .count()
            + 1;
        host.write(&format!("{dir}/ifindex"), format!("{index}\n"));
        link(
            host,
            &format!("../../../bus/pci/devices/{device}"),
            &format!("{dir}/device"),
        );
        let net = format!("/sys/bus/pci/devices/{device}/net");
        fs::create_dir_all(host.path(&net)).expect("a directory");
        link(
            host,
            &format!("../../../../../class/net/{netdev}"),
            &format!("{net}/{netdev}"),
        );
    }
}

fn device(host: &Host, address: &str, driver: &str) {
    let dir = format!("/sys/bus/pci/devices/{address}");
    // A real sysfs doesn't have this file: it tells the libvirt stand-in which driver to rebind.
    host.write(&format!("{dir}/own_driver"), driver);
    link(
        host,
        &format!("../../../bus/pci/drivers/{driver}"),
        &format!("{dir}/driver"),
    );
}

fn link(host: &Host, target: &str, path: &str) {
    symlink(target, host.path(path)).expect("a link");
}
