//! The files in which the driver of 2013 tracked VFs in use.
//!
//! ```text
//! /dev/shm/vf_interfaces/lock     not needed here
//! /dev/shm/vf_interfaces/ib0/3    line 4 of vf_maps/ib0 is in use: empty, or a dummy MAC
//! ```
//!
//! The position in those MACs is a decimal number after a zero. From position 10 on it has three digits, `aa:010:c0:a8:07:05`,
//! which libvirt nevertheless reads as hexadecimal.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hwaddr::MacAddress;
use nix::fcntl::OFlag;
use one_sriov_system::unless_absent;

use crate::pool_name::PoolName;

/// The most that is read of an entry, because all users of the host may write to the directory.
const MAX_LEN: u64 = 64;

/// A VF that was in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrackedVf {
    /// Its file.
    pub(super) path: PathBuf,
    /// Its map.
    pub(super) map: PoolName,
    /// The index of the VF in that map, from 0.
    pub(super) index: u32,
    /// The dummy MAC of the NIC, if recorded.
    pub(super) dummy: Option<Dummy>,
}

/// The dummy MAC of a NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dummy {
    /// The index of the SR-IOV NIC within the VM, from 0.
    pub(super) position: u8,
    /// The MAC as the VM has it.
    pub(super) mac: MacAddress,
}

/// Reads all entries of a directory, sorted. There are none if it does not exist.
pub(super) fn read(dir: &Path) -> io::Result<Vec<TrackedVf>> {
    let mut entries = Vec::new();
    for name in names(dir)? {
        let Ok(map) = name.parse::<PoolName>() else {
            continue;
        };
        let dir = dir.join(&name);
        for name in names(&dir)? {
            let Ok(index) = name.parse() else {
                continue;
            };
            let path = dir.join(&name);
            let dummy = content(&path)?.and_then(|text| dummy(text.trim()));
            entries.push(TrackedVf {
                path,
                map: map.clone(),
                index,
                dummy,
            });
        }
    }
    entries.sort_by(|a, b| (&a.map, a.index).cmp(&(&b.map, b.index)));
    Ok(entries)
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let listed = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    };
    unless_absent(listed(), Vec::new())
}

/// Reads the text of an entry. Returns `None` if it is not a file. Never blocks, whatever other users put there.
fn content(path: &Path) -> io::Result<Option<String>> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    let mut text = Vec::new();
    file.take(MAX_LEN).read_to_end(&mut text)?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

fn dummy(text: &str) -> Option<Dummy> {
    let words: Vec<&str> = text.split(':').collect();
    let mut octets = [0; 6];
    if words.len() != octets.len() {
        return None;
    }
    for (octet, word) in octets.iter_mut().zip(&words) {
        let is_number = (1..=3).contains(&word.len()) && !word.starts_with('+');
        *octet = u8::from_str_radix(word, 16).ok().filter(|_| is_number)?;
    }
    let position = match words[1].len() {
        3 => words[1].parse().ok()?,
        _ => octets[1],
    };
    let mac = MacAddress::try_from(octets).ok()?;
    Some(Dummy { position, mac })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn malformed_dummy_macs_of_the_old_driver_are_read() {
        let table = [
            ("aa:00:c0:a8:07:05", Some((0, "aa:00:c0:a8:07:05"))),
            ("AA:09:C0:A8:07:05", Some((9, "aa:09:c0:a8:07:05"))),
            ("AA:010:C0:A8:07:05", Some((10, "aa:10:c0:a8:07:05"))),
            ("aa:012:c0:a8:07:05", Some((12, "aa:12:c0:a8:07:05"))),
            ("aa:10:c0:a8:07:05", Some((16, "aa:10:c0:a8:07:05"))),
            ("aa:0:c0:a8:7:5", Some((0, "aa:00:c0:a8:07:05"))),
            ("aa:100:c0:a8:07:05", None),
            ("aa:00:c0:a8:07", None),
            ("00:00:00:00:00:00", None),
            ("aa:+0:c0:a8:07:05", None),
            ("", None),
        ];
        for (text, expected) in table {
            let read = dummy(text).map(|dummy| (dummy.position, dummy.mac.to_string()));
            let expected = expected.map(|(position, mac)| (position, mac.to_owned()));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn only_numbered_files_are_entries() {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("lock"), "").unwrap();
        let ib0 = dir.path().join("ib0");
        fs::create_dir(&ib0).unwrap();
        fs::write(ib0.join("10"), "").unwrap();
        fs::write(ib0.join("2"), "aa:01:c0:a8:07:05\n").unwrap();
        fs::write(ib0.join("lock"), "").unwrap();
        // A FIFO without a writer, and a dangling link.
        mkfifo(&ib0.join("3"), Mode::S_IRUSR).unwrap();
        symlink("/nowhere", ib0.join("4")).unwrap();
        let entries = read(dir.path()).unwrap();
        let read: Vec<_> = entries
            .iter()
            .map(|entry| (entry.index, entry.dummy.map(|dummy| dummy.position)))
            .collect();
        assert_eq!(read, [(2, Some(1)), (3, None), (4, None), (10, None)]);
        assert_eq!(super::read(&dir.path().join("none")).unwrap(), []);
    }
}
