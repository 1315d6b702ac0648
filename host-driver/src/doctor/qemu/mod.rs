//! Checks whether QEMU may open `/dev/vfio/<group>`.
//!
//! OpenNebula's hosts run QEMU as `oneadmin`, and configure libvirt not to change owners:
//!
//! ```text
//! user = "oneadmin"
//! group = "oneadmin"
//! dynamic_ownership = 0
//! ```
//!
//! A new `/dev/vfio/<group>` belongs to root, so a udev rule has to change that.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use one_sriov_system::Probe;

use super::Finding;
use super::finding::{some, unread};
use crate::host::Host;

mod identity;

use identity::Identity;

const CHECK: &str = "vfio";
const CONF: &str = "/etc/libvirt/qemu.conf";
const RULES: [&str; 4] = [
    "/etc/udev/rules.d",
    "/run/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
];

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let probe = Probe::new(&host.root);
    let mut findings = vec![inspect(host, &probe)];
    findings.extend(unread(CHECK, &probe));
    findings
}

fn inspect(host: &Host, probe: &Probe<'_>) -> Finding {
    let conf = match host.root.read_to_string(Path::new(CONF)) {
        Ok(text) => QemuConf::parse(&text),
        Err(error) if error.kind() == ErrorKind::NotFound => QemuConf::default(),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let message = format!(
                "'{CONF}' is readable only by root: whether QEMU may open /dev/vfio is unknown"
            );
            return Finding::note(CHECK, message).remedy("run 'one-sriov doctor' as root");
        }
        Err(error) => {
            return Finding::problem(CHECK, format!("failed to read '{CONF}': {error}"));
        }
    };
    if !conf.keeps_owners {
        let message = "libvirt gives /dev/vfio to the user of each VM (dynamic_ownership)";
        return Finding::ok(CHECK, message);
    }
    let user = conf.user.as_deref().unwrap_or("root");
    let group = conf.group.as_deref().unwrap_or(user);
    let qemu = match Identity::of(user, group) {
        Ok(Some(qemu)) => qemu,
        Ok(None) => {
            let message =
                format!("'{CONF}': user '{user}' or group '{group}' does not exist on this host");
            return Finding::problem(CHECK, message).remedy("correct it, and restart libvirtd");
        }
        Err(error) => {
            let message = format!("failed to look up user '{user}' or group '{group}': {error}");
            return Finding::problem(CHECK, message);
        }
    };
    if qemu.is_root() {
        return Finding::ok(CHECK, "QEMU runs as root and may open /dev/vfio");
    }
    let rule = format!(
        "add to /etc/udev/rules.d/70-vfio.rules: SUBSYSTEM==\"vfio\", OWNER=\"root\", \
         GROUP=\"{group}\", MODE=\"0660\""
    );
    let nodes = nodes(probe);
    let refused: Vec<_> = nodes
        .iter()
        .filter(|node| !may_open(&qemu, probe, node))
        .map(|node| node.display())
        .collect();
    let has_groups = nodes.iter().any(|node| !node.ends_with("vfio"));
    if !refused.is_empty() {
        let refused = some(&refused);
        let message = format!("QEMU runs as '{user}', which may not open {refused}");
        Finding::problem(CHECK, message).remedy(rule)
    } else if has_groups || has_rule(probe) {
        Finding::ok(
            CHECK,
            format!("QEMU runs as '{user}', which may open /dev/vfio"),
        )
    } else {
        let message = format!(
            "QEMU runs as '{user}', and no udev rule gives it access to future /dev/vfio/<group> devices"
        );
        Finding::warning(CHECK, message).remedy(rule)
    }
}

fn may_open(qemu: &Identity, probe: &Probe<'_>, path: &Path) -> bool {
    let node = probe.metadata(path);
    node.is_ok_and(|node| qemu.may_write(node.uid(), node.gid(), node.mode()))
}

/// Lists `/dev/vfio/vfio` and the nodes of all groups that are bound to `vfio-pci` now.
fn nodes(probe: &Probe<'_>) -> Vec<PathBuf> {
    let dir = Path::new("/dev/vfio");
    let names = probe.list(dir).unwrap_or_default();
    let is_node = |name: &str| name == "vfio" || name.bytes().all(|b| b.is_ascii_digit());
    names
        .iter()
        .filter(|name| name.to_str().is_some_and(is_node))
        .map(|name| dir.join(name))
        .collect()
}

/// Whether a udev rule covers the nodes of groups.
fn has_rule(probe: &Probe<'_>) -> bool {
    let files = RULES.iter().map(Path::new).flat_map(|dir| {
        let names = probe.list(dir).unwrap_or_default().into_iter();
        names.map(move |name| dir.join(name))
    });
    let mut texts = files.filter_map(|file| probe.read_to_string(&file).ok());
    texts.any(|text| {
        text.lines().any(|line| {
            let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            !line.starts_with('#')
                && line.contains("SUBSYSTEM==\"vfio\"")
                && ["OWNER", "GROUP", "MODE", "TAG+"].iter().any(|name| {
                    line.contains(&format!("{name}=")) || line.contains(&format!("{name}:="))
                })
        })
    })
}

/// The settings of `qemu.conf` that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
struct QemuConf {
    user: Option<String>,
    group: Option<String>,
    keeps_owners: bool,
}

impl QemuConf {
    fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        for line in text.lines() {
            let line = line.trim();
            let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#'))
            else {
                continue;
            };
            let value = value.trim();
            let value = match value.strip_prefix('"') {
                Some(rest) => rest.split('"').next().unwrap_or_default(),
                None => value.split(['#', ' ', '\t']).next().unwrap_or_default(),
            };
            match name.trim() {
                "user" => conf.user = Some(value.to_owned()),
                "group" => conf.group = Some(value.to_owned()),
                "dynamic_ownership" => conf.keeps_owners = value == "0",
                _ => {}
            }
        }
        conf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_the_equals_sign_and_comments_are_ignored() {
        let text = "#user = \"qemu\"\nuser = \"oneadmin\"\ngroup=\"kvm\" # for /dev/kvm\n\
                    dynamic_ownership = 0\nvnc_listen = \"0.0.0.0\"\n";
        let expected = QemuConf {
            user: Some("oneadmin".into()),
            group: Some("kvm".into()),
            keeps_owners: true,
        };
        assert_eq!(QemuConf::parse(text), expected);
        assert!(!QemuConf::parse("dynamic_ownership = 1\n").keeps_owners);
    }
}
