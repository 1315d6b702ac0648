//! Where the context is: on a CD, in a directory, or in a file that somebody names.
//!
//! ```text
//! /dev/disk/by-label/CONTEXT, sr*, vd*, sd*, hd*, xvd*   an ISO 9660 volume labelled CONTEXT
//! /context/context.sh                                    a directory of the image
//! the same devices                                       an unlabelled volume with context.sh (OpenNebula 4.0)
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use one_sriov_system::Root;

use super::iso::{IsoError, Volume};

/// The volume label that OpenNebula gives its CD since 4.2.
const LABEL: &str = "CONTEXT";
const CONTEXT_SH: &str = "context.sh";
/// More than any context: `START_SCRIPT`s of megabytes were seen, not of tens of them.
const LARGEST: u64 = 16 << 20;
/// The kinds of disks a CD can show up as, in the order in which they are looked at.
const DISKS: [&str; 5] = ["sr", "vd", "sd", "hd", "xvd"];

/// The text of a context and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// `context.sh`, unparsed.
    pub text: Vec<u8>,
    /// Where it was read, for messages: `/dev/sr0`.
    pub source: String,
}

/// A medium is there and cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MediumError {
    /// A file or device cannot be read.
    #[error("failed to read '{path}': {source}")]
    Io {
        /// The file or device.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The volume is damaged.
    #[error("failed to read the context from '{path}': {source}")]
    Iso {
        /// The file or device.
        path: String,
        /// Why.
        source: IsoError,
    },
    /// There is no `context.sh` where one must be.
    #[error("failed to find '{CONTEXT_SH}' in '{0}'")]
    NoContext(String),
    /// The file is no sensible context.
    #[error("failed to read '{0}': it has more than 16 MiB")]
    TooLarge(String),
}

/// Reads the context that a person names: an ISO file or device, a directory, or a `context.sh`.
///
/// # Errors
/// [`MediumError`] if it is none of these.
pub fn read_named(path: &Path) -> Result<Medium, MediumError> {
    let name = shown(path);
    if path.is_dir() {
        let file = path.join(CONTEXT_SH);
        return match read_text(&file)? {
            Some(text) => Ok(Medium {
                text,
                source: shown(&file),
            }),
            None => Err(MediumError::NoContext(name)),
        };
    }
    let file = open_device(path).map_err(|source| MediumError::Io {
        path: name.clone(),
        source,
    })?;
    match Volume::open(file) {
        Ok(mut volume) => match from_volume(&mut volume, &name)? {
            Some(text) => Ok(Medium { text, source: name }),
            None => Err(MediumError::NoContext(name)),
        },
        Err(IsoError::NotIso) => match read_text(path)? {
            Some(text) => Ok(Medium { text, source: name }),
            None => Err(MediumError::NoContext(name)),
        },
        Err(source) => Err(MediumError::Iso { path: name, source }),
    }
}

/// Looks for the context of a guest: a labelled volume first; with `fallbacks`, a directory of the
/// image and a volume without the label, too.
///
/// # Errors
/// [`MediumError`] if a medium is there and is damaged. No medium is no error.
pub fn find(root: &Root, fallbacks: bool) -> Result<Option<Medium>, MediumError> {
    let devices = devices(root);
    let mut unlabelled = Vec::new();
    for device in &devices {
        match open_volume(root, device)? {
            Some(mut volume) if volume.label() == LABEL => {
                let name = shown(device);
                let text = from_volume(&mut volume, &name)?
                    .ok_or_else(|| MediumError::NoContext(name.clone()))?;
                return Ok(Some(Medium { text, source: name }));
            }
            Some(volume) => unlabelled.push((device, volume)),
            None => {}
        }
    }
    if !fallbacks {
        return Ok(None);
    }
    let directory = Path::new("/context").join(CONTEXT_SH);
    if let Ok(host_path) = root.path(&directory)
        && let Some(text) = read_text(&host_path)?
    {
        let source = shown(&directory);
        return Ok(Some(Medium { text, source }));
    }
    for (device, mut volume) in unlabelled {
        let name = shown(device);
        // Somebody else's damaged CD is not our business.
        if let Ok(Some(text)) = from_volume(&mut volume, &name) {
            return Ok(Some(Medium { text, source: name }));
        }
    }
    Ok(None)
}

/// The devices that may be the CD, the most likely first.
fn devices(root: &Root) -> Vec<PathBuf> {
    let mut devices = Vec::new();
    let by_label = Path::new("/dev/disk/by-label").join(LABEL);
    if root.exists(&by_label) {
        devices.push(by_label);
    }
    let names: Vec<String> = root
        .list(Path::new("/dev"))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect();
    for kind in DISKS {
        let mut disks: Vec<&String> = names.iter().filter(|name| is_disk(name, kind)).collect();
        disks.sort_by_key(|name| (name.len(), name.as_str()));
        devices.extend(disks.into_iter().map(|name| Path::new("/dev").join(name)));
    }
    devices
}

/// Whether a name in `/dev` is one that [`find`] looks at.
#[must_use]
pub fn is_candidate(name: &str) -> bool {
    DISKS.iter().any(|kind| is_disk(name, kind))
}

/// `sr0`, `vdb`: whole disks, not partitions.
fn is_disk(name: &str, kind: &str) -> bool {
    let Some(rest) = name.strip_prefix(kind).filter(|rest| !rest.is_empty()) else {
        return false;
    };
    if kind == "sr" {
        rest.bytes().all(|byte| byte.is_ascii_digit())
    } else {
        rest.bytes().all(|byte| byte.is_ascii_lowercase())
    }
}

/// The ISO 9660 volume on a device, if there is one.
///
/// A device that cannot be read holds none, unless udev saw the label of the context on it.
fn open_volume(root: &Root, device: &Path) -> Result<Option<Volume<File>>, MediumError> {
    let path = shown(device);
    let opened = root.path(device).and_then(|path| open_device(&path));
    let error = match opened.map(Volume::open) {
        Ok(Ok(volume)) => return Ok(Some(volume)),
        Ok(Err(IsoError::NotIso)) => return Ok(None),
        Ok(Err(source)) => MediumError::Iso { path, source },
        Err(source) => MediumError::Io { path, source },
    };
    if device.file_name().is_some_and(|name| name == LABEL) {
        return Err(error);
    }
    log::debug!("passed over a device: {error}");
    Ok(None)
}

/// `O_NONBLOCK` lets a CD drive without a disc answer at once instead of closing its tray.
fn open_device(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
}

fn from_volume(volume: &mut Volume<File>, name: &str) -> Result<Option<Vec<u8>>, MediumError> {
    volume
        .read_top_file(CONTEXT_SH, LARGEST)
        .map_err(|source| MediumError::Iso {
            path: name.to_owned(),
            source,
        })
}

/// A text file, if it is there.
fn read_text(path: &Path) -> Result<Option<Vec<u8>>, MediumError> {
    let error = |source| MediumError::Io {
        path: shown(path),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(error(source)),
    };
    let mut text = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut text)
        .map_err(error)?;
    if text.len() as u64 > LARGEST {
        return Err(MediumError::TooLarge(shown(path)));
    }
    Ok(Some(text))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_disks_are_looked_at_and_nothing_else() {
        for name in ["sr0", "sr11", "vdb", "sda", "sdaa", "hdc", "xvdd"] {
            assert!(is_candidate(name), "{name}");
        }
        for name in [
            "sr", "sda1", "srx", "vdb2", "loop0", "sg0", "dm-0", "nvme0n1", "cdrom", "xvd",
        ] {
            assert!(!is_candidate(name), "{name}");
        }
    }
}
