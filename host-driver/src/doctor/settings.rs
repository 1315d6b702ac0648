//! Checks the configuration.

use std::io::ErrorKind;
use std::path::Path;

use one_sriov_system::Probe;

use super::Finding;
use super::finding::unread;
use crate::config::{Assignments, Config, ConfigError, Value};
use crate::host::Host;
use crate::pool::Pool;

const CHECK: &str = "settings";

/// Settings of the driver of 2013, and what replaces them.
const SETTINGS_OF_2013: [(&str, &str); 3] = [
    (
        "HPC_MODE",
        "use OpenNebula's TOPOLOGY attributes for huge pages and pinning",
    ),
    (
        "DRIVER_MODE",
        "VF_IDENTITY replaces it, and detects the right identity by default",
    ),
    ("SM_HOST", "configure partitions in the subnet manager"),
];

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = Config::read(&host.root, &host.home) {
        findings.push(Finding::problem(CHECK, error.to_string()).remedy(remedy(&error)));
    }
    let Ok(files) = Config::files(&host.root, &host.home) else {
        // Reported above.
        return findings;
    };
    for (path, assignments) in &files {
        for name in assignments.names() {
            findings.extend(judge(host, path, assignments, name));
        }
    }
    if findings.is_empty() {
        let names: Vec<_> = files.iter().map(|(path, _)| path.display()).collect();
        let message = if names.is_empty() {
            "no kvmrc: the defaults apply".to_owned()
        } else {
            format!("{} is valid", super::finding::some(&names))
        };
        findings.push(Finding::ok(CHECK, message));
    }
    findings
}

/// Returns the remedy. Settings whose values worked with the driver of 2013 have remedies of their own.
fn remedy(error: &ConfigError) -> &'static str {
    let name = match error {
        ConfigError::Value { name, .. } => name.as_str(),
        ConfigError::Read { .. } => "",
    };
    match name {
        "VF_MAPS_PATH" => {
            "write the full path, or remove the line: the default is vf_maps beside the actions"
        }
        "DUMMY_MAC_PREFIX" => {
            "set AA, or another unicast, locally administered prefix, and the same prefix in the guests"
        }
        "LIBVIRT_URI" => "write the full URI in the stock driver's kvmrc",
        _ => "correct that line: until then VMs with SR-IOV NICs cannot be deployed",
    }
}

fn judge(host: &Host, path: &Path, assignments: &Assignments, name: &str) -> Option<Finding> {
    let (line, value) = assignments.get(name)?;
    let place = format!("'{}': line {line}: {name}", path.display());
    let known = Config::names();
    if known.contains(&name) {
        return None;
    }
    if let Some((_, today)) = SETTINGS_OF_2013
        .iter()
        .find(|(setting, _)| *setting == name)
    {
        let is_off = matches!(value, Value::Plain(text) if text == "off");
        return (!is_off).then(|| Finding::note(CHECK, format!("{place} has no effect: {today}")));
    }
    if name == "LIBVIRT_URI" {
        let is_used = matches!(value, Value::Plain(uri) if *uri == host.config.libvirt_uri);
        let uri = &host.config.libvirt_uri;
        return (!is_used).then(|| {
            Finding::warning(CHECK, format!("{place} has no effect: '{uri}' is used"))
                .remedy("set it in the stock driver's kvmrc, which both drivers read")
        });
    }
    if let Some(pool) = name.strip_prefix("VF_IDENTITY_") {
        let pool = pool.parse().ok();
        let is_there = pool.is_some_and(|pool| {
            let maps = host.maps();
            maps.is_ok_and(|maps| Pool::exists(&host.root, &maps, &pool))
        });
        let message = format!("{place} has no effect: this host has no such pool");
        return (!is_there).then(|| Finding::note(CHECK, message));
    }
    // Names with another first word belong to other programs.
    let first_word = name.split('_').next();
    let mut first_words = known.iter().map(|known| known.split('_').next());
    let is_like_ours = first_words.any(|known| known == first_word);
    is_like_ours.then(|| {
        Finding::warning(CHECK, format!("{place} has no effect: unknown setting"))
            .remedy(format!("known settings: {}", known.join(", ")))
    })
}

/// On a front-end that is also a host, checks that dummy MACs do not look like OpenNebula's.
pub(super) fn mac_prefix(host: &Host) -> Vec<Finding> {
    let path = Path::new("/etc/one/oned.conf");
    let probe = Probe::new(&host.root);
    let text = match probe.read_to_string(path) {
        Ok(text) => text,
        // oneadmin is not allowed to read it on every host.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Vec::new(),
        // Only a front-end has it.
        Err(_) => return unread(CHECK, &probe),
    };
    let Some((line, prefix)) = oned_mac_prefix(&text) else {
        return Vec::new();
    };
    let ours = host.config.dummy_prefix;
    let first = prefix.split(':').next().unwrap_or_default();
    if u8::from_str_radix(first, 16) != Ok(ours.octet()) {
        return Vec::new();
    }
    let message = format!(
        "DUMMY_MAC_PREFIX '{ours}' is the first octet of MAC_PREFIX '{prefix}' ('{}': line {line})",
        path.display()
    );
    vec![
        Finding::problem(CHECK, message)
            .remedy("set another DUMMY_MAC_PREFIX in kvmrc, and the same prefix in the guests"),
    ]
}

/// Finds a line such as `MAC_PREFIX = "02:00"`.
fn oned_mac_prefix(text: &str) -> Option<(usize, &str)> {
    let mut lines = text.lines().zip(1..);
    lines.find_map(|(line, number)| {
        let rest = line.trim_start().strip_prefix("MAC_PREFIX")?.trim_start();
        let value = rest.strip_prefix('=')?.trim_start().strip_prefix('"')?;
        Some((number, value.split('"').next()?))
    })
}
