//! What a run of the agent costs.

use std::process::Command;
use std::time::Duration;

use one_sriov_tests::{Trial, agent_path, processes, scratch, time};

/// What the boot agent may hold at once, as it is shipped: `ONE_SRIOV_AGENT` names it.
const MEMORY: i64 = 8_000_000;
/// The same for a debug binary, whose code alone is several times as long.
const MEMORY_OF_DEBUG: i64 = 2 * MEMORY;

fn fastest(nics: u16) -> Duration {
    let trial = Trial::new(&scratch(), nics);
    let runs = (0..9).map(|_| {
        let root = trial.fresh_root();
        time(trial.agent(agent_path(), root.path()))
    });
    runs.min().unwrap()
}

#[test]
fn memory_stays_bounded_with_256_nics() {
    let trial = Trial::new(&scratch(), 256);
    let root = trial.fresh_root();
    let agent = trial.agent(agent_path(), root.path());
    // A small process measures: what the measuring one holds counts as well.
    let output = Command::new(env!("CARGO_BIN_EXE_side-by-side"))
        .arg("--peak")
        .arg(agent.get_program())
        .args(agent.get_args())
        .output()
        .unwrap();
    let peak: i64 = String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_eq!(Trial::addresses(root.path()).len(), 256);
    let bound = match std::env::var_os("ONE_SRIOV_AGENT") {
        Some(_) => MEMORY,
        None => MEMORY_OF_DEBUG,
    };
    assert!(peak < bound, "{peak} bytes");
}

#[test]
fn sixteen_times_the_nics_take_less_than_32_times_the_time() {
    let (few, many) = (fastest(16), fastest(256));
    assert!(many < few * 32, "16 NICs: {few:?}, 256 NICs: {many:?}");
}

#[test]
fn no_process_and_no_thread_is_started() {
    for nics in [1, 16] {
        let trial = Trial::new(&scratch(), nics);
        let root = trial.fresh_root();
        let agent = trial.agent(agent_path(), root.path());
        let count = processes(&agent).expect("strace, which 'make setup' installs");
        assert_eq!(Trial::addresses(root.path()).len(), usize::from(nics));
        assert_eq!(count, 0, "{nics} NICs");
        // Nor when there is nothing to do.
        assert_eq!(processes(&agent), Some(0), "{nics} NICs, second run");
    }
}
