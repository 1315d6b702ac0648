//! The state record as a file: `/var/lib/one-sriov/state.json`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use one_sriov_system::Root;
use serde::{Deserialize, Serialize};

use super::STATE_DIR;
use super::batch::{Batch, Body, Write};
use super::digest::Digest;
use super::directories::Directories;
use super::error::{InstallError, nothing_there};
use super::record::{Entry, Record, RecordState};
use crate::plan::NicId;

const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Json {
    version: u32,
    #[serde(default)]
    unfinished: bool,
    files: Vec<JsonFile>,
}

#[derive(Deserialize)]
struct JsonFile {
    path: PathBuf,
    nic: NicId,
    device: String,
    sha256: Vec<String>,
}

/// The record, as written: twice in a run, so nothing is copied.
#[derive(Serialize)]
struct JsonOut<'a> {
    version: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unfinished: bool,
    files: Vec<JsonFileOut<'a>>,
}

#[derive(Serialize)]
struct JsonFileOut<'a> {
    path: &'a Path,
    nic: &'a NicId,
    device: &'a str,
    sha256: &'a BTreeSet<Digest>,
}

pub(super) fn path() -> PathBuf {
    Path::new(STATE_DIR).join("state.json")
}

/// The path for a corrupt record.
pub(super) fn corrupt_path() -> PathBuf {
    Path::new(STATE_DIR).join("state.json.corrupt")
}

impl Record {
    /// Reads the record of a machine; if it does not exist, it is empty.
    ///
    /// A corrupt record must not prevent the network from coming up: it counts as empty, with a warning, and the next
    /// [`apply`](super::apply) moves it to `state.json.corrupt`. Files that are already as wanted are recorded again; other files
    /// of the agent count as foreign from then on.
    pub fn load(directories: &mut Directories) -> Result<Self, InstallError> {
        let path = path();
        if directories.find(&path)?.is_none() {
            return Ok(Self::default());
        }
        let text = match directories.root().read(&path) {
            Ok(text) => text,
            Err(error) if nothing_there(&error) => return Ok(Self::default()),
            Err(error) => return Err(InstallError::new("read", &path, error)),
        };
        Ok(parse(&text).unwrap_or_else(|why| {
            log::warn!(
                "'{}' cannot be read and is treated as empty: {why}",
                path.display()
            );
            Self {
                state: RecordState::Corrupt,
                ..Self::default()
            }
        }))
    }

    pub(super) fn save(&self, directories: &mut Directories) -> Result<(), InstallError> {
        let path = path();
        let text = self
            .to_json()
            .map_err(InstallError::while_trying("write", &path))?;
        let write = Write {
            path: &path,
            mode: 0o600,
            body: Body::Text(text.as_bytes()),
        };
        Batch {
            writes: vec![write],
            ..Batch::default()
        }
        .commit(directories)
    }

    /// Moves a corrupt record aside.
    pub(super) fn set_aside(root: &Root) -> Result<(), InstallError> {
        let (path, aside) = (path(), corrupt_path());
        root.entry(&path)
            .and_then(|from| fs::rename(from, root.entry(&aside)?))
            .map_err(InstallError::while_trying("move aside", &path))
    }

    fn to_json(&self) -> io::Result<String> {
        let files = self.files.iter().map(|(path, entry)| JsonFileOut {
            path: Path::new(path),
            nic: &entry.nic,
            device: entry.device.as_str(),
            sha256: &entry.sha256,
        });
        let json = JsonOut {
            version: VERSION,
            unfinished: self.state == RecordState::Unfinished,
            files: files.collect(),
        };
        Ok(serde_json::to_string(&json)? + "\n")
    }
}

#[derive(Debug, thiserror::Error)]
enum UnreadableRecord {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("its version is {0}, but this agent supports only version {VERSION}")]
    Version(u32),
    #[error("'{0}' is not an absolute file path")]
    Path(PathBuf),
    #[error("'{0}' is not a device name")]
    Device(String),
    #[error(transparent)]
    Digest(#[from] super::digest::BadDigest),
}

fn parse(text: &[u8]) -> Result<Record, UnreadableRecord> {
    let json: Json = serde_json::from_slice(text)?;
    if json.version != VERSION {
        return Err(UnreadableRecord::Version(json.version));
    }
    let files = json.files.into_iter().map(|file| {
        if !file.path.is_absolute() || file.path.file_name().is_none() {
            return Err(UnreadableRecord::Path(file.path));
        }
        let sha256 = file
            .sha256
            .iter()
            .map(|hex| hex.parse())
            .collect::<Result<_, _>>()?;
        let device = file
            .device
            .parse()
            .map_err(|_| UnreadableRecord::Device(file.device))?;
        Ok((
            file.path.into_os_string(),
            Entry {
                nic: file.nic,
                device,
                sha256,
            },
        ))
    });
    Ok(Record {
        files: files.collect::<Result<_, _>>()?,
        state: if json.unfinished {
            RecordState::Unfinished
        } else {
            RecordState::Finished
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn sample() -> String {
        format!(
            r#"{{"version":1,"files":[{{"path":"/etc/sysconfig/network-scripts/ifcfg-ib0","nic":"ETH1/02:00:c0:a8:07:05","device":"ib0","sha256":["{HEX}"]}}]}}"#
        ) + "\n"
    }

    #[test]
    fn the_documented_line_is_what_is_written() {
        let record = parse(sample().as_bytes()).unwrap();
        assert_eq!(record.to_json().unwrap(), sample());
        let nic = "ETH1/02:00:c0:a8:07:05".parse().unwrap();
        assert_eq!(record.devices()[&nic].as_str(), "ib0");
        assert_eq!(record.files_of(&nic).count(), 1);
        assert_eq!(record.devices().len(), 1);
    }

    #[test]
    fn an_invalid_record_is_refused_with_the_reason() {
        let cases = [
            (String::new(), "EOF while parsing"),
            (
                sample().replace("\"version\":1", "\"version\":2"),
                "its version is 2",
            ),
            (
                sample().replace("/etc/", "etc/"),
                "is not an absolute file path",
            ),
            (
                sample().replace(HEX, "e3"),
                "'e3' is not a SHA-256 in hexadecimal",
            ),
            (
                sample().replace("\"ib0\"", "\"a/b\""),
                "'a/b' is not a device name",
            ),
        ];
        for (text, reason) in cases {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
