//! The programs that read the files, with everything that the agent knows about each, except how it loads changes (`activate/`).

use std::fmt;

/// A program that reads the files of backends and configures devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reader {
    /// NetworkManager.
    NetworkManager,
    /// systemd-networkd.
    Networkd,
    /// wicked.
    Wicked,
    /// ifupdown, ifupdown-ng, busybox.
    Ifupdown,
    /// `ifup` and `ifdown` of initscripts.
    Initscripts,
}

/// A sign that a reader runs, or has run since boot. No program is run to check it: at boot, most could not answer.
#[derive(Debug, Clone, Copy)]
pub enum Sign {
    /// A process has this name, of which the kernel keeps 15 characters (`TASK_COMM_LEN`).
    Process(&'static str),
    /// One of these files is not empty.
    Text(&'static [&'static str]),
    /// This file exists.
    File(&'static str),
}

impl Reader {
    /// All readers.
    pub const ALL: [Self; 5] = [
        Self::NetworkManager,
        Self::Networkd,
        Self::Wicked,
        Self::Ifupdown,
        Self::Initscripts,
    ];

    /// The name for messages, the name of the service, and the sign that it runs.
    const fn describe(self) -> (&'static str, &'static str, Sign) {
        match self {
            Self::NetworkManager => (
                "NetworkManager",
                "NetworkManager",
                Sign::Process("NetworkManager"),
            ),
            Self::Networkd => (
                "systemd-networkd",
                "systemd-networkd",
                Sign::Process("systemd-network"),
            ),
            Self::Wicked => ("wicked", "wicked", Sign::Process("wickedd")),
            // ifupdown, ifupdown-ng and busybox record each interface that is up.
            Self::Ifupdown => (
                "ifupdown",
                "networking",
                Sign::Text(&["/run/network/ifstate", "/run/ifstate"]),
            ),
            // The lock file of a started service (EL 6 and 7).
            Self::Initscripts => (
                "the network service of initscripts",
                "network",
                Sign::File("/var/lock/subsys/network"),
            ),
        }
    }

    /// The `SysV` script that starts the reader.
    #[must_use]
    pub const fn service(self) -> &'static str {
        self.describe().1
    }

    /// The systemd unit that starts the reader.
    #[must_use]
    pub fn unit(self) -> String {
        format!("{}.service", self.service())
    }

    /// The sign that the reader runs.
    #[must_use]
    pub const fn sign(self) -> Sign {
        self.describe().2
    }

    /// Whether the reader is a daemon: it notices new devices, and no other daemon should run at the same time.
    #[must_use]
    pub const fn is_daemon(self) -> bool {
        matches!(self.sign(), Sign::Process(_))
    }
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe().0)
    }
}

/// A set of readers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readers([bool; Reader::ALL.len()]);

impl Readers {
    /// Whether a reader is in the set.
    #[must_use]
    pub const fn has(self, reader: Reader) -> bool {
        self.0[reader as usize]
    }

    /// The daemons in the set.
    pub fn daemons(self) -> impl Iterator<Item = Reader> {
        let all = Reader::ALL.into_iter();
        all.filter(move |reader| reader.is_daemon() && self.has(*reader))
    }
}

impl FromIterator<Reader> for Readers {
    fn from_iter<I: IntoIterator<Item = Reader>>(readers: I) -> Self {
        let mut set = Self::default();
        for reader in readers {
            set.0[reader as usize] = true;
        }
        set
    }
}
