//! The facts that decide which network stack a guest has, read from its files, because no daemon runs yet at boot.

use std::path::Path;

use one_sriov_system::Root;

use super::Probe;
use super::units::{Units, names};
use super::{Netplan, NetworkManagerConfig};
use crate::render::{RESOLV_CONF, Reader, Readers, Resolver, network_manager_version};

const PLUGIN: &str = "libnm-settings-plugin-ifcfg-rh.so";

/// The facts that decide which network stack a guest has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a separate observation
pub struct Facts {
    /// `/etc/sysconfig/network` is a directory: SUSE's layout (Red Hat has a file there).
    pub suse_layout: bool,
    /// `/etc/sysconfig/network-scripts` is a directory: Red Hat's layout.
    pub red_hat_layout: bool,
    /// `/etc/sysconfig/network-scripts/ifup` exists: initscripts are installed.
    pub initscripts: bool,
    /// The readers whose service starts at boot.
    pub enabled: Readers,
    /// The version of NetworkManager whose plugin for `ifcfg` files is installed and loaded.
    pub ifcfg_plugin_of: Option<(u32, u32)>,
    /// The YAML of other programs or users, if netplan is installed and there is any.
    pub netplan: Option<Netplan>,
    /// The devices to write files for: netplan's YAML may name them.
    pub devices: Vec<String>,
    /// netplan is installed, with or without YAML.
    pub netplan_is_there: bool,
    /// `ifup` and `/etc/network/interfaces` exist.
    pub ifupdown: bool,
    /// `/etc/alpine-release` exists.
    pub alpine: bool,
    /// Read errors, which may make the other facts wrong.
    pub unread: Vec<String>,
    /// The running readers, if they matter.
    pub running: Option<Readers>,
}

impl Facts {
    /// Reads the facts of a guest.
    #[must_use]
    pub fn gather(root: &Root) -> Self {
        let root = &Probe::new(root);
        let units = Units::of(root);
        let runlevel = runlevel(root);
        let enabled = Reader::ALL.into_iter().filter(|reader| {
            units.is_enabled(&reader.unit()) || is_in_runlevel(&runlevel, reader.service())
        });
        let is_there = |paths: &[&str]| paths.iter().any(|path| root.exists(Path::new(path)));
        let facts = Self {
            suse_layout: root.is_dir(Path::new("/etc/sysconfig/network")),
            red_hat_layout: root.is_dir(Path::new("/etc/sysconfig/network-scripts")),
            initscripts: is_there(&["/etc/sysconfig/network-scripts/ifup"]),
            enabled: enabled.collect(),
            ifcfg_plugin_of: ifcfg_plugin(root),
            netplan: Netplan::gather(root),
            netplan_is_there: Netplan::is_installed(root),
            ifupdown: is_there(&["/sbin/ifup", "/usr/sbin/ifup"])
                && is_there(&["/etc/network/interfaces"]),
            alpine: is_there(&["/etc/alpine-release"]),
            devices: Vec::new(),
            unread: Vec::new(),
            running: None,
        };
        Self {
            unread: root.failures(),
            ..facts
        }
    }
}

/// Returns the program that writes `/etc/resolv.conf` in a guest.
#[must_use]
pub fn resolver(root: &Probe<'_>) -> Resolver {
    let programs = [
        "/usr/sbin/resolvconf",
        "/sbin/resolvconf",
        "/usr/bin/resolvconf",
    ];
    if programs.iter().any(|path| root.exists(Path::new(path))) {
        return Resolver::Resolvconf;
    }
    match root.read_link(Path::new(RESOLV_CONF)) {
        Ok(target) if target.ends_with("run/netconfig/resolv.conf") => Resolver::Netconfig,
        Ok(_) => Resolver::Link,
        Err(_) => Resolver::Nobody,
    }
}

/// The start scripts of a machine without systemd: `/etc/rc.d/rc3.d/S23NetworkManager` on EL 6.
pub(crate) fn runlevel(root: &Probe<'_>) -> Vec<String> {
    names(root, "/etc/rc.d/rc3.d")
}

pub(crate) fn is_in_runlevel(runlevel: &[String], service: &str) -> bool {
    runlevel
        .iter()
        .any(|name| name.starts_with('S') && name.get(3..) == Some(service))
}

/// Looks for `/usr/lib64/NetworkManager/1.18.8-2.el7_9/libnm-settings-plugin-ifcfg-rh.so`; older ones are in the parent
/// directory, without a version. A plugin that the configuration does not load reads nothing.
fn ifcfg_plugin(root: &Probe<'_>) -> Option<(u32, u32)> {
    let mut directories = ["/usr/lib64/NetworkManager", "/usr/lib/NetworkManager"].iter();
    let installed = directories.find_map(|directory| {
        let path = Path::new(directory);
        if root.exists(&path.join(PLUGIN)) {
            return Some((0, 0));
        }
        names(root, directory).into_iter().find_map(|name| {
            let version = network_manager_version(&name)?;
            let plugin = path.join(&name).join(PLUGIN);
            root.exists(&plugin).then_some(version)
        })
    });
    let is_loaded = || NetworkManagerConfig::gather(root, &[]).loads_plugin("ifcfg-rh");
    installed.filter(|_| is_loaded())
}
