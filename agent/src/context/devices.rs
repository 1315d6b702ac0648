//! Which block devices may hold the context, and in which order they are read.
//!
//! ```text
//! /dev/sr0, sr1, ...                       CD drives, always first
//! /dev/disk/by-label/CONTEXT -> ../../vdb  the device with the label according to udev, if it is of a kind listed here
//! /dev/vd*, sd*, hd*, xvd*                 disks, for hypervisors that present the CD as a disk
//! ```
//! Other devices are ignored, whatever their label: any desktop user may set up a loop device (udisks).

use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use one_sriov_system::Root;

/// The volume label of OpenNebula's context CD, since 4.2.
pub(super) const LABEL: &str = "CONTEXT";
const BY_LABEL: &str = "/dev/disk/by-label";
/// The kinds of disks that a CD can appear as, in the order in which they are read.
const DISKS: [&str; 4] = ["vd", "sd", "hd", "xvd"];

/// A device that may hold the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// Whether the device has the label of the context according to udev.
    pub(super) is_labelled: bool,
}

/// The devices that may be the context CD, the most likely first.
///
/// # Errors
/// If `/dev` or udev's link for the label exists but cannot be read.
pub(super) fn candidates(root: &Root) -> io::Result<Vec<Candidate>> {
    let labelled = labelled(root)?;
    let names: Vec<String> = match root.list(Path::new("/dev")) {
        Ok(names) => names.into_iter().filter_map(|name| name.into_string().ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    .collect();
    let of_kind = |is_it: &dyn Fn(&str) -> bool| {
        let mut disks: Vec<&String> = names.iter().filter(|name| is_it(name)).collect();
        disks.sort_by_key(|name| (name.len(), name.as_str()));
        disks.into_iter().map(|name| Path::new("/dev").join(name))
    };
    let mut paths: Vec<PathBuf> = of_kind(&is_drive).collect();
    let is_new = |paths: &[PathBuf], path: &PathBuf| !paths.contains(path);
    paths.extend(labelled.clone().filter(|path| is_new(&paths, path)));
    for kind in DISKS {
        let disks: Vec<PathBuf> = of_kind(&|name| is_disk(name, kind)).collect();
        paths.extend(
            disks
                .into_iter()
                .filter(|path| labelled.as_ref() != Some(path)),
        );
    }
    let candidate = |path| Candidate {
        is_labelled: labelled.as_ref() == Some(&path),
        path,
    };
    Ok(paths.into_iter().map(candidate).collect())
}

/// The drive, disk or partition with the label, according to udev.
fn labelled(root: &Root) -> io::Result<Option<PathBuf>> {
    let target = match root.read_link(&Path::new(BY_LABEL).join(LABEL)) {
        Ok(target) => target,
        // EINVAL: not a symbolic link, so udev did not make it.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let path = resolved(&Path::new(BY_LABEL).join(target));
    let name = path.strip_prefix("/dev").ok().and_then(Path::to_str);
    if name.is_some_and(is_candidate) {
        return Ok(Some(path));
    }
    log::warn!(
        "the volume '{LABEL}' on '{}' is not read: only CD drives and disks (sr*, vd*, sd*, hd*, xvd*) may hold the context",
        path.display()
    );
    Ok(None)
}

/// Resolves `..` without reading links: udev's links are relative, and no directory in `/dev` is a link.
fn resolved(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// Whether a device of this name may hold the context: a CD drive, a disk or a partition.
fn is_candidate(name: &str) -> bool {
    let disk = name.trim_end_matches(|last: char| last.is_ascii_digit());
    is_drive(name) || DISKS.iter().any(|kind| is_disk(disk, kind))
}

/// Whether the name is that of a CD drive: `sr0`.
fn is_drive(name: &str) -> bool {
    let number = name.strip_prefix("sr").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the name is that of a whole disk, not a partition: `vdb`.
fn is_disk(name: &str, kind: &str) -> bool {
    let letters = name.strip_prefix(kind).unwrap_or_default();
    !letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_drives_disks_and_partitions_are_candidates() {
        for name in [
            "sr0", "sr11", "vdb", "sda", "sdaa", "hdc", "xvdd", "sda1", "vdb12",
        ] {
            assert!(is_candidate(name), "{name}");
        }
        for name in [
            "sr", "srx", "sr0p1", "loop0", "sg0", "dm-0", "nvme0n1", "cdrom", "xvd", "vd1", "sd/a",
            "zram0", "nbd0", "mapper/x", "",
        ] {
            assert!(!is_candidate(name), "{name}");
        }
    }

    #[test]
    fn relative_udev_links_are_resolved() {
        let path = Path::new(BY_LABEL).join("../../sr0");
        assert_eq!(resolved(&path), Path::new("/dev/sr0"));
    }
}
