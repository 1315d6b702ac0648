//! OpenNebula's monitoring client of this host, which runs the probes.
//!
//! ```text
//! /var/tmp/one_db/.monitor_client.pid     4711
//! /proc/4711/cmdline                      ruby /var/tmp/one/im/kvm.d/monitord-client.rb kvm ...
//! ```
//!
//! Since 7.0.2, it runs the probes of `host/system` again on SIGUSR1 (`src/im_mad/remotes/common.d/monitord-client.rb`), so the
//! scheduler need not wait for the next round. Earlier clients do not write this file.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use one_sriov_system::Running;
use one_sriov_system::{Root, unless_absent};

/// `PID_FILE` of the client. Every local user may write to `/var/tmp`.
const PID_FILE: &str = "/var/tmp/one_db/.monitor_client.pid";
/// Longer than any process id.
const MAX_LEN: u64 = 32;
/// The client's program.
const CLIENT: &str = "monitord-client.rb";

/// The client, which gets a signal when a VF has been allocated or released.
#[derive(Debug)]
pub struct MonitoringClient(Running);

impl MonitoringClient {
    /// Finds the client of this host, if it supports the signal.
    ///
    /// Call this some time before [`Self::refresh`]: a client that has just called `setsid(2)` installs its handler next, and
    /// until then the signal would kill it.
    #[must_use]
    pub fn find(root: &Root) -> Option<Self> {
        match find(root) {
            Ok(client) => client.map(Self),
            Err(error) => {
                log::warn!(
                    "failed to find OpenNebula's monitoring client by '{PID_FILE}': {error}"
                );
                None
            }
        }
    }

    /// Makes the client run the probes again, if there is one. Errors are only logged.
    pub fn refresh(client: Option<&Self>) {
        let Some(Self(process)) = client else {
            return;
        };
        match process.signal(Signal::SIGUSR1) {
            Ok(true) => log::debug!("OpenNebula's monitoring client runs the probes again"),
            Ok(false) => log::debug!("OpenNebula's monitoring client has exited"),
            Err(error) => log::warn!("failed to signal OpenNebula's monitoring client: {error}"),
        }
    }
}

fn find(root: &Root) -> io::Result<Option<Running>> {
    let us = geteuid();
    // Root does not trust a process id in oneadmin's file.
    if us.is_root() && root.is_live() {
        return Ok(None);
    }
    let Some(pid) = read_pid(root, us.as_raw())? else {
        return Ok(None);
    };
    let found = Running::find(pid)?;
    Ok(found.filter(|process| {
        process.uid == us.as_raw() && is_client(&process.words) && process.leads_session()
    }))
}

/// Reads the process ID. Returns `None` if the file is missing or belongs to another user.
fn read_pid(root: &Root, us: u32) -> io::Result<Option<u32>> {
    let path = root.entry(Path::new(PID_FILE))?;
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let metadata = unless_absent(fs::symlink_metadata(&path).map(Some), None)?;
    if !metadata.is_some_and(|file| file.is_file() && file.uid() == us) {
        return Ok(None);
    }
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(&path);
    let Some(file) = unless_absent(opened.map(Some), None)? else {
        return Ok(None);
    };
    let mut text = String::new();
    file.take(MAX_LEN).read_to_string(&mut text)?;
    Ok(text.trim().parse().ok())
}

/// Whether this is `ruby .../monitord-client.rb kvm ...`, as `monitord-client_control.sh` starts it.
fn is_client(words: &[String]) -> bool {
    let [interpreter, program, ..] = words else {
        return false;
    };
    let name = |path: &str| {
        Path::new(path)
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    name(interpreter).is_some_and(|name| name.starts_with("ruby"))
        && name(program).is_some_and(|name| name == CLIENT)
}
