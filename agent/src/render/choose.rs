//! Which network stack this guest has: decided by what is installed and enabled, since at boot nothing runs yet.

use std::path::Path;

use one_sriov_system::Root;

use super::{Backend, UnknownBackend};

/// What of a guest tells its network stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is an observation of its own
pub struct Facts {
    /// `/etc/sysconfig/network` is a directory: SUSE's layout (Red Hat has a file there).
    pub suse_layout: bool,
    /// `/etc/sysconfig/network-scripts` is a directory: Red Hat's layout.
    pub red_hat_layout: bool,
    /// `/etc/sysconfig/network-scripts/ifup` is there: initscripts are installed.
    pub initscripts: bool,
    /// NetworkManager starts at boot.
    pub network_manager_enabled: bool,
}

impl Facts {
    /// Looks at a guest.
    #[must_use]
    pub fn gather(root: &Root) -> Self {
        // An enabled unit is a link, and so is a masked one; where it leads to need not be there.
        let link = |path: &str| std::fs::read_link(root.entry(Path::new(path)).ok()?).ok();
        let is_enabled = [
            "/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
            "/etc/rc.d/rc3.d/S23NetworkManager",
        ]
        .iter()
        .any(|path| link(path).is_some());
        let unit = link("/etc/systemd/system/NetworkManager.service");
        let is_masked = unit.is_some_and(|target| target == Path::new("/dev/null"));
        Self {
            suse_layout: root.is_dir(Path::new("/etc/sysconfig/network")),
            red_hat_layout: root.is_dir(Path::new("/etc/sysconfig/network-scripts")),
            initscripts: root.exists(Path::new("/etc/sysconfig/network-scripts/ifup")),
            network_manager_enabled: is_enabled && !is_masked,
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
    /// Nothing on this machine is known to read the files of this backend.
    pub is_doubtful: bool,
}

/// Chooses the backend: the wish of a person first (with who had it: `--backend`, ...), then the facts.
///
/// Besides the backends' own names, `ifcfg` leaves the dialect to the facts; `scripts` and `nm` are
/// the names that OpenNebula's guest scripts give their own (`NETCFG_TYPE`).
///
/// # Errors
/// [`UnknownBackend`] if the wish names none.
pub fn choose(wish: Option<(&str, &str)>, facts: Facts) -> Result<Choice, UnknownBackend> {
    let Some((who, name)) = wish.filter(|(_, name)| *name != "ifcfg") else {
        return Ok(by_facts(facts));
    };
    let backend = match name {
        "scripts" if facts.suse_layout => Backend::IfcfgSuse,
        "scripts" => Backend::IfcfgInitscripts,
        "nm" => Backend::IfcfgNetworkManager,
        name => name.parse()?,
    };
    Ok(Choice {
        backend,
        why: format!("{who} names it"),
        is_doubtful: false,
    })
}

fn by_facts(facts: Facts) -> Choice {
    let (backend, why) = if facts.suse_layout {
        (
            Backend::IfcfgSuse,
            "'/etc/sysconfig/network' is a directory, as SUSE has it",
        )
    } else if facts.initscripts && !facts.network_manager_enabled {
        (
            Backend::IfcfgInitscripts,
            "initscripts are installed and NetworkManager is not enabled",
        )
    } else if facts.initscripts {
        (
            Backend::IfcfgNetworkManager,
            "initscripts are installed, but NetworkManager is enabled",
        )
    } else {
        (
            Backend::IfcfgNetworkManager,
            "no initscripts are installed, so NetworkManager reads ifcfg files",
        )
    };
    let is_doubtful = !(facts.suse_layout || facts.red_hat_layout);
    Choice {
        backend,
        why: why.to_owned(),
        is_doubtful,
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
            (Some("scripts"), both, Backend::IfcfgInitscripts),
            (Some("scripts"), suse, Backend::IfcfgSuse),
            (Some("nm"), scripts, Backend::IfcfgNetworkManager),
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
