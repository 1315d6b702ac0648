//! The end of a child, as something that `poll` can wait for.
//!
//! A pidfd would be that, from Linux 5.3 on. `SIGCHLD` through a signalfd would do for a program
//! with one thread; in any other it may reach a thread that drops it. So a thread of its own waits
//! for the child, and then closes a pipe.

use std::io::{self, PipeReader};
use std::process::Child;
use std::sync::mpsc::{self, Sender};
use std::thread;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::intake::persist;

/// Waits for a child that is yet to be started, so that nothing can fail once it runs.
pub(super) struct Watch {
    pid: Sender<Pid>,
    ended: PipeReader,
}

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        let (ended, alive) = io::pipe()?;
        let (pid, receiver) = mpsc::channel();
        // No signal is for this thread: one that another thread has blocked would end us here.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let started = thread::Builder::new()
            .name("child".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || {
                if let Ok(pid) = receiver.recv() {
                    // The child is reaped later, so its process ID stays reserved.
                    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
                    let waited = persist(|| {
                        loop {
                            match waitid(Id::Pid(pid), flags) {
                                Err(Errno::EINTR) => {}
                                waited => return waited,
                            }
                        }
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

    /// What hangs up once the child has ended.
    pub(super) fn start(self, child: &Child) -> PipeReader {
        // The thread waits for nothing else: it is there to receive.
        let _ = self.pid.send(pid_of(child));
        self.ended
    }
}

/// The process id of a child, which is also that of its group if it leads one.
pub(super) fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}
