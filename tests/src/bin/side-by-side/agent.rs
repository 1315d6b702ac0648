//! Compares the agent with the script of 2013.
//!
//! Both get the same sysfs tree and the same CD, and write to a fresh root on a tmpfs, so that disk speed doesn't matter. The
//! agent reads the CD itself; the script mounts it, which is a separate column. The agent flushes all files, which the script
//! did not; what that costs on a real disk is a column, too.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use one_sriov_tests::{BACKENDS, Trial, agent_path, is_in_memory, median, processes, time};

use super::{PEAK, floor, milliseconds};

/// For each number of NICs: how often the script runs, and by which factor the agent must be faster.
const PLAN: [(u16, u32, f64); 3] = [(1, 51, 30.0), (16, 15, 90.0), (256, 1, 150.0)];
/// Runs of the agent for each run of the script.
const AGENT_RUNS: u32 = 5;
/// How many times slower another network stack may be: some need more files for a NIC.
const SLOWER: u32 = 3;

struct Row {
    nics: u16,
    old: Duration,
    mounting: Duration,
    agent: Duration,
    disk: Duration,
    memory: i64,
    processes: Option<usize>,
    least: f64,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.old.as_secs_f64() / self.agent.as_secs_f64()
    }

    fn ratio_without_mount(&self) -> f64 {
        self.old.saturating_sub(self.mounting).as_secs_f64() / self.agent.as_secs_f64()
    }

    fn verdict(&self) -> &'static str {
        if self.is_regression() {
            "  TOO SLOW"
        } else {
            ""
        }
    }

    fn is_regression(&self) -> bool {
        self.ratio() < self.least
    }
}

/// Prints the comparison. Returns whether all factors are reached.
pub(crate) fn compare(memory: &Path) -> bool {
    let agent = agent_path();
    let disk = PathBuf::from("/var/tmp");
    if is_in_memory(&disk) {
        println!("note: '/var/tmp' is a tmpfs, so 'on disk' is not");
    }
    let rows = PLAN.map(|(nics, runs, least)| {
        let row = measure(agent, memory, &disk, nics, runs);
        Row { least, ..row }
    });
    print(&rows);
    let is_good = !rows.iter().any(Row::is_regression);
    let is_near = floor::compare(agent, memory);
    each_backend(agent, memory, &rows) && is_good && is_near
}

/// Compares all network stacks with the script's measured times. None may take much longer than the one that the script wrote
/// files for.
fn each_backend(agent: &Path, memory: &Path, rows: &[Row]) -> bool {
    println!("\nThe agent for each network stack, and how much faster than the script it is:");
    print!("{:<18}", "NICs");
    for row in rows {
        print!("{:>19}", row.nics);
    }
    println!();
    let mut is_good = true;
    for backend in BACKENDS {
        print!("{backend:<18}");
        for row in rows {
            let trial = Trial::new(memory, row.nics);
            let runs = if row.nics > 16 { 15 } else { 101 };
            let times: Vec<Duration> = (0..runs)
                .map(|_| {
                    let root = trial.fresh_root();
                    let mut command = trial.agent_for(backend, agent, root.path());
                    // Don't measure warnings about settings that a network stack lacks.
                    command.stderr(Stdio::null());
                    let time = time(command);
                    assert_eq!(
                        trial.addressed(root.path()),
                        usize::from(row.nics),
                        "{backend}"
                    );
                    time
                })
                .collect();
            let time = median(&times);
            let ratio = row.old.as_secs_f64() / time.as_secs_f64();
            print!("  {:>7.2} ms {ratio:>4.0} x", milliseconds(time));
            is_good &= time < row.agent * SLOWER;
        }
        println!();
    }
    if !is_good {
        println!("one takes more than {SLOWER} times as long as ifcfg-initscripts: TOO SLOW");
    }
    is_good
}

fn measure(agent: &Path, memory: &Path, disk: &Path, nics: u16, runs: u32) -> Row {
    let trial = Trial::new(memory, nics);
    check(&trial, agent, nics);
    let (mut old_times, mut mount_times, mut agent_times) = (Vec::new(), Vec::new(), Vec::new());
    // Alternate, so that a busy phase of the machine affects both.
    for _ in 0..runs {
        old_times.push(time(trial.old(trial.fresh_root().path())));
        mount_times.push(trial.mounting(trial.fresh_root().path()));
        agent_times.extend((0..AGENT_RUNS).map(|_| run_agent(&trial, agent)));
    }
    let on_disk = Trial::new(disk, nics);
    let disk_times: Vec<Duration> = (0..runs.max(5))
        .map(|_| run_agent(&on_disk, agent))
        .collect();
    let root = trial.fresh_root();
    Row {
        nics,
        old: median(&old_times),
        mounting: median(&mount_times),
        agent: median(&agent_times),
        disk: median(&disk_times),
        memory: memory_of(&trial.agent(agent, root.path())),
        processes: processes(&trial.agent(agent, trial.fresh_root().path())),
        least: 0.0,
    }
}

fn run_agent(trial: &Trial, agent: &Path) -> Duration {
    let root = trial.fresh_root();
    time(trial.agent(agent, root.path()))
}

/// Checks that both write the same addresses. The script supports only positions below 10.
fn check(trial: &Trial, agent: &Path, nics: u16) {
    let (old, new) = (trial.fresh_root(), trial.fresh_root());
    let _ = time(trial.agent(agent, new.path()));
    let addresses = Trial::addresses(new.path());
    assert_eq!(
        addresses.len(),
        usize::from(nics),
        "every NIC has an address"
    );
    if nics <= 16 {
        let _ = time(trial.old(old.path()));
        assert_eq!(
            Trial::addresses(old.path()),
            addresses,
            "both give the same addresses"
        );
    }
}

fn memory_of(command: &Command) -> i64 {
    let output = Command::new(std::env::current_exe().expect("the path of this program"))
        .arg(PEAK)
        .arg(command.get_program())
        .args(command.get_args())
        .env_remove("CONTEXT_FILE")
        .output()
        .expect("this program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().parse().expect("a number of bytes")
}

fn print(rows: &[Row]) {
    println!(
        "NICs  script 2013  (its mount)  agent      faster  (without the mount)  at least  agent on disk  peak memory  processes started"
    );
    for row in rows {
        let processes = row.processes.map_or_else(
            || "unknown (no strace)".to_owned(),
            |count| count.to_string(),
        );
        println!(
            "{:>4}  {:>8.1} ms  {:>8.1} ms  {:>6.2} ms  {:>4.0} x  {:>17.0} x  {:>6.0} x  {:>10.2} ms  {:>8.2} MB  {processes}{}",
            row.nics,
            milliseconds(row.old),
            milliseconds(row.mounting),
            milliseconds(row.agent),
            row.ratio(),
            row.ratio_without_mount(),
            row.least,
            milliseconds(row.disk),
            megabytes(row.memory),
            row.verdict(),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is printed with two digits")]
fn megabytes(bytes: i64) -> f64 {
    bytes as f64 / 1e6
}
