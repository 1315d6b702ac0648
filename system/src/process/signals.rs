//! Passes our signals on to the child in our place.

use std::io;

use nix::libc::SI_KERNEL;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// The signals that end or notify a program.
const FORWARDED: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// The signals. From [`Self::block`] on until this is dropped, they are passed on, and have no effect on this process.
pub(super) struct Signals {
    pub(super) fd: SignalFd,
    set: SigSet,
    before: SigSet,
}

impl Signals {
    /// Blocks nothing yet: the child inherits the signal mask, and must get every signal that is passed on.
    pub(super) fn new() -> io::Result<Self> {
        let set: SigSet = FORWARDED.into_iter().collect();
        Ok(Self {
            fd: SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?,
            set,
            before: SigSet::thread_get_mask()?,
        })
    }

    /// From now on signals are passed on. One that came before ends this process, and the child keeps running.
    pub(super) fn block(&self) {
        // Cannot fail: the set is valid.
        let _ = self.set.thread_block();
    }

    /// Sends pending signals to the child.
    pub(super) fn forward(&self, child: Pid) {
        while let Ok(Some(info)) = self.fd.read_signal() {
            // The terminal sends its signals to the whole group: the child has it already.
            if info.ssi_code != SI_KERNEL
                && let Ok(signal) = Signal::try_from(info.ssi_signo.cast_signed())
            {
                log::debug!("passing {signal} on to process {child}");
                // It may have exited already.
                let _ = kill(child, signal);
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Those that came after the child's end are not for us: what the child did still has to be recorded.
        while let Ok(Some(_)) = self.fd.read_signal() {}
        // Cannot fail: the mask was set before.
        let _ = self.before.thread_set_mask();
    }
}
