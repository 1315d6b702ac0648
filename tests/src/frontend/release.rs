//! Differences between releases of OpenNebula.

use std::fmt;

/// A release whose front-end the tests imitate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Release {
    V4_0,
    V4_14,
    V5_4,
    V5_12,
    V6_0,
    V6_4,
    V6_10,
    V7_0,
    Head,
}

/// How the standard error of a failed action becomes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorRegime {
    /// The text between two marker lines, or `-`.
    Block,
    /// The whole text, in one line.
    Whole,
    /// All lines except log lines, joined without a separator.
    Glued,
}

/// How an action's command gets to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Written to a `bash -s` that stays open; markers show the command's end.
    Stream,
    /// A separate command, which ends when its outputs end.
    Command,
}

/// What an action's standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// The domain, or the action's document.
    Document,
    /// The stream of commands itself, which never ends.
    Stream,
    /// Empty.
    Empty,
}

type Version = (u8, u8, u8);

/// The scripts that releases call in the driver's directory, each with the first release that calls it and the first that no
/// longer does.
const ACTIONS: [(&str, Version, Option<Version>); 23] = [
    ("attach_disk", (4, 0, 0), None),
    ("attach_nic", (4, 0, 0), None),
    ("cancel", (4, 0, 0), None),
    ("deploy", (4, 0, 0), None),
    ("detach_disk", (4, 0, 0), None),
    ("detach_nic", (4, 0, 0), None),
    ("exec", (7, 2, 0), None),
    ("exec_cancel", (7, 2, 0), None),
    ("migrate", (4, 0, 0), None),
    ("migrate_local", (4, 0, 0), None),
    ("poll", (4, 0, 0), Some((5, 12, 0))),
    ("prereconfigure", (5, 0, 0), None),
    ("reboot", (4, 0, 0), None),
    ("reconfigure", (5, 0, 0), None),
    ("reset", (4, 0, 0), None),
    ("resize", (6, 0, 0), None),
    ("resize_disk", (5, 4, 0), None),
    ("restore", (4, 0, 0), None),
    ("save", (4, 0, 0), None),
    ("shutdown", (4, 0, 0), None),
    ("snapshot_create", (4, 0, 0), None),
    ("snapshot_delete", (4, 0, 0), None),
    ("snapshot_revert", (4, 0, 0), None),
];

impl Release {
    /// All releases, in order.
    pub const ALL: [Self; 9] = [
        Self::V4_0,
        Self::V4_14,
        Self::V5_4,
        Self::V5_12,
        Self::V6_0,
        Self::V6_4,
        Self::V6_10,
        Self::V7_0,
        Self::Head,
    ];

    /// The exact version that represents the series.
    #[must_use]
    pub fn version(self) -> (u8, u8, u8) {
        match self {
            Self::V4_0 => (4, 0, 0),
            Self::V4_14 => (4, 14, 2),
            Self::V5_4 => (5, 4, 15),
            Self::V5_12 => (5, 12, 13),
            Self::V6_0 => (6, 0, 2),
            Self::V6_4 => (6, 4, 0),
            Self::V6_10 => (6, 10, 5),
            Self::V7_0 => (7, 0, 0),
            Self::Head => (7, 5, 0),
        }
    }

    /// The scripts that this release calls in the directory of a driver.
    #[must_use]
    pub fn actions(self) -> Vec<&'static str> {
        let called = |(name, since, until): (&'static str, Version, Option<Version>)| {
            let is_called =
                self.version() >= since && until.is_none_or(|until| self.version() < until);
            is_called.then_some(name)
        };
        ACTIONS.into_iter().filter_map(called).collect()
    }

    /// How this release gets the message of a failure.
    #[must_use]
    pub fn error_regime(self) -> ErrorRegime {
        match self.version() {
            version if version < (6, 0, 3) => ErrorRegime::Block,
            version if version < (7, 0, 0) => ErrorRegime::Whole,
            _ => ErrorRegime::Glued,
        }
    }

    /// How this release runs an action.
    #[must_use]
    pub fn transport(self, action: &str) -> Transport {
        let streams_since = match action {
            "reboot" | "reset" => Some((5, 8, 5)),
            "snapshot_revert" => Some((6, 8, 3)),
            "snapshot_create" | "snapshot_delete" | "resize" | "exec" | "exec_cancel" | "poll" => {
                None
            }
            _ => Some((4, 0, 0)),
        };
        if streams_since.is_some_and(|since| self.version() >= since) {
            Transport::Stream
        } else {
            Transport::Command
        }
    }

    /// What this release passes as the standard input of an action.
    #[must_use]
    pub fn stdin(self, action: &str) -> Stdin {
        let documents_since = match action {
            "deploy" => (4, 0, 0),
            "poll" => return Stdin::Empty,
            "reboot" | "reset" | "snapshot_delete" | "snapshot_revert" => (5, 8, 5),
            "snapshot_create" => (5, 4, 0),
            _ => (5, 0, 0),
        };
        match self.transport(action) {
            _ if self.version() >= documents_since => Stdin::Document,
            Transport::Stream => Stdin::Stream,
            Transport::Command => Stdin::Empty,
        }
    }

    /// Whether a document reaches the action unchanged; in older releases the host's shell expands it.
    #[must_use]
    pub fn quotes_documents(self) -> bool {
        self.version() >= (6, 4, 3)
    }

    /// Whether this release quotes arguments.
    #[must_use]
    pub fn quotes_arguments(self) -> bool {
        self.version() >= (4, 2, 0)
    }

    /// Whether this release reads the exit code of a separate command from the last line of standard error.
    #[must_use]
    pub fn reads_exit_codes(self) -> bool {
        self.version() < (5, 2, 0)
    }

    /// Whether the remotes have a file with their version.
    #[must_use]
    pub fn has_version_file(self) -> bool {
        self.version() >= (4, 4, 0)
    }

    /// Whether the stock driver's configuration is in `etc/vmm/kvm/kvmrc`, not in the driver's own directory.
    #[must_use]
    pub fn has_etc(self) -> bool {
        self.version() >= (5, 6, 0)
    }

    /// Whether the deploy ID is the domain's UUID and not its name.
    #[must_use]
    pub fn deploys_by_uuid(self) -> bool {
        self.version() >= (5, 8, 0)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.version();
        write!(formatter, "{major}.{minor}.{patch}")
    }
}
