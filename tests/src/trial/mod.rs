//! Measures the agent and the script that it replaces on the same machine, each run in a fresh root. `host` does this for the
//! driver.

mod host;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use tempfile::TempDir;

pub use host::{HELD_EACH, HostTrial, VFS_OF_CARD};

use crate::{Machine, Tool, fleet, image};

const SCRIPTS: &str = "etc/sysconfig/network-scripts";
/// Directories that the packages of the other network stacks own.
const OF_STACKS: [&str; 7] = [
    "etc/sysconfig/network",
    "etc/network/interfaces.d",
    "etc/NetworkManager/system-connections",
    "etc/NetworkManager/conf.d",
    "etc/netplan",
    "etc/systemd/network",
    "etc/udev/rules.d",
];

/// A machine of a [`fleet`] with its CD, and a directory for fresh roots.
#[derive(Debug)]
pub struct Trial {
    machine: Machine,
    directory: PathBuf,
    /// The CD. Its files are also in `files` beside it.
    cd: PathBuf,
}

impl Trial {
    /// Creates a machine with this many NICs, with all files below `directory`.
    #[must_use]
    pub fn new(directory: &Path, nics: u16) -> Self {
        let (context, devices) = fleet(nics);
        let machine = Machine::new_in(directory, &context, &devices);
        let cd = image(machine.root(), Tool::Genisoimage, Some("CONTEXT"), &context);
        Self {
            machine,
            directory: directory.to_owned(),
            cd,
        }
    }

    /// Creates a root with the directories of every network stack, without files.
    #[must_use]
    pub fn fresh_root(&self) -> TempDir {
        let root = TempDir::new_in(&self.directory).expect("a scratch root");
        let usual = [SCRIPTS, "var/lib", "mnt"];
        for directory in usual.iter().chain(&OF_STACKS) {
            std::fs::create_dir_all(root.path().join(directory)).expect("a directory");
        }
        root
    }

    /// Runs `apply` for the network stack that the script of 2013 supports.
    #[must_use]
    pub fn agent(&self, agent: &Path, root: &Path) -> Command {
        self.agent_for("ifcfg-initscripts", agent, root)
    }

    /// Runs `apply` for any network stack.
    #[must_use]
    pub fn agent_for(&self, backend: &str, agent: &Path, root: &Path) -> Command {
        let mut command = Command::new(agent);
        command
            .args(["apply", "--backend", backend, "--root"])
            .arg(root)
            .arg("--sysfs")
            .arg(self.machine.path("/sys"))
            .arg("--context")
            .arg(&self.cd)
            .env_remove("CONTEXT_FILE")
            .env_remove("JOURNAL_STREAM")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Runs `floor`, which does only the I/O of a run; `manifest` lists the files.
    #[must_use]
    pub fn floor(&self, floor: &Path, manifest: &Path, root: &Path) -> Command {
        let mut command = Command::new(floor);
        command
            .arg(self.machine.path("/sys"))
            .arg(&self.cd)
            .arg(self.machine.read("/context/context.sh").len().to_string())
            .arg(manifest)
            .arg(root)
            .stdin(Stdio::null());
        command
    }

    /// Runs the init script of 2013, which mounts the CD.
    #[must_use]
    pub fn old(&self, root: &Path) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/old-vmcontext");
        let mut command = Command::new(script);
        command
            .arg(self.machine.path("/sys"))
            .arg(self.cd.with_file_name("files"))
            .arg(root)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// The time that the script spends on mounting: its two programs, run alone.
    #[must_use]
    pub fn mounting(&self, root: &Path) -> Duration {
        let mnt = root.join("mnt");
        let mut mount = Command::new("mount");
        mount
            .arg("--bind")
            .arg(self.cd.with_file_name("files"))
            .arg(&mnt);
        let mut umount = Command::new("umount");
        umount.arg(&mnt);
        time(mount) + time(umount)
    }

    /// Counts the NICs of the context that have their address in a file of a root, for any stack.
    #[must_use]
    pub fn addressed(&self, root: &Path) -> usize {
        let mut text = String::new();
        let mut open = vec![root.join("etc")];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    text += &std::fs::read_to_string(path).expect("a text file");
                }
            }
        }
        let given: BTreeSet<&str> = text
            .split(|c: char| c != '.' && !c.is_ascii_digit())
            .collect();
        let context = self.machine.read("/context/context.sh");
        let addresses = context.lines().filter_map(|line| line.split_once("_IP='"));
        addresses
            .map(|(_, address)| address.trim_end_matches('\''))
            .filter(|address| !address.is_empty() && given.contains(address))
            .count()
    }

    /// The addresses in the files of a run for [`Trial::agent`] or [`Trial::old`], sorted.
    #[must_use]
    pub fn addresses(root: &Path) -> Vec<String> {
        let files = std::fs::read_dir(root.join(SCRIPTS)).expect("a directory");
        let texts = files.map(|file| {
            std::fs::read_to_string(file.expect("an entry").path()).expect("a text file")
        });
        let mut addresses: Vec<String> = texts
            .filter_map(|text| {
                let address = text.lines().find(|line| line.starts_with("IPADDR="))?;
                Some(address.to_owned())
            })
            .collect();
        addresses.sort();
        addresses
    }
}

/// Reads a program into the page cache page by page, as a boot does.
///
/// A file that was just written may be cached in larger folios, which makes each start up to 0.07 ms faster.
pub fn read_anew(program: &Path) {
    let file = File::open(program).expect("the program can be read");
    file.sync_all().expect("failed to flush the program");
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
        .expect("failed to drop the file from the cache");
    let _ = std::fs::read(program).expect("the program can be read");
}

/// The time from the start of a program to its end. The program must succeed.
#[must_use]
pub fn time(mut command: Command) -> Duration {
    let start = Instant::now();
    let status = command.status();
    let time = start.elapsed();
    let status = status.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(status.success(), "{command:?} failed: {status}");
    time
}

/// The median of some times.
#[must_use]
pub fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

/// A directory in memory, if possible: otherwise flushes to a busy disk would be measured.
#[must_use]
pub fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if is_in_memory(&memory) {
        memory
    } else {
        std::env::temp_dir()
    }
}

/// Whether a directory is in memory, so that flushes cost nothing.
#[must_use]
pub fn is_in_memory(directory: &Path) -> bool {
    statfs(directory).is_ok_and(|stat| stat.filesystem_type() == TMPFS_MAGIC)
}

/// The peak memory of a program in bytes.
///
/// The kernel starts with the memory of the calling process, and keeps the maximum over all children: call this once, in a
/// small separate process.
#[must_use]
pub fn peak_memory(command: Command) -> i64 {
    let _ = time(command);
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("failed to get the resource usage");
    usage.max_rss() * 1024
}

/// The CPU time of a program, which doesn't depend on other programs on the machine.
///
/// Call this once, in a small separate process, like [`peak_memory`].
#[must_use]
pub fn processor_time(command: Command) -> Duration {
    let _ = time(command);
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("failed to get the resource usage");
    let times = [usage.user_time(), usage.system_time()];
    let microseconds = times.map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Duration::from_micros(microseconds.iter().sum::<i64>().unsigned_abs())
}

/// The number of instructions that a program executes; `None` without `valgrind`.
///
/// Unlike the time, it is the same in every run.
#[must_use]
pub fn instructions(command: &Command) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdout(Stdio::null())
        .env_remove("CONTEXT_FILE")
        .output()
        .ok()?;
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "valgrind failed: {log}");
    let line = log.lines().find(|line| line.contains("Collected : "));
    let count = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    Some(count.expect("callgrind did not print its count"))
}

/// The number of processes and threads that a program starts; `None` without `strace`.
#[must_use]
pub fn processes(command: &Command) -> Option<usize> {
    const CALLS: &str = "trace=?clone,?clone3,?fork,?vfork,?execve,?execveat";
    let log = tempfile::NamedTempFile::new().expect("a scratch file");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-e", "signal=none", "-e", CALLS, "-o"])
        .arg(log.path())
        .arg(command.get_program())
        .args(command.get_args())
        .stdout(Stdio::null())
        .env_remove("CONTEXT_FILE");
    let status = strace.status().ok()?;
    assert!(status.success(), "{strace:?} failed: {status}");
    let calls = std::fs::read_to_string(log.path()).expect("a log");
    let calls = calls.lines().filter(|line| line.contains('(')).count();
    // The first call starts the program itself.
    Some(calls.checked_sub(1).expect("the log has no execve"))
}
