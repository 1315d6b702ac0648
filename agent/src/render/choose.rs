//! Which network stack this guest has: decided by what is installed and enabled, since at boot nothing runs yet.

use std::path::Path;

use one_sriov_system::Root;

use super::{Backend, UnknownBackend};

/// What of a guest tells its network stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// `/etc/sysconfig/network` is a directory: SUSE's layout (Red Hat has a file there).
    pub suse_layout: bool,
    /// `/etc/sysconfig/network-scripts/ifup` is there: initscripts are installed.
    pub initscripts: bool,
    /// NetworkManager starts at boot.
    pub network_manager_enabled: bool,
}

impl Facts {
    /// Looks at a guest.
    #[must_use]
    pub fn gather(root: &Root) -> Self {
        let exists = |path: &str| root.exists(Path::new(path));
        // An enabled unit is a link; where it leads to does not matter.
        let is_linked = |path: &str| {
            let entry = root.entry(Path::new(path));
            entry.is_ok_and(|entry| entry.symlink_metadata().is_ok())
        };
        Self {
            suse_layout: root.is_dir(Path::new("/etc/sysconfig/network")),
            initscripts: exists("/etc/sysconfig/network-scripts/ifup"),
            network_manager_enabled: is_linked(
                "/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
            ) || is_linked("/etc/rc.d/rc3.d/S23NetworkManager"),
        }
    }
}

/// The backend, and why it is this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The backend.
    pub backend: Backend,
    /// Why, as a sentence for `explain`.
    pub why: String,
}

/// Chooses the backend: the wish of a person first (with who had it: `--backend`, ...), then the facts.
///
/// # Errors
/// [`UnknownBackend`] if the wish names none.
pub fn choose(wish: Option<(&str, &str)>, facts: Facts) -> Result<Choice, UnknownBackend> {
    match wish {
        Some((who, name)) if !["ifcfg", "scripts"].contains(&name) => Ok(Choice {
            backend: name.parse()?,
            why: format!("{who} names it"),
        }),
        _ => Ok(by_facts(facts)),
    }
}

fn by_facts(facts: Facts) -> Choice {
    let (backend, why) = match facts {
        Facts {
            suse_layout: true, ..
        } => (
            Backend::IfcfgSuse,
            "'/etc/sysconfig/network' is a directory, as SUSE has it",
        ),
        Facts {
            initscripts: true,
            network_manager_enabled: false,
            ..
        } => (
            Backend::IfcfgInitscripts,
            "initscripts are installed and NetworkManager is not enabled",
        ),
        Facts {
            initscripts: true, ..
        } => (
            Backend::IfcfgNetworkManager,
            "initscripts are installed, but NetworkManager is enabled",
        ),
        Facts { .. } => (
            Backend::IfcfgNetworkManager,
            "no initscripts are installed, so NetworkManager reads ifcfg files",
        ),
    };
    Choice {
        backend,
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_wish_goes_before_the_facts_and_ifcfg_leaves_the_dialect_to_them() {
        let suse = Facts {
            suse_layout: true,
            ..Facts::default()
        };
        let scripts = Facts {
            initscripts: true,
            ..Facts::default()
        };
        let both = Facts {
            initscripts: true,
            network_manager_enabled: true,
            ..Facts::default()
        };
        let table = [
            (None, Facts::default(), Backend::IfcfgNetworkManager),
            (None, scripts, Backend::IfcfgInitscripts),
            (None, both, Backend::IfcfgNetworkManager),
            (None, suse, Backend::IfcfgSuse),
            (Some("ifcfg"), suse, Backend::IfcfgSuse),
            (Some("scripts"), scripts, Backend::IfcfgInitscripts),
            (Some("ifcfg-nm"), suse, Backend::IfcfgNetworkManager),
            (Some("ifcfg-suse"), scripts, Backend::IfcfgSuse),
        ];
        for (wish, facts, expected) in table {
            let wish = wish.map(|name| ("--backend", name));
            assert_eq!(
                choose(wish, facts).unwrap().backend,
                expected,
                "{wish:?} {facts:?}"
            );
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_says_the_known_ones() {
        let error = choose(Some(("--backend", "netwrok\n")), Facts::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown backend 'netwrok\\n': expected ifcfg, ifcfg-initscripts, ifcfg-nm or ifcfg-suse"
        );
    }
}
