//! Reads the pipes of a child.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A page, which always fits into a pipe that is ready for writing.
pub(super) const CHUNK: usize = 4096;
/// Linux's default capacity of a pipe, if the kernel does not report one.
const CAPACITY: usize = 65536;
/// How often to retry a call that fails, for example when the kernel is short of memory: the child keeps running anyway.
const TRIES: usize = 50;
/// The pause before a retry.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls until it succeeds, or has failed too often.
pub(super) fn persist<T, E>(mut call: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    for _ in 1..TRIES {
        match call() {
            Err(_) => thread::sleep(PAUSE),
            done => return done,
        }
    }
    call()
}

/// A pipe of a child, until its end or until enough was read.
pub(super) struct Intake<R> {
    pipe: Option<R>,
    left: usize,
}

impl<R: Read + AsFd> Intake<R> {
    pub(super) fn new(pipe: Option<R>) -> Self {
        Self {
            pipe,
            left: usize::MAX,
        }
    }

    /// The pipe, unless it has ended.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads what the pipe has now, up to a chunk. Call it when `poll` reports data.
    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        let Some(pipe) = &mut self.pipe else {
            return Ok(Vec::new());
        };
        let mut chunk = vec![0; CHUNK.min(self.left)];
        let length = persist(|| pipe.read(&mut chunk))?;
        chunk.truncate(length);
        self.left -= length;
        if length == 0 || self.left == 0 {
            self.pipe = None;
        }
        Ok(chunk)
    }

    /// The child has ended: from now on at most the capacity of the pipe is read, because what its background processes write
    /// later is not its output.
    pub(super) fn child_has_ended(&mut self) {
        let size = |pipe| fcntl(pipe, FcntlArg::F_GETPIPE_SZ).ok();
        let size = self.pipe.as_ref().and_then(size);
        let size = size.and_then(|size| usize::try_from(size).ok());
        self.left = size.unwrap_or(CAPACITY);
    }
}

/// Waits until one of these is ready, and returns which are; none if the time ran out.
pub(super) fn ready<const N: usize>(
    fds: [Option<(BorrowedFd<'_>, PollFlags)>; N],
    time: Duration,
) -> io::Result<[bool; N]> {
    let wanted = fds.iter().flatten();
    let mut polled: Vec<PollFd> = wanted.map(|&(fd, flags)| PollFd::new(fd, flags)).collect();
    // Rounded up, to avoid a busy loop in the last millisecond.
    let millis = time.as_nanos().div_ceil(1_000_000);
    let time = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
    persist(|| match poll(&mut polled, time) {
        Err(Errno::EINTR) => Ok(0),
        polled => polled,
    })?;
    let mut results = polled.iter().map(|fd| fd.any().unwrap_or(true));
    Ok(fds.map(|fd| fd.is_some() && results.next().unwrap_or(false)))
}
