//! Removes everything that the agent has written, before an image is sealed.

use std::net::IpAddr;
use std::path::PathBuf;

use super::apply::{batch_of, tidy, warn};
use super::backup;
use super::batch::Batch;
use super::decide::decide;
use super::directories::Directories;
use super::error::InstallError;
use super::record::{Record, RecordState};
use super::report::FileReport;
use super::restore;
use super::snapshot::{Current, Snapshot};
use super::state_file;
use super::temporary;
use super::wanted::WantedFiles;

/// What `clean` does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaning {
    /// Only report what would be done.
    pub dry: bool,
    /// Restore backups.
    pub restore: bool,
}

/// Removes all files of the agent, then the record.
///
/// Edited files stay and are reported. Backups are restored on request; the remaining ones are reported, too.
pub fn clean(
    directories: &mut Directories,
    cleaning: Cleaning,
) -> Result<FileReport, InstallError> {
    let Cleaning { dry, restore } = cleaning;
    let record = Record::load(directories)?;
    let wanted = WantedFiles::default();
    let found = Snapshot::take(directories, &wanted.files, &record)?;
    let changes = decide(&wanted, &record, &found);
    let mut report = FileReport::of(&changes);
    report.backups = backup::all(directories.root())?;
    report.is_incomplete = record.state == RecordState::Corrupt;
    report.left_with_address = report.left.iter().map(|file| file.path.clone()).collect();
    let holds_address = |path: &PathBuf| holds_address(found.get(path));
    report.left_with_address.retain(holds_address);
    if dry {
        if restore {
            restore::restore(directories, dry, &mut report)?;
        }
        return Ok(report);
    }
    warn(&changes);
    if record.state == RecordState::Corrupt {
        Record::set_aside(directories.root())?;
    }
    let state_file = state_file::path();
    let stays = temporary::sweep(directories, [&*state_file])?;
    let stays = stays.or(tidy(&record, &changes, directories)?);
    batch_of(&record, &changes).commit(directories)?;
    if restore {
        restore::restore(directories, dry, &mut report)?;
    }
    // The record stays, so that the next `clean` finds the files.
    if let Some(error) = stays {
        return Err(error);
    }
    let batch = Batch {
        removals: vec![&state_file],
        ..Batch::default()
    };
    batch.commit(directories)?;
    Ok(report)
}

/// Whether a remaining file may contain an IP address. A symbolic link counts, because it is not followed.
fn holds_address(current: &Current) -> bool {
    let Current::File(file) = current else {
        return matches!(current, Current::Symlink(_));
    };
    let text = String::from_utf8_lossy(&file.content);
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let is_of_address = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
    let mut words = lines.flat_map(|line| line.split(|c| !is_of_address(c)));
    words.any(|word| match word.parse() {
        // A mask, or an address such as 0.0.0.0 or 127.0.0.1, may be the same in every clone.
        Ok(IpAddr::V4(address)) => {
            let is_mask = ipnetwork::ipv4_mask_to_prefix(address).is_ok();
            !(is_mask || address.is_loopback())
        }
        Ok(IpAddr::V6(address)) => !(address.is_unspecified() || address.is_loopback()),
        Err(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::OldFile;
    use super::*;

    #[test]
    fn only_addresses_that_a_clone_would_share_count() {
        let table = [
            ("IPADDR=10.0.0.5\n", true),
            ("    address 10.0.0.5/24\n", true),
            ("address1=2001:db8::5/64\n", true),
            ("# 10.0.0.5\nNETMASK=255.255.255.0\n", false),
            ("BOOTPROTO=dhcp\nADDR=127.0.0.1\n", false),
            ("MACAddress=02:00:0a:00:00:05\n", false),
            ("Address=::\n", false),
        ];
        for (text, expected) in table {
            let file = Current::File(OldFile {
                content: text.into(),
                mode: 0o644,
                owner: (0, 0),
            });
            assert_eq!(holds_address(&file), expected, "{text}");
        }
        assert!(holds_address(&Current::Symlink("/srv/x".into())));
        assert!(!holds_address(&Current::Absent));
    }
}
