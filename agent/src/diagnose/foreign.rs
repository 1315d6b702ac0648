//! Foreign files that configure a device that the agent configures.
//!
//! ```text
//! /etc/NetworkManager/system-connections/old.nmconnection   interface-name=eth0     [connection]
//! /etc/systemd/network/05-old.network                       Name=eth0               [Match]
//! /etc/sysconfig/network-scripts/ifcfg-Wired_1              HWADDR=02:00:0A:00:00:0C
//! /etc/network/interfaces.d/50-cloud-init                   iface eth0 inet dhcp
//! ```
//! Sources: `nm-settings-keyfile(5)`, `systemd.network(5)`, `nm-settings-ifcfg-rh(5)`, `interfaces(5)`.

use std::path::Path;

use super::Finding;
use crate::detect::Probe;
use crate::render::Reader;
use hwaddr::MacAddress;

/// A directory whose files a network stack reads.
pub(super) struct ForeignPlace {
    directory: &'static str,
    form: Form,
    /// The programs that read the directory.
    readers: &'static [Reader],
}

/// The syntax of a file.
#[derive(Clone, Copy)]
enum Form {
    /// `key=value` in sections; these keys identify the device.
    Sections {
        section: &'static str,
        name: &'static str,
        mac: &'static str,
    },
    /// `KEY=value`, as in a shell.
    Assignments,
    /// `iface NAME ...`.
    Stanzas,
}

const KEYFILE: Form = Form::Sections {
    section: "connection",
    name: "interface-name",
    mac: "mac-address",
};
const NETWORK: Form = Form::Sections {
    section: "Match",
    name: "Name",
    mac: "MACAddress",
};
const NETWORK_MANAGER: &[Reader] = &[Reader::NetworkManager];
const NETWORKD: &[Reader] = &[Reader::Networkd];
const IFUPDOWN: &[Reader] = &[Reader::Ifupdown];

const fn place(directory: &'static str, form: Form, readers: &'static [Reader]) -> ForeignPlace {
    ForeignPlace {
        directory,
        form,
        readers,
    }
}

/// The directories in which other programs, installers and users keep files for devices.
pub(super) const PLACES: [ForeignPlace; 8] = [
    place(
        "/etc/NetworkManager/system-connections",
        KEYFILE,
        NETWORK_MANAGER,
    ),
    place(
        "/run/NetworkManager/system-connections",
        KEYFILE,
        NETWORK_MANAGER,
    ),
    place("/etc/systemd/network", NETWORK, NETWORKD),
    place("/run/systemd/network", NETWORK, NETWORKD),
    place(
        "/etc/sysconfig/network-scripts",
        Form::Assignments,
        &[Reader::Initscripts, Reader::NetworkManager],
    ),
    place(
        "/etc/sysconfig/network",
        Form::Assignments,
        &[Reader::Wicked],
    ),
    place("/etc/network/interfaces.d", Form::Stanzas, IFUPDOWN),
    place("/run/network/interfaces.d", Form::Stanzas, IFUPDOWN),
];

impl ForeignPlace {
    /// Whether any network stack reads this directory: the one that the agent writes files for, or another enabled one.
    pub(super) fn is_read_by(&self, stack: Reader, others: &[Reader]) -> bool {
        let mut all = others.iter().chain([&stack]);
        all.any(|stack| self.readers.contains(stack))
    }
}

/// A device that the agent configures: its name and, for Ethernet, its MAC.
pub(super) type OwnDevice<'a> = (&'a str, Option<MacAddress>);

/// Finds the files in one directory that configure any of the devices; `is_ours` excludes the agent's own.
pub(super) fn findings(
    root: &Probe<'_>,
    place: &ForeignPlace,
    devices: &[OwnDevice<'_>],
    is_ours: impl Fn(&Path) -> bool,
) -> Vec<Finding> {
    let directory = Path::new(place.directory);
    let names = root.list(directory).unwrap_or_default();
    let files = names.into_iter().map(|name| directory.join(name));
    let files = files.filter(|path| place.form.is_read(path) && !is_ours(path));
    files
        .filter_map(|path| {
            let text = root.read_to_string(&path).ok()?;
            let (line, device) = place.form.configures(&path, &text, devices)?;
            Some(finding(&path, &line, device))
        })
        .collect()
}

fn finding(path: &Path, line: &str, device: &str) -> Finding {
    let text = format!(
        "'{}' also configures '{device}', and the agent did not write it ({line}): remove it if it is stale",
        path.display()
    );
    Finding::warning("foreign-file", text).of(device)
}

impl Form {
    /// Whether network stacks read a file with this name.
    fn is_read(self, path: &Path) -> bool {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let has_end = |end: &str| path.extension().is_some_and(|own| own == end);
        match self {
            Self::Sections {
                section: "Match", ..
            } => has_end("network"),
            Self::Assignments => {
                name.starts_with("ifcfg-") && !has_end("bak") && !name.ends_with('~')
            }
            Self::Sections { .. } | Self::Stanzas => !name.starts_with('.') && !name.ends_with('~'),
        }
    }

    /// Returns the line by which a file configures one of the devices, and the device.
    fn configures<'d>(
        self,
        path: &Path,
        text: &str,
        devices: &[OwnDevice<'d>],
    ) -> Option<(String, &'d str)> {
        let by_name = |value: &str| devices.iter().find(|(name, _)| *name == value);
        let by_mac = |value: &str| {
            let mac: MacAddress = value.parse().ok()?;
            devices.iter().find(|(_, own)| *own == Some(mac))
        };
        let mut here = "";
        let mut names_device = false;
        for (at, line) in text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()))
        {
            if line.starts_with(['#', ';']) {
                continue;
            }
            let section = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'));
            here = section.unwrap_or(here);
            let value = |key: &str| {
                let (own, value) = line.split_once('=')?;
                (own.trim() == key).then(|| value.trim().trim_matches(['"', '\'']))
            };
            let found = match self {
                Self::Sections { section, name, mac } => {
                    let of_name = value(name).filter(|_| here == section);
                    of_name
                        .and_then(|value| value.split_whitespace().find_map(by_name))
                        .or_else(|| value(mac)?.split_whitespace().find_map(by_mac))
                }
                Self::Assignments => {
                    let device = value("DEVICE");
                    names_device |= device.is_some();
                    device.and_then(by_name).or_else(|| {
                        let mac = value("HWADDR").or_else(|| value("LLADDR"));
                        mac.and_then(by_mac)
                    })
                }
                Self::Stanzas => {
                    let mut words = line.split_whitespace();
                    let is_stanza = words.next() == Some("iface");
                    words.next().filter(|_| is_stanza).and_then(by_name)
                }
            };
            if let Some((device, _)) = found {
                return Some((format!("line {at}: '{}'", line.escape_debug()), device));
            }
        }
        // An `ifcfg` file that names no device is for the device in its file name.
        let of_file = path.file_name()?.to_str()?.strip_prefix("ifcfg-")?;
        let (device, _) =
            by_name(of_file).filter(|_| matches!(self, Self::Assignments) && !names_device)?;
        Some(("by its name".into(), device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_by_their_own_grammar() {
        let mac = "02:00:0a:00:00:0c".parse().ok();
        let devices = [("eth0", mac), ("ib0", None)];
        let table = [
            (
                KEYFILE,
                "x",
                "[connection]\ninterface-name=eth0\n",
                Some("eth0"),
            ),
            (KEYFILE, "x", "[other]\ninterface-name=eth0\n", None),
            (KEYFILE, "x", "[connection]\n#interface-name=eth0\n", None),
            (KEYFILE, "x", "[connection]\ninterface-name=eth01\n", None),
            (
                KEYFILE,
                "x",
                "[ethernet]\nmac-address=02:00:0A:00:00:0C\n",
                Some("eth0"),
            ),
            (
                NETWORK,
                "x.network",
                "[Match]\nName=ens3 ib0\n",
                Some("ib0"),
            ),
            (NETWORK, "x.network", "[Link]\nName=ib0\n", None),
            (
                Form::Assignments,
                "ifcfg-a",
                "DEVICE=\"ib0\"\n",
                Some("ib0"),
            ),
            (
                Form::Assignments,
                "ifcfg-a",
                "HWADDR=02:00:0a:00:00:0c\n",
                Some("eth0"),
            ),
            (
                Form::Assignments,
                "ifcfg-ib0",
                "BOOTPROTO=dhcp\n",
                Some("ib0"),
            ),
            (Form::Assignments, "ifcfg-ib0", "DEVICE=ib7\n", None),
            (
                Form::Stanzas,
                "a",
                "auto eth0\niface eth0 inet dhcp\n",
                Some("eth0"),
            ),
            (Form::Stanzas, "a", "# iface eth0 inet dhcp\n", None),
        ];
        for (form, name, text, expected) in table {
            let found = form.configures(Path::new(name), text, &devices);
            assert_eq!(found.map(|(_, device)| device), expected, "{text}");
        }
    }
}
