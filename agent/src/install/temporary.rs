//! Names temporary files, and removes those of killed runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::directories::Directories;
use super::error::{InstallError, nothing_there};

/// The end of a temporary file's name, followed by the process ID.
const MARK: &str = ".one-sriov-";

/// Returns the name of the temporary file for a file: hidden, so that no network stack reads it.
pub(super) fn temp_name(name: &str, pid: u32) -> String {
    format!(".{name}{MARK}{pid}")
}

/// Whether the name is that of a temporary file of a run.
fn is_temp_name(name: &[u8]) -> bool {
    let Some(at) = name
        .windows(MARK.len())
        .rposition(|part| part == MARK.as_bytes())
    else {
        return false;
    };
    let pid = &name[at + MARK.len()..];
    name[0] == b'.' && at > 1 && !pid.is_empty() && pid.iter().all(u8::is_ascii_digit)
}

/// Removes temporary files of killed runs next to these files. Returns an error for the first one that remains, if any; no
/// network stack reads it.
pub(super) fn sweep<'p>(
    directories: &mut Directories,
    paths: impl IntoIterator<Item = &'p Path>,
) -> Result<Option<InstallError>, InstallError> {
    let (mut swept, mut stays) = (BTreeSet::new(), None);
    for path in paths {
        let (parent, host) = directories.parent(path)?;
        if !swept.insert(parent.as_os_str()) {
            continue;
        }
        let names = match directories.names_beside(path) {
            Ok(names) => names,
            Err(error) => {
                stays = stays.or(Some(error));
                continue;
            }
        };
        for name in names {
            if !is_temp_name(name.as_encoded_bytes()) {
                continue;
            }
            match fs::remove_file(host.join(name)) {
                Err(error) if !nothing_there(&error) => {
                    stays = stays.or(Some(InstallError::new("remove", &parent.join(name), error)));
                }
                _ => log::debug!(
                    "removed temporary file '{}' of a killed run",
                    parent.join(name).display()
                ),
            }
        }
    }
    Ok(stays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_temporary_names_of_the_agent_are_recognised() {
        assert!(is_temp_name(temp_name("ifcfg-ib0", 42).as_bytes()));
        assert!(is_temp_name(b".a.one-sriov-1.one-sriov-2"));
        for name in [
            "ifcfg-ib0",
            ".one-sriov-1",
            ".a.one-sriov-",
            ".a.one-sriov-1x",
            "a.one-sriov-1",
            "",
        ] {
            assert!(!is_temp_name(name.as_bytes()), "{name}");
        }
    }
}
