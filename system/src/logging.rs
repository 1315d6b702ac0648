//! Where log lines go.
//!
//! | the program runs | log lines go to |
//! |---|---|
//! | on a live machine | syslog; before `/dev/log` exists, the kernel's log `/dev/kmsg` |
//! | with `--root` | no log: the lines are about another machine |
//! | under systemd (standard error is the journal) | only standard error: the journal *is* the syslog there |
//!
//! Errors and warnings also go to standard error, and on a terminal all lines do, unless the program uses standard error
//! otherwise.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::sync::Mutex;

use log::{Level, LevelFilter, Log, Metadata, Record};
use syslog::{BasicLogger, Facility, Formatter3164, Logger, LoggerBackend};

/// The name in the lines, and their destination.
#[derive(Debug, Clone, Copy)]
pub struct Logging {
    /// The name of the program.
    pub name: &'static str,
    /// Whether this is a live machine, so that its log gets the lines.
    pub is_live: bool,
    /// Whether these lines may go to standard error: not if that carries a protocol.
    pub has_stderr: bool,
    /// Also log which devices and files are read.
    pub verbose: bool,
}

/// Sets up logging for the whole process. Without a destination, lines are dropped.
pub fn start(logging: Logging) {
    let Logging {
        name,
        is_live,
        has_stderr,
        verbose,
    } = logging;
    let journal = has_stderr && stderr_is_journal();
    let logger = LogLines {
        name,
        stderr: if !has_stderr {
            LogStderr::Nothing
        } else if journal {
            LogStderr::Journal
        } else if verbose || std::io::stderr().is_terminal() {
            LogStderr::All
        } else {
            LogStderr::Problems
        },
        system: if is_live && !journal {
            SystemLog::open(name)
        } else {
            SystemLog::None
        },
        level: if verbose {
            LevelFilter::Debug
        } else {
            LevelFilter::Info
        },
    };
    log::set_max_level(logger.level);
    // A second call (only in tests) keeps the first logger.
    let _ = log::set_boxed_logger(Box::new(logger));
}

struct LogLines {
    name: &'static str,
    stderr: LogStderr,
    system: SystemLog,
    level: LevelFilter,
}

enum LogStderr {
    Nothing,
    /// Errors and warnings.
    Problems,
    All,
    /// All, with their priority (`sd-daemon(3)`).
    Journal,
}

enum SystemLog {
    None,
    Syslog(Box<BasicLogger>),
    Kernel(Mutex<File>),
}

impl SystemLog {
    fn open(name: &str) -> Self {
        let formatter = Formatter3164 {
            facility: Facility::LOG_DAEMON,
            hostname: None,
            process: name.into(),
            pid: std::process::id(),
        };
        if let Ok(socket) = datagrams_to("/dev/log") {
            let logger = Logger {
                formatter,
                backend: LoggerBackend::Unix(socket),
            };
            return Self::Syslog(Box::new(BasicLogger::new(logger)));
        }
        OpenOptions::new()
            .write(true)
            .open("/dev/kmsg")
            .map_or(Self::None, |file| Self::Kernel(Mutex::new(file)))
    }
}

impl Log for LogLines {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // A log that cannot be written must not stop the network of a machine.
        let problem = record.level() <= Level::Warn;
        let name = self.name;
        match self.stderr {
            LogStderr::Nothing => {}
            LogStderr::Problems if !problem => {}
            LogStderr::Problems | LogStderr::All => {
                let _ = writeln!(
                    std::io::stderr(),
                    "{name}: {}{}",
                    word(record.level()),
                    record.args()
                );
            }
            LogStderr::Journal => {
                let _ = writeln!(
                    std::io::stderr(),
                    "<{}>{}",
                    priority(record.level()),
                    record.args()
                );
            }
        }
        match &self.system {
            SystemLog::None => {}
            SystemLog::Syslog(logger) => logger.log(record),
            SystemLog::Kernel(file) => {
                if let Ok(mut file) = file.lock() {
                    // The kernel's log has one line per write.
                    let line = format!("<{}>{name}: {}\n", priority(record.level()), record.args());
                    let _ = file.write_all(line.as_bytes());
                }
            }
        }
    }

    fn flush(&self) {
        if let SystemLog::Syslog(logger) = &self.system {
            logger.flush();
        }
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error: ",
        Level::Warn => "warning: ",
        Level::Info | Level::Debug | Level::Trace => "",
    }
}

/// Returns the severity in syslog (RFC 5424, 6.2.1).
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Whether standard error is the journal: systemd passes its device and inode in `JOURNAL_STREAM` (`systemd.exec(5)`).
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|file| format!("{}:{}", file.dev(), file.ino()) == stream)
}

/// Opens a non-blocking socket, so that a hanging syslog does not block the boot.
fn datagrams_to(path: &str) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
