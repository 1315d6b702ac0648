//! What of a guest tells its network stack, read from its files: at boot nothing runs yet.

use std::path::Path;

use one_sriov_system::Root;

use super::Probe;
use super::units::{Units, names};
use super::{Netplan, NetworkManagerConfig, Running};
use crate::render::{RESOLV_CONF, Resolver, network_manager_version};

const PLUGIN: &str = "libnm-settings-plugin-ifcfg-rh.so";

/// What of a guest tells its network stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is an observation of its own
pub struct Facts {
    /// `/etc/sysconfig/network` is a directory: SUSE's layout (Red Hat has a file there).
    pub suse_layout: bool,
    /// `/etc/sysconfig/network-scripts` is a directory: Red Hat's layout.
    pub red_hat_layout: bool,
    /// `/etc/sysconfig/network-scripts/ifup` is there: initscripts are installed.
    pub initscripts: bool,
    /// The service `network` of initscripts starts at boot.
    pub initscripts_enabled: bool,
    /// NetworkManager starts at boot.
    pub network_manager_enabled: bool,
    /// NetworkManager's reader of `ifcfg` files is installed, for NetworkManager of this version.
    pub ifcfg_plugin_of: Option<(u32, u32)>,
    /// systemd-networkd starts at boot.
    pub networkd_enabled: bool,
    /// wicked starts at boot.
    pub wicked_enabled: bool,
    /// What the YAML of others says, where netplan is installed and has any.
    pub netplan: Option<Netplan>,
    /// The devices that files are written for: netplan's YAML may name them.
    pub devices: Vec<String>,
    /// netplan is installed, whether it has YAML or not.
    pub netplan_is_there: bool,
    /// `ifup` and `/etc/network/interfaces` are there.
    pub ifupdown: bool,
    /// `/etc/alpine-release` is there.
    pub alpine: bool,
    /// What could not be read, so that the rest may be wrong.
    pub unread: Vec<String>,
    /// What runs, where that is to count, too.
    pub running: Option<Running>,
}

impl Facts {
    /// Looks at a guest.
    #[must_use]
    pub fn gather(root: &Root) -> Self {
        let root = &Probe::new(root);
        let units = Units::of(root);
        let is_there = |paths: &[&str]| paths.iter().any(|path| root.exists(Path::new(path)));
        let facts = Self {
            suse_layout: root.is_dir(Path::new("/etc/sysconfig/network")),
            red_hat_layout: root.is_dir(Path::new("/etc/sysconfig/network-scripts")),
            initscripts: is_there(&["/etc/sysconfig/network-scripts/ifup"]),
            initscripts_enabled: units.is_enabled("network.service")
                || is_in_runlevel(root, "network"),
            network_manager_enabled: units.is_enabled("NetworkManager.service")
                || is_in_runlevel(root, "NetworkManager"),
            ifcfg_plugin_of: ifcfg_plugin(root),
            networkd_enabled: units.is_enabled("systemd-networkd.service"),
            wicked_enabled: units.is_enabled("wicked.service"),
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

/// Who writes `/etc/resolv.conf` of a guest.
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

/// EL 6: `/etc/rc.d/rc3.d/S23NetworkManager`.
pub(crate) fn is_in_runlevel(root: &Probe<'_>, service: &str) -> bool {
    names(root, "/etc/rc.d/rc3.d")
        .iter()
        .any(|name| name.starts_with('S') && name.get(3..) == Some(service))
}

/// `/usr/lib64/NetworkManager/1.18.8-2.el7_9/libnm-settings-plugin-ifcfg-rh.so`; older ones stand a
/// directory above and have no version. One that the configuration leaves out reads nothing.
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
