//! Finds the context: on a CD, in a directory, or in a given file.
//!
//! ```text
//! /dev/sr*, vd*, sd*, hd*, xvd*   an ISO 9660 volume labelled CONTEXT
//! /context/context.sh             a directory of the image
//! the same devices                with 'unlabelled_context = yes' in agent.conf: a volume without the label
//!                                 that has a context.sh (OpenNebula 4.0)
//! ```

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use one_sriov_system::Root;

use super::devices::{Candidate, LABEL, candidates};
use super::iso::{IsoError, Volume};

const CONTEXT_SH: &str = "context.sh";
/// Larger than any context: a `START_SCRIPT` may be a few megabytes.
const LARGEST: u64 = 16 << 20;
/// The text of a context, and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// `context.sh`, unparsed.
    pub text: Vec<u8>,
    /// Where the text was read, for messages: `/dev/sr0`.
    pub source: String,
}

/// Why a context cannot be read.
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
    /// The given directory or volume has no `context.sh`.
    #[error("failed to find '{CONTEXT_SH}' in '{0}'")]
    NoContext(String),
    /// A volume with the label of the context has a file system other than ISO 9660.
    #[error("found a file system labelled '{LABEL}' on '{0}', which is not ISO 9660")]
    NotIso(String),
    /// `context.sh` is not a regular file.
    #[error("failed to read the context from '{path}': it is {kind}, not a regular file")]
    NotRegular {
        /// The path.
        path: String,
        /// What it is: `a FIFO`.
        kind: &'static str,
    },
    /// The file is too large to be a context.
    #[error("failed to read '{0}': it is larger than 16 MiB")]
    TooLarge(String),
}

/// Reads the context given on the command line: an ISO file or device, a directory, or a `context.sh`.
///
/// # Errors
/// [`MediumError`] if the path is none of these, or cannot be read.
pub fn read_named(path: &Path) -> Result<Medium, MediumError> {
    let name = shown(path);
    let error = |source| MediumError::Io {
        path: name.clone(),
        source,
    };
    if fs::metadata(path).map_err(error)?.is_dir() {
        let file = path.join(CONTEXT_SH);
        return match read_text(&file, &file)? {
            Some(text) => Ok(Medium {
                text,
                source: shown(&file),
            }),
            None => Err(MediumError::NoContext(name)),
        };
    }
    let file = open_at_once(path).map_err(error)?;
    is_kind(&file, path, |kind| kind.is_file() || kind.is_block_device())?;
    match Volume::open(file) {
        Ok(mut volume) => match from_volume(&mut volume, &name)? {
            Some(text) => Ok(Medium { text, source: name }),
            None => Err(MediumError::NoContext(name)),
        },
        Err(IsoError::NotIso) => match read_text(path, path)? {
            Some(text) => Ok(Medium { text, source: name }),
            None => Err(MediumError::NoContext(name)),
        },
        Err(source) => Err(MediumError::Iso { path: name, source }),
    }
}

/// Where to look for the context if no volume has the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallbacks {
    /// Nowhere: udev may still find the volume.
    NotYet,
    /// In a directory of the image.
    Directory,
    /// There, and on volumes without the label.
    Unlabelled,
}

/// The devices that may hold the context, the most likely first.
pub(super) fn devices(root: &Root) -> Result<Vec<Candidate>, MediumError> {
    candidates(root).map_err(|source| MediumError::Io {
        path: "/dev".to_owned(),
        source,
    })
}

/// Finds the context of a guest: on a labelled volume, else where `fallbacks` says.
///
/// # Errors
/// [`MediumError`] if a medium exists but cannot be read. If there is none, the result is `None`.
pub fn find(root: &Root, fallbacks: Fallbacks) -> Result<Option<Medium>, MediumError> {
    let mut unlabelled = Vec::new();
    let mut failure = None;
    for device in devices(root)? {
        match open_volume(root, &device) {
            Ok(Some(mut volume)) if volume.label() == LABEL => {
                let name = shown(&device.path);
                let text = from_volume(&mut volume, &name)?
                    .ok_or_else(|| MediumError::NoContext(name.clone()))?;
                return Ok(Some(Medium { text, source: name }));
            }
            Ok(Some(volume)) => unlabelled.push((device.path, volume)),
            Ok(None) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if fallbacks == Fallbacks::NotYet {
        return Ok(None);
    }
    let directory = Path::new("/context").join(CONTEXT_SH);
    let host_path = root.path(&directory).map_err(|source| MediumError::Io {
        path: shown(&directory),
        source,
    })?;
    if let Some(text) = read_text(&host_path, &directory)? {
        let source = shown(&directory);
        return Ok(Some(Medium { text, source }));
    }
    for (device, mut volume) in unlabelled {
        let name = shown(&device);
        match from_volume(&mut volume, &name) {
            Ok(Some(text)) if fallbacks == Fallbacks::Unlabelled => {
                return Ok(Some(Medium { text, source: name }));
            }
            Ok(Some(_)) => log::warn!(
                "'{name}' has a '{CONTEXT_SH}', but not the label '{LABEL}', so it is not read; for OpenNebula 4.0 \
                 set 'unlabelled_context = yes' in '{}'",
                crate::config::PATH
            ),
            Ok(None) => {}
            // A damaged CD without the label is not the context.
            Err(error) => log::debug!("skipped a device: {error}"),
        }
    }
    failure.map_or(Ok(None), Err)
}

/// Opens the ISO 9660 volume on a device, if it has one.
///
/// A drive without a disc has none. A damaged disc is an error only if udev found the label of the context on it.
fn open_volume(root: &Root, device: &Candidate) -> Result<Option<Volume<File>>, MediumError> {
    let path = shown(&device.path);
    let opened = root.path(&device.path).and_then(|path| open_at_once(&path));
    let (error, is_nothing) = match opened.map(Volume::open) {
        Ok(Ok(volume)) => return Ok(Some(volume)),
        Ok(Err(IsoError::NotIso)) => (MediumError::NotIso(path), true),
        Ok(Err(source)) => (MediumError::Iso { path, source }, true),
        Err(source) => {
            let is_empty = is_without_medium(&source);
            (MediumError::Io { path, source }, is_empty)
        }
    };
    if device.is_labelled || !is_nothing {
        return Err(error);
    }
    log::debug!("skipped a device: {error}");
    Ok(None)
}

/// Whether the drive has no disc, or is gone (`drivers/cdrom/cdrom.c`, `open(2)`).
fn is_without_medium(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(
        code,
        Some(Errno::ENOMEDIUM | Errno::ENXIO | Errno::ENODEV | Errno::ENOENT | Errno::EIO)
    )
}

/// With `O_NONBLOCK`, opening a CD drive without a disc fails at once instead of closing the tray, and opening a FIFO does not
/// wait for a writer.
pub(super) fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
}

/// Returns an error unless the file is of an accepted kind.
fn is_kind(
    file: &File,
    path: &Path,
    is_right: impl Fn(FileType) -> bool,
) -> Result<(), MediumError> {
    let about = file.metadata().map_err(|source| MediumError::Io {
        path: shown(path),
        source,
    })?;
    let kind = about.file_type();
    if is_right(kind) {
        return Ok(());
    }
    let kind = match kind {
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_dir() => "a directory",
        kind if kind.is_block_device() => "a block device",
        _ => "a device",
    };
    let path = shown(path);
    Err(MediumError::NotRegular { path, kind })
}

fn from_volume(volume: &mut Volume<File>, name: &str) -> Result<Option<Vec<u8>>, MediumError> {
    volume
        .read_top_file(CONTEXT_SH, LARGEST)
        .map_err(|source| MediumError::Iso {
            path: name.to_owned(),
            source,
        })
}

/// Reads the text file `host`, if it exists. Messages call it `path`.
fn read_text(host: &Path, path: &Path) -> Result<Option<Vec<u8>>, MediumError> {
    let error = |source| MediumError::Io {
        path: shown(path),
        source,
    };
    let file = match open_at_once(host) {
        Ok(file) => file,
        Err(missing) if is_missing(&missing) => return Ok(None),
        Err(source) => return Err(error(source)),
    };
    is_kind(&file, path, |kind| kind.is_file())?;
    let mut text = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut text)
        .map_err(error)?;
    if text.len() as u64 > LARGEST {
        return Err(MediumError::TooLarge(shown(path)));
    }
    Ok(Some(text))
}

/// Whether the file, or a directory on its path, does not exist.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
