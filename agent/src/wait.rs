//! Waits for late devices: wakes on events, and gives up at a limit.
//!
//! While udev processes its queue, `/run/udev/queue` exists; when it has finished a network device,
//! `/run/udev/data/n<ifindex>` appears (systemd `src/udev/udev-manager.c`, `src/libsystemd/sd-device`).
//! Without udev, the kernel's own events announce new devices.

use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use one_sriov_system::Root;

const UDEV_QUEUE: &str = "/run/udev/queue";

/// The time that a run may wait, and the events that end the wait early.
pub struct WaitBudget {
    /// `None` if the run must not wait: then the clock is not read.
    start: Option<Instant>,
    bound: Duration,
    udev: Option<Inotify>,
    kernel: Option<OwnedFd>,
    root: Root,
    shows_progress: bool,
}

impl WaitBudget {
    /// Starts listening, so that no later event is missed.
    #[must_use]
    pub fn new(root: &Root, bound: Duration) -> Self {
        let waits = !bound.is_zero();
        Self {
            start: waits.then(Instant::now),
            bound,
            udev: waits.then(|| events_of("udev", watch_udev(root))).flatten(),
            kernel: waits
                .then(|| events_of("the kernel", kernel_events()))
                .flatten(),
            root: root.clone(),
            shows_progress: waits && std::io::stderr().is_terminal(),
        }
    }

    /// Whether udev is, or may be, processing devices.
    #[must_use]
    pub fn udev_is_busy(&self) -> bool {
        self.root
            .try_exists(Path::new(UDEV_QUEUE))
            .unwrap_or_else(|error| {
                log::warn!("failed to check '{UDEV_QUEUE}', so udev is treated as busy: {error}");
                true
            })
    }

    /// Waits for a device event; returns `false` when the time is used up.
    #[must_use]
    pub fn wait(&self, what: &str) -> bool {
        let Some(start) = self.start else {
            return false;
        };
        loop {
            let waited = start.elapsed();
            let Some(left) = self
                .bound
                .checked_sub(waited)
                .filter(|left| !left.is_zero())
            else {
                return false;
            };
            if self.shows_progress {
                let (waited, bound) = (waited.as_secs(), self.bound.as_secs());
                // A failure to print progress is ignored.
                let _ = write!(
                    std::io::stderr(),
                    "\rwaiting for {what}: {waited} s of at most {bound} s \r"
                );
            }
            let slice = if self.shows_progress {
                left.min(Duration::from_secs(1))
            } else {
                left
            };
            if self.poll(slice) {
                return true;
            }
        }
    }

    /// Waits for one event; returns `false` if none came in time.
    fn poll(&self, time: Duration) -> bool {
        let udev = self.udev.iter().map(AsFd::as_fd);
        let kernel = self.kernel.iter().map(AsFd::as_fd);
        let mut fds: Vec<PollFd> = udev
            .chain(kernel)
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        // Rounded up, to avoid a busy loop in the last millisecond.
        let timeout =
            PollTimeout::try_from(time + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        let happened = poll(&mut fds, timeout).is_ok_and(|ready| ready > 0);
        if happened {
            self.drain();
        }
        happened
    }

    fn drain(&self) {
        if let Some(udev) = &self.udev {
            while udev.read_events().is_ok_and(|events| !events.is_empty()) {}
        }
        if let Some(kernel) = &self.kernel {
            let mut buffer = [0; 8192];
            while recv(kernel.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT)
                .is_ok_and(|length| length > 0)
            {}
        }
    }
}

/// A source of events. If it fails, the wait lasts until the limit.
fn events_of<T>(source: &str, events: nix::Result<T>) -> Option<T> {
    events
        .map_err(|error| log::warn!("failed to listen to the events of {source}: {error}"))
        .ok()
}

/// Watches udev's queue and database, and the device nodes in `/dev`.
fn watch_udev(root: &Root) -> nix::Result<Inotify> {
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    let changes = AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_CLOSE_WRITE;
    for directory in ["/run/udev", "/run/udev/data", "/dev"] {
        if let Ok(path) = root.path(Path::new(directory))
            && let Err(error) = inotify.add_watch(&path, changes)
        {
            log::debug!("failed to watch '{directory}': {error}");
        }
    }
    Ok(inotify)
}

/// Listens to the kernel's device events (`NETLINK_KOBJECT_UEVENT`, group 1).
fn kernel_events() -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        flags,
        SockProtocol::NetlinkKObjectUEvent,
    )?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 1))?;
    Ok(fd)
}
