//! What a run of the agent costs.

use std::process::Command;
use std::time::Duration;

use one_sriov_tests::{BACKENDS, Trial, agent_path, processes, scratch, turn};

/// What the boot agent may hold at once, as it is shipped: `ONE_SRIOV_AGENT` names it.
const MEMORY: u64 = 8_000_000;
/// The same for a debug binary, whose code alone is several times as long.
const MEMORY_OF_DEBUG: u64 = 2 * MEMORY;

/// What a small process of its own measures of a run; what the measuring one holds and does counts as well.
fn measured(what: &str, agent: &Command) -> u64 {
    let output = Command::new(env!("CARGO_BIN_EXE_side-by-side"))
        .arg(what)
        .arg(agent.get_program())
        .args(agent.get_args())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().parse().unwrap()
}

fn fastest(backend: &str, nics: u16) -> Duration {
    let trial = Trial::new(&scratch(), nics);
    let runs = (0..9).map(|_| {
        let root = trial.fresh_root();
        let agent = trial.agent_for(backend, agent_path(), root.path());
        measured("--processor", &agent)
    });
    Duration::from_micros(runs.min().unwrap())
}

#[test]
fn memory_stays_bounded_with_256_nics() {
    let _turn = turn::shared();
    for backend in BACKENDS {
        memory_stays_bounded(backend);
    }
}

fn memory_stays_bounded(backend: &str) {
    let trial = Trial::new(&scratch(), 256);
    let root = trial.fresh_root();
    let agent = trial.agent_for(backend, agent_path(), root.path());
    let peak = measured("--peak", &agent);
    assert_eq!(trial.addressed(root.path()), 256, "{backend}");
    let bound = match std::env::var_os("ONE_SRIOV_AGENT") {
        Some(_) => MEMORY,
        None => MEMORY_OF_DEBUG,
    };
    assert!(peak < bound, "{backend}: {peak} bytes");
}

#[test]
fn sixteen_times_the_nics_take_less_than_32_times_the_time() {
    let _turn = turn::shared();
    for backend in BACKENDS {
        let (few, many) = (fastest(backend, 16), fastest(backend, 256));
        assert!(
            many < few * 32,
            "{backend}: 16 NICs: {few:?}, 256 NICs: {many:?}"
        );
    }
}

#[test]
fn no_process_and_no_thread_is_started() {
    let _turn = turn::shared();
    for (backend, nics) in BACKENDS
        .into_iter()
        .flat_map(|backend| [(backend, 1), (backend, 16)])
    {
        let trial = Trial::new(&scratch(), nics);
        let root = trial.fresh_root();
        let agent = trial.agent_for(backend, agent_path(), root.path());
        let count = processes(&agent).expect("strace, which 'make setup' installs");
        assert_eq!(trial.addressed(root.path()), usize::from(nics), "{backend}");
        assert_eq!(count, 0, "{backend}, {nics} NICs");
        // Nor when there is nothing to do.
        assert_eq!(
            processes(&agent),
            Some(0),
            "{backend}, {nics} NICs, second run"
        );
    }
}
