//! Which network stacks run on this machine now.

use std::path::Path;

use one_sriov_system::Root;

use super::Probe;
use crate::render::Backend;

/// What was seen of them. No program is asked: at boot most could not answer yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is an observation of its own
pub struct Running {
    /// A process of NetworkManager.
    pub network_manager: bool,
    /// One of systemd-networkd.
    pub networkd: bool,
    /// One of wicked.
    pub wicked: bool,
    /// ifupdown has brought up something since the machine started.
    pub ifupdown: bool,
    /// The service of initscripts has.
    pub initscripts: bool,
}

/// What ifupdown, ifupdown-ng and busybox note down: a line for each interface that is up.
const IFSTATE: [&str; 2] = ["/run/network/ifstate", "/run/ifstate"];
/// The mark of a started service (EL 6 and 7).
const SUBSYS: &str = "/var/lock/subsys/network";

impl Running {
    /// Whether what reads the files of a backend runs.
    #[must_use]
    pub const fn reads(&self, backend: Backend) -> bool {
        match backend {
            Backend::IfcfgInitscripts => self.initscripts,
            Backend::IfcfgSuse => self.wicked,
            Backend::Interfaces | Backend::InterfacesAlpine => self.ifupdown,
            Backend::IfcfgNetworkManager | Backend::Keyfile | Backend::NetplanNetworkManager => {
                self.network_manager
            }
            Backend::NetplanNetworkd | Backend::Networkd => self.networkd,
        }
    }

    /// Looks at the processes and at the marks that services leave.
    ///
    /// # Errors
    /// What could not be read: more may run than was seen.
    pub fn gather(root: &Root) -> Result<Self, Vec<String>> {
        let root = &Probe::new(root);
        let text = |path: &str| root.read_to_string(Path::new(path)).unwrap_or_default();
        let mut running = Self {
            ifupdown: IFSTATE.iter().any(|path| !text(path).trim().is_empty()),
            initscripts: root.exists(Path::new(SUBSYS)),
            ..Self::default()
        };
        for name in root.list(Path::new("/proc")).unwrap_or_default() {
            let is_pid = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
            if !is_pid {
                continue;
            }
            let comm = Path::new("/proc").join(name).join("comm");
            // The kernel keeps 15 characters (`TASK_COMM_LEN`). A process may be gone meanwhile.
            match root.read_to_string(&comm).unwrap_or_default().trim_end() {
                "NetworkManager" => running.network_manager = true,
                "systemd-network" => running.networkd = true,
                "wickedd" => running.wicked = true,
                _ => {}
            }
        }
        let failures = root.failures();
        if failures.is_empty() {
            Ok(running)
        } else {
            Err(failures)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn gathered(files: &[(&str, &str)]) -> Running {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Running::gather(&Root::new(dir.path())).unwrap()
    }

    #[test]
    fn processes_are_known_by_their_names() {
        let none = Running::default();
        let table = [
            (
                "proc/71/comm",
                "NetworkManager\n",
                Running {
                    network_manager: true,
                    ..none
                },
            ),
            (
                "proc/71/comm",
                "systemd-network\n",
                Running {
                    networkd: true,
                    ..none
                },
            ),
            (
                "proc/9/comm",
                "wickedd\n",
                Running {
                    wicked: true,
                    ..none
                },
            ),
            ("proc/9/comm", "wickedd-nanny\n", none),
            ("proc/9/comm", "nm-dispatcher\n", none),
            ("proc/self/comm", "NetworkManager\n", none),
        ];
        for (path, text, expected) in table {
            assert_eq!(gathered(&[(path, text)]), expected, "{path}: {text}");
        }
    }

    #[test]
    fn services_are_known_by_what_they_leave() {
        let ifupdown = Running {
            ifupdown: true,
            ..Running::default()
        };
        let initscripts = Running {
            initscripts: true,
            ..Running::default()
        };
        assert_eq!(gathered(&[("run/network/ifstate", "lo=lo\n")]), ifupdown);
        assert_eq!(gathered(&[("run/ifstate", "lo\n")]), ifupdown);
        assert_eq!(gathered(&[("run/network/ifstate", "")]), Running::default());
        assert_eq!(gathered(&[("var/lock/subsys/network", "")]), initscripts);
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        for path in ["run/ifstate", "proc", "proc/71/comm", "var/lock/subsys"] {
            let dir = tempfile::tempdir().unwrap();
            let host = dir.path().join(path);
            fs::create_dir_all(host.parent().unwrap()).unwrap();
            // Not even root gets to the end of it.
            symlink(host.file_name().unwrap(), &host).unwrap();
            let failures = Running::gather(&Root::new(dir.path())).unwrap_err();
            let expected = format!("failed to read '/{path}");
            assert!(failures[0].starts_with(&expected), "{failures:?}");
        }
    }
}
