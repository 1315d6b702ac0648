//! Detects which readers run on this machine from traces in the file system, without running a program.

use std::path::Path;

use one_sriov_system::Root;

use super::Probe;
use crate::render::{Reader, Readers, Sign};

/// Reads the names of processes, and the files that services leave behind.
///
/// # Errors
/// The read errors: more readers may be running.
pub fn running(root: &Root) -> Result<Readers, Vec<String>> {
    let probe = Probe::new(root);
    let text = |path: &str| probe.read_to_string(Path::new(path)).unwrap_or_default();
    let processes = processes(&probe);
    let runs = |reader: &Reader| match reader.sign() {
        Sign::Process(name) => processes.iter().any(|process| process == name),
        Sign::Text(paths) => paths.iter().any(|path| !text(path).trim().is_empty()),
        Sign::File(path) => probe.exists(Path::new(path)),
    };
    let running = Reader::ALL.into_iter().filter(runs).collect();
    let failures = probe.failures();
    if failures.is_empty() {
        Ok(running)
    } else {
        Err(failures)
    }
}

/// The names of all processes, from `/proc/<pid>/comm`.
fn processes(probe: &Probe<'_>) -> Vec<String> {
    let names = probe.list(Path::new("/proc")).unwrap_or_default();
    let is_pid = |name: &std::ffi::OsString| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let processes = names.into_iter().filter(is_pid).map(|pid| {
        let comm = Path::new("/proc").join(pid).join("comm");
        // The process may have exited in the meantime.
        let name = probe.read_to_string(&comm).unwrap_or_default();
        name.trim_end().to_owned()
    });
    processes.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn gathered(files: &[(&str, &str)]) -> Readers {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        running(&Root::new(dir.path())).unwrap()
    }

    #[test]
    fn processes_are_recognised_by_their_names() {
        let table = [
            (
                "proc/71/comm",
                "NetworkManager\n",
                Some(Reader::NetworkManager),
            ),
            ("proc/71/comm", "systemd-network\n", Some(Reader::Networkd)),
            ("proc/9/comm", "wickedd\n", Some(Reader::Wicked)),
            ("proc/9/comm", "wickedd-nanny\n", None),
            ("proc/9/comm", "nm-dispatcher\n", None),
            ("proc/self/comm", "NetworkManager\n", None),
        ];
        for (path, text, expected) in table {
            let expected = expected.into_iter().collect();
            assert_eq!(gathered(&[(path, text)]), expected, "{path}: {text}");
        }
    }

    #[test]
    fn services_are_recognised_by_their_state_files() {
        let ifupdown = Readers::from_iter([Reader::Ifupdown]);
        let initscripts = Readers::from_iter([Reader::Initscripts]);
        assert_eq!(gathered(&[("run/network/ifstate", "lo=lo\n")]), ifupdown);
        assert_eq!(gathered(&[("run/ifstate", "lo\n")]), ifupdown);
        assert_eq!(gathered(&[("run/network/ifstate", "")]), Readers::default());
        assert_eq!(gathered(&[("var/lock/subsys/network", "")]), initscripts);
    }

    #[test]
    fn an_unreadable_file_is_an_error() {
        for path in ["run/ifstate", "proc", "proc/71/comm", "var/lock/subsys"] {
            let dir = tempfile::tempdir().unwrap();
            let host = dir.path().join(path);
            fs::create_dir_all(host.parent().unwrap()).unwrap();
            // A symbolic link to itself, which not even root can follow.
            symlink(host.file_name().unwrap(), &host).unwrap();
            let failures = running(&Root::new(dir.path())).unwrap_err();
            let expected = format!("failed to read '/{path}");
            assert!(failures[0].starts_with(&expected), "{failures:?}");
        }
    }
}
