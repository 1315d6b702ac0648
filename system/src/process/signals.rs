//! Passes our signals on to the child in our place.

use nix::libc::SI_KERNEL;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
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

/// While this lives, the signals are read, and have no other effect.
pub(super) struct Signals {
    pub(super) fd: SignalFd,
    before: SigSet,
}

/// The part of [`Signals`] that can fail, which is done before the child runs.
pub(super) struct Prepared {
    fd: SignalFd,
    set: SigSet,
}

impl Signals {
    /// Blocks nothing yet: the child inherits the signal mask, and must get every signal that is passed on.
    pub(super) fn prepare() -> nix::Result<Prepared> {
        let set: SigSet = FORWARDED.into_iter().collect();
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Prepared { fd, set })
    }
}

impl Prepared {
    /// From now on signals are passed on. One that came before ends this process, and the child keeps running.
    pub(super) fn take(self) -> nix::Result<Signals> {
        let before = self.set.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        Ok(Signals {
            fd: self.fd,
            before,
        })
    }
}

impl Signals {
    /// Sends pending signals to the child.
    pub(super) fn forward(&self, child: Pid) {
        while let Ok(Some(info)) = self.fd.read_signal() {
            // The terminal sends its signals to the whole group: the child has it already.
            if info.ssi_code == SI_KERNEL {
                continue;
            }
            let signal = i32::try_from(info.ssi_signo).unwrap_or_default();
            if let Ok(signal) = Signal::try_from(signal) {
                log::debug!("passing {signal} on to process {child}");
                // It may have exited already.
                let _ = kill(child, signal);
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Cannot fail: the mask was set before.
        let _ = self.before.thread_set_mask();
    }
}
