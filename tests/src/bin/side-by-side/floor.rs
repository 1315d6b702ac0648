//! Compares the agent with `floor`, a static program that does only the I/O of the same run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use one_sriov_tests::{Trial, instructions, median, time};
use tempfile::NamedTempFile;

use super::milliseconds;

/// For each number of NICs: runs of each program, and the maximum ratio of the agent to the floor.
const PLAN: [(u16, u32, f64); 3] = [(1, 201, 2.0), (16, 101, 1.75), (256, 15, 1.75)];
/// The agent's state file, which it writes before and after the other files, so that a run may be killed at any moment.
const RECORD: &str = "var/lib/one-sriov/state.json";

/// Prints the comparison. Returns whether the agent is close enough to the floor.
pub(crate) fn compare(agent: &Path, memory: &Path) -> bool {
    let floor = path();
    println!(
        "\nThe agent, beside a static program that only does the same reads, writes, flushes and renames:"
    );
    println!("NICs      floor      agent  ratio  at most  instructions");
    let mut is_good = true;
    for (nics, runs, limit) in PLAN {
        let trial = Trial::new(memory, nics);
        let manifest = manifest(&trial, agent);
        let (mut floor_times, mut agent_times) = (Vec::new(), Vec::new());
        // Alternate, so that a busy phase of the machine affects both.
        for _ in 0..runs {
            let root = trial.fresh_root();
            floor_times.push(time(trial.floor(&floor, manifest.path(), root.path())));
            agent_times.push(time(trial.agent(agent, trial.fresh_root().path())));
        }
        let (floor_time, agent_time) = (median(&floor_times), median(&agent_times));
        let ratio = agent_time.as_secs_f64() / floor_time.as_secs_f64();
        let count = instructions(&trial.agent(agent, trial.fresh_root().path()));
        print_row(nics, floor_time, agent_time, limit, count);
        is_good &= ratio <= limit;
    }
    is_good
}

fn print_row(nics: u16, floor: Duration, agent: Duration, limit: f64, count: Option<u64>) {
    let ratio = agent.as_secs_f64() / floor.as_secs_f64();
    let count = count.map_or_else(
        || "unknown (no valgrind)".to_owned(),
        |count| count.to_string(),
    );
    let verdict = if ratio > limit { "  TOO SLOW" } else { "" };
    println!(
        "{nics:>4}  {:>6.2} ms  {:>6.2} ms  {ratio:>5.2}  {limit:>7.2}  {count}{verdict}",
        milliseconds(floor),
        milliseconds(agent),
    );
}

/// The static program that `ONE_SRIOV_FLOOR` names, or the one beside this program.
fn path() -> PathBuf {
    std::env::var_os("ONE_SRIOV_FLOOR").map_or_else(
        || {
            let own = std::env::current_exe().expect("the path of this program");
            own.with_file_name("floor")
        },
        PathBuf::from,
    )
}

/// Lists the files that a run of the agent leaves, with their sizes, in three batches: the record comes before and after the others.
fn manifest(trial: &Trial, agent: &Path) -> NamedTempFile {
    let root = trial.fresh_root();
    let _ = time(trial.agent(agent, root.path()));
    let mut files = String::new();
    let mut open = vec![root.path().join("etc")];
    let line = |path: &Path| {
        let size = std::fs::metadata(path).expect("a file").len();
        let path = path.strip_prefix(root.path()).expect("below the root");
        format!("{size} {}\n", path.display())
    };
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                files += &line(&path);
            }
        }
    }
    let record = line(&root.path().join(RECORD));
    let file = NamedTempFile::new().expect("a scratch file");
    std::fs::write(file.path(), format!("{record}\n{files}\n{record}")).expect("a manifest");
    file
}
