//! A VM on the host, seen from inside.

use std::fmt;

use serde_json::Value;

use crate::cloud::Cloud;
use crate::cloud::vm::{Nic, System, Vm};
use crate::host::Host;
use crate::report::{Failure, ensure};
use crate::shell::Shell;

/// A deployed VM and a shell in it.
pub(crate) struct Guest {
    pub(crate) vm: Vm,
    pub(crate) id: String,
    pub(crate) shell: Shell,
}

impl Guest {
    /// Deploys a VM, and waits until it has booted.
    pub(crate) fn deploy(cloud: &Cloud, host: &Host, vm: &Vm) -> Result<Self, Failure> {
        let id = cloud.deploy(host, vm)?;
        let shell = host.guest_shell(vm.id)?;
        let mut guest = Self {
            vm: vm.clone(),
            id,
            shell,
        };
        guest.wait_for_boot()?;
        Ok(guest)
    }

    fn wait_for_boot(&mut self) -> Result<(), Failure> {
        let command = match self.vm.system {
            System::Tiny => "true",
            System::Debian => "systemctl is-system-running --wait; systemctl start lab-online",
        };
        self.shell.get(command, 300).map(drop)
    }

    /// The addresses of all devices, from `ip`.
    pub(crate) fn devices(&mut self) -> Result<Devices, Failure> {
        match self.vm.system {
            // busybox's ip can't print JSON.
            System::Tiny => Devices::from_words(&self.shell.get("ip -o address; ip -o link", 30)?),
            System::Debian => Devices::from_json(&self.shell.get(ADDRESSES, 30)?),
        }
    }

    /// Waits until a device has the address of a NIC.
    pub(crate) fn wait_for_address(&mut self, nic: &Nic) -> Result<(), Failure> {
        let has = format!("ip -o address | grep -q ' {}/24 '", nic.ip());
        self.shell.until(&has, ADDRESS_PATIENCE).map(drop)
    }

    /// Pings an address until it answers.
    pub(crate) fn ping(&mut self, address: &str) -> Result<(), Failure> {
        let family = if address.contains(':') { "-6" } else { "-4" };
        self.shell
            .until(
                &format!("ping {family} -c 1 -W 2 {address} >/dev/null 2>&1"),
                30,
            )
            .map(drop)
    }
}

/// How many seconds a device that was plugged in may take to get its address.
const ADDRESS_PATIENCE: u64 = 60;

/// The command that prints all devices with all details.
pub(crate) const ADDRESSES: &str = "ip -d -j address";

/// The length of a GUID as text: `00:07:aa:00:c0:a8:07:05`.
const GUID: usize = 23;

/// The network devices of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Devices(Vec<Device>);

#[derive(Clone, Default)]
pub(crate) struct Device {
    pub(crate) name: String,
    /// The hardware address, of 6 or 20 octets.
    pub(crate) hardware: String,
    pub(crate) mtu: u64,
    pub(crate) is_up: bool,
    /// Addresses with prefix lengths: `192.168.7.5/24`.
    pub(crate) addresses: Vec<String>,
    /// The link kind: `vlan`, `ipoib`.
    pub(crate) kind: String,
    /// The data of the link kind: `id` of a VLAN, `key` and `mode` of an InfiniBand port or partition.
    pub(crate) of_kind: Value,
    /// The name of the parent device.
    pub(crate) parent: String,
    /// The bus address: `0000:00:17.0`.
    pub(crate) bus: String,
}

impl Devices {
    /// Parses the output of `ip -d -j address`.
    pub(crate) fn from_json(text: &str) -> Result<Self, Failure> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("ip: {error}: {text}")))?;
        let device = |value: &Value| {
            let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            let addresses = value["addr_info"].as_array().into_iter().flatten();
            let flags = value["flags"].as_array().into_iter().flatten();
            Device {
                name: text("ifname"),
                hardware: text("address"),
                mtu: value["mtu"].as_u64().unwrap_or_default(),
                is_up: flags.into_iter().any(|flag| flag == "UP"),
                addresses: addresses
                    .map(|info| {
                        format!(
                            "{}/{}",
                            info["local"].as_str().unwrap_or_default(),
                            info["prefixlen"]
                        )
                    })
                    .collect(),
                kind: value["linkinfo"]["info_kind"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                of_kind: value["linkinfo"]["info_data"].clone(),
                parent: text("link"),
                bus: text("parentdev"),
            }
        };
        Ok(Self(
            value.as_array().into_iter().flatten().map(device).collect(),
        ))
    }

    /// Parses the output of busybox's `ip -o address; ip -o link`.
    fn from_words(text: &str) -> Result<Self, Failure> {
        let mut devices: Vec<Device> = Vec::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(name) = words.get(1) else { continue };
            let name = name
                .trim_end_matches(':')
                .split('@')
                .next()
                .unwrap_or_default();
            let known = devices.iter().position(|device| device.name == name);
            let index = known.unwrap_or_else(|| {
                devices.push(Device {
                    name: name.to_owned(),
                    ..Device::default()
                });
                devices.len() - 1
            });
            let device = &mut devices[index];
            let after = |word: &str| {
                words
                    .iter()
                    .position(|known| *known == word)
                    .and_then(|at| words.get(at + 1))
            };
            let hardware = words
                .iter()
                .find(|word| word.starts_with("link/"))
                .and_then(|word| after(word));
            if let Some(hardware) = hardware {
                (*hardware).clone_into(&mut device.hardware);
                device.mtu = after("mtu")
                    .and_then(|mtu| mtu.parse().ok())
                    .unwrap_or_default();
                let flags = words
                    .iter()
                    .find(|word| word.starts_with('<'))
                    .map(|flags| flags.trim_matches(['<', '>']));
                device.is_up = flags.is_some_and(|flags| flags.split(',').any(|flag| flag == "UP"));
            }
            device.addresses.extend(
                ["inet", "inet6"]
                    .iter()
                    .filter_map(|family| after(family))
                    .map(|text| (*text).to_owned()),
            );
        }
        ensure(!devices.is_empty(), || {
            format!("ip says nothing of devices: {text}")
        })?;
        Ok(Self(devices))
    }

    /// Returns the device with a MAC, or with a GUID, which ends its 20 octets.
    pub(crate) fn with_hardware(&self, end: &str) -> Result<&Device, Failure> {
        let is_it = |device: &&Device| {
            device.hardware.ends_with(end) && (end.len() == GUID || device.hardware == end)
        };
        let found = self.0.iter().find(is_it);
        found.ok_or_else(|| Failure::new(format!("no device has the address '{end}': {self:?}")))
    }

    /// Returns the network device of a PCI function, not a child of it.
    pub(crate) fn at_bus(&self, address: &str) -> Result<&Device, Failure> {
        let found = self.0.iter().find(|device| device.bus == address);
        found.ok_or_else(|| Failure::new(format!("no device is at '{address}': {self:?}")))
    }

    /// Returns the device with an IP address.
    pub(crate) fn with_address(&self, address: &str) -> Result<&Device, Failure> {
        let found = self
            .0
            .iter()
            .find(|device| device.addresses.iter().any(|known| known == address));
        found.ok_or_else(|| Failure::new(format!("no device has '{address}': {self:?}")))
    }
}

impl fmt::Debug for Device {
    /// Prints a device on one short line, because a guest has a dozen of them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_up { "up" } else { "down" };
        let (name, hardware, mtu, addresses) = (
            &self.name,
            &self.hardware,
            self.mtu,
            self.addresses.join(" "),
        );
        write!(
            formatter,
            "{name} {hardware} {state} mtu {mtu} [{addresses}]"
        )?;
        for (what, text) in [("at", &self.bus), ("on", &self.parent), ("is", &self.kind)] {
            if !text.is_empty() {
                write!(formatter, " {what} {text}")?;
            }
        }
        for key in ["id", "key", "mode"] {
            if let Some(value) = self.of_kind.get(key) {
                write!(formatter, " {key} {value}")?;
            }
        }
        Ok(())
    }
}

impl Device {
    /// Checks that the device is down and has no address.
    pub(crate) fn is_left_alone(&self) -> Result<(), Failure> {
        ensure(!self.is_up && self.addresses.is_empty(), || {
            format!("it is managed: {self:?}")
        })
    }

    pub(crate) fn has(&self, address: &str) -> Result<(), Failure> {
        ensure(self.addresses.iter().any(|known| known == address), || {
            format!("no '{address}': {self:?}")
        })
    }
}
