//! Signals that reach us and are meant for the child in our place.

use nix::libc::SI_KERNEL;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// All signals that end a program or notify it.
const FORWARDED: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// While this lives, the signals are ours to read and do nothing else.
pub(super) struct Signals {
    pub(super) fd: SignalFd,
    before: SigSet,
}

/// What can fail of [`Signals`] is done: before a child runs.
pub(super) struct Prepared {
    fd: SignalFd,
    set: SigSet,
}

impl Signals {
    /// Nothing changes yet: a child inherits the mask of the thread that starts it, and the one in our
    /// place must be open to every signal that we send it.
    pub(super) fn prepare() -> nix::Result<Prepared> {
        let set: SigSet = FORWARDED.into_iter().collect();
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Prepared { fd, set })
    }
}

impl Prepared {
    /// From now on the signals are for the child. One that came before ends us, as it always does, and
    /// leaves the child as if we had been killed.
    pub(super) fn take(self) -> nix::Result<Signals> {
        let before = self.set.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        Ok(Signals {
            fd: self.fd,
            before,
        })
    }
}

impl Signals {
    /// Sends what has come to the child.
    pub(super) fn forward(&self, child: Pid) {
        while let Ok(Some(info)) = self.fd.read_signal() {
            // A key on the terminal, or its end, reaches the whole group: the child has it already.
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
        // Setting a mask fails for no mask that was set before.
        let _ = self.before.thread_set_mask();
    }
}
