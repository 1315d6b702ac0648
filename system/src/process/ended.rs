//! Makes the end of a child an event for `poll`.
//!
//! A pidfd needs Linux 5.3. `SIGCHLD` by a signalfd needs a program with a single thread: otherwise it may reach one that drops
//! it. So a thread waits for the child, and then closes a pipe.

use std::io::{self, PipeReader};
use std::process::Child;
use std::sync::mpsc::{self, Sender};
use std::thread;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::intake::persist;

/// The thread. It is created before the child, so that nothing can fail once that runs.
pub(super) struct Watch {
    pid: Sender<Pid>,
    ended: PipeReader,
}

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        let (ended, alive) = io::pipe()?;
        let (pid, receiver) = mpsc::channel();
        // The thread must not take any signal: one that only the others block would end the process.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let started = thread::Builder::new()
            .name("child".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || {
                if let Ok(pid) = receiver.recv() {
                    // The child is reaped later, so its process ID stays reserved.
                    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
                    let waited = persist(|| match waitid(Id::Pid(pid), flags) {
                        // Already reaped.
                        Err(Errno::ECHILD) => Ok(()),
                        waited => waited.map(drop),
                    });
                    if let Err(errno) = waited {
                        log::error!("failed to wait for process {pid}: {}", errno.desc());
                    }
                }
                drop(alive);
            });
        before.thread_set_mask()?;
        started?;
        Ok(Self { pid, ended })
    }

    /// A pipe that hangs up when the child ends.
    pub(super) fn start(self, child: &Child) -> PipeReader {
        // Cannot fail: the thread is waiting for this.
        let _ = self.pid.send(pid_of(child));
        self.ended
    }
}

/// The process id of a child, which is also the id of its group if it leads one.
pub(super) fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}
