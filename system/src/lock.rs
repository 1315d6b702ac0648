//! Waits for an advisory lock, but not forever.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// The result of locking a file.
#[derive(Debug)]
pub enum Locked {
    /// The lock was free.
    AtOnce(File),
    /// Locked, after waiting for another process.
    AfterWaiting(File),
    /// Another process still holds it.
    Not,
}

/// Locks an open file exclusively (`flock(2)`), and waits at most `wait` for another holder.
///
/// The lock lasts until the file is closed, here and in every process that inherited it. The kernel releases it if a process
/// is killed.
pub fn lock_within(file: File, wait: Duration) -> io::Result<Locked> {
    match file.try_lock() {
        Ok(()) => return Ok(Locked::AtOnce(file)),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(cause)) => return Err(cause),
    }
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("lock".to_owned())
        // If it is too late, the send fails and drops the file, and with it the lock.
        .spawn(move || sender.send(file.lock().map(|()| file)))?;
    match receiver.recv_timeout(wait) {
        Ok(Ok(file)) => Ok(Locked::AfterWaiting(file)),
        Ok(Err(cause)) => Err(cause),
        Err(RecvTimeoutError::Timeout) => Ok(Locked::Not),
        Err(RecvTimeoutError::Disconnected) => Err(ErrorKind::Other.into()),
    }
}
