//! Puts the rendered files in place, atomically and without touching foreign files.
//!
//! ```text
//! Directories    resolved and listed once, for all of these steps
//! Record::load   what earlier runs wrote          /var/lib/one-sriov/state.json
//! Snapshot::take what is on disk now
//! decide         what to change                   (pure)
//! diff           the changes as a unified diff    (pure)
//! apply          one atomic batch                 -> FileReport
//! ```
//! The state record is one line of JSON (here with line breaks):
//! ```json
//! {"version":1,"files":[
//!   {"path":"/etc/sysconfig/network-scripts/ifcfg-ib0","nic":"ETH1/02:00:c0:a8:07:05","device":"ib0",
//!    "sha256":["5f0bd4d9c5e1b1b0d1b1f0f5c2f4cf8d9b0a3f6e7a9be1c1f6c2e0b9d2c64f11"]}]}
//! ```
//! During a batch it also has `"unfinished":true` and, for each file, the hashes of both the old *and* the new text: after a kill
//! at any instant, the next run recognizes all files as the agent's, and finishes.
//!
//! The caller holds the [`Lock`] from `Record::load` to the end of `apply`.

mod apply;
mod backup;
mod batch;
mod changes;
mod clean;
mod decide;
mod diff;
mod digest;
mod directories;
mod error;
mod lock;
mod open_directories;
mod record;
mod report;
mod restore;
mod snapshot;
mod state_file;
mod sysctl;
mod temporary;
mod transport;
mod wanted;

pub use apply::apply;
pub use changes::{Change, ChangeKind, Changes, Foreign, NewFile, Obstacle};
pub use clean::{Cleaning, clean};
pub use decide::decide;
pub use diff::diff;
pub use digest::{BadDigest, Digest};
pub use directories::Directories;
pub use error::InstallError;
pub use lock::{Lock, LockError};
pub use record::{Entry, Record};
pub use report::{BackedUp, FileConflict, FileLeft, FileNote, FileReport};
pub use snapshot::{Current, OldFile, Snapshot};
pub use sysctl::set_sysctls;
pub use transport::set_modes;
pub use wanted::WantedFiles;

/// The directory of the agent's own state: record, lock and backups.
pub const STATE_DIR: &str = "/var/lib/one-sriov";
