//! A process that another program has started.
//!
//! ```text
//! /proc/4711/stat      4711 (ruby) S 1 4711 4711 ... 98765 ...     session and time of its start (proc(5))
//! /proc/4711/cmdline   ruby\0/var/tmp/one/im/kvm.d/monitord-client.rb\0kvm\0
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::absent::is_absent;

/// The fields with the session and the start time, counted from `state`, which follows the name.
const SESSION: usize = 3;
const START: usize = 19;

/// A running process, as it was when it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pid: Pid,
    /// In ticks since the boot: a later process with the same ID has a different one.
    start: u64,
    session: i32,
    /// The user it runs as.
    pub uid: u32,
    /// Its command line.
    pub words: Vec<String>,
}

impl Running {
    /// Finds the process with this ID.
    pub fn find(pid: u32) -> io::Result<Option<Self>> {
        let dir = PathBuf::from(format!("/proc/{pid}"));
        let read = || {
            let uid = fs::metadata(&dir)?.uid();
            let words = fs::read(dir.join("cmdline"))?;
            let stat = fs::read(dir.join("stat"))?;
            Ok((uid, words, stat))
        };
        let (uid, words, stat) = match read() {
            Err(error) if is_gone(&error) => return Ok(None),
            read => read?,
        };
        let invalid = || io::Error::new(ErrorKind::InvalidData, "unexpected process status");
        let pid = i32::try_from(pid).map_err(|_| invalid())?;
        let (session, started) = session_and_start(&stat).ok_or_else(invalid)?;
        let words = words.split(|byte| *byte == 0);
        Ok(Some(Self {
            pid: Pid::from_raw(pid),
            start: started,
            session,
            uid,
            words: words
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect(),
        }))
    }

    /// Whether it leads a session: it has called `setsid(2)`.
    #[must_use]
    pub fn leads_session(&self) -> bool {
        self.session == self.pid.as_raw()
    }

    /// Sends it a signal. Returns `false` if it has ended, or has another command line now.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let now = Self::find(self.pid.as_raw().unsigned_abs())?;
        if now.as_ref() != Some(self) {
            return Ok(false);
        }
        match kill(self.pid, signal) {
            Err(Errno::ESRCH) => Ok(false),
            sent => Ok(sent.map(|()| true)?),
        }
    }
}

/// `/proc` answers ESRCH if the process ends while it is read.
fn is_gone(error: &io::Error) -> bool {
    is_absent(error) || error.raw_os_error() == Some(Errno::ESRCH as i32)
}

/// Reads `stat`. The name may contain blanks and parentheses, so the fields start after the last parenthesis.
fn session_and_start(stat: &[u8]) -> Option<(i32, u64)> {
    let text = String::from_utf8_lossy(stat);
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    Some((
        fields.get(SESSION)?.parse().ok()?,
        fields.get(START)?.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_signaled_only_while_it_is_the_same_one() {
        let child = Command::new("setsid")
            .args(["sh", "-c", "read line; exit 3"])
            .stdin(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let find = || Running::find(child.id()).unwrap();
        // It is 'setsid' at first.
        while find()
            .unwrap()
            .words
            .first()
            .is_none_or(|name| name != "sh")
        {
            std::thread::yield_now();
        }
        let found = find().unwrap();
        assert!(found.leads_session(), "{found:?}");
        assert_eq!(found.words[..2], ["sh", "-c"]);
        assert_eq!(found.uid, nix::unistd::geteuid().as_raw());
        let another = Running {
            start: found.start + 1,
            ..found.clone()
        };
        assert!(!another.signal(Signal::SIGKILL).unwrap());
        assert!(found.signal(Signal::SIGKILL).unwrap());
        child.wait().unwrap();
        assert!(!found.signal(Signal::SIGKILL).unwrap());
        assert_eq!(Running::find(child.id()).unwrap(), None);
        assert!(
            !Running::find(std::process::id())
                .unwrap()
                .unwrap()
                .words
                .is_empty()
        );
    }

    #[test]
    fn a_process_name_may_look_like_fields() {
        let fields = "S 1 2 4711 0 -1 4194304 1 1 0 0 0 0 0 0 20 0 1 0 98765 1 1";
        let stat = format!("4711 (a) R (9) {fields}");
        assert_eq!(session_and_start(stat.as_bytes()), Some((4711, 98765)));
        assert_eq!(session_and_start(b"4711 (a) S 1"), None);
    }
}
