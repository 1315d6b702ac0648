//! What a run of the agent costs.

use std::process::Command;
use std::time::Duration;

use one_sriov_tests::{
    BACKENDS, Machine, Nic, Trial, agent_path, ethernet, processes, scratch, turn,
};

/// Maximum memory in bytes of the shipped agent, which `ONE_SRIOV_AGENT` names.
const MEMORY: u64 = 8_000_000;
/// Maximum memory of a debug binary, whose code alone is several times larger.
const MEMORY_OF_DEBUG: u64 = 2 * MEMORY;

/// Measures a run from a small separate process, because memory and time of the measuring process count, too.
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
fn the_agent_starts_no_process_and_no_thread() {
    let _turn = turn::shared();
    for (backend, nics) in BACKENDS
        .into_iter()
        .flat_map(|backend| [(backend, 1), (backend, 16)])
    {
        let trial = Trial::new(&scratch(), nics);
        let root = trial.fresh_root();
        let agent = trial.agent_for(backend, agent_path(), root.path());
        let count = processes(&agent).expect("failed to run strace; 'make setup' installs it");
        assert_eq!(trial.addressed(root.path()), usize::from(nics), "{backend}");
        assert_eq!(count, 0, "{backend}, {nics} NICs");
        // Nothing is started in a second run, either.
        assert_eq!(
            processes(&agent),
            Some(0),
            "{backend}, {nics} NICs, second run"
        );
    }
}

/// A guest with this many Ethernet NICs, each with its MAC and PCI address.
fn guest_with(nics: u16) -> Machine {
    let mut context = String::new();
    let nic = |index: u16| {
        let [high, low] = index.to_be_bytes();
        let mac = format!("02:00:0a:00:{high:02x}:{low:02x}");
        context += &format!("ETH{index}_MAC='{mac}'\nETH{index}_IP='10.0.{high}.{low}'\n");
        let pci = format!("{:04x}:00:{:02x}.{}", index >> 8, low >> 3, low & 7);
        ethernet(&format!("eth{index}"), &mac, &pci, "igbvf")
    };
    let devices: Vec<Nic> = (0..nics).map(nic).collect();
    Machine::new_in(&scratch(), &context, &devices)
}

/// The CPU time of the fastest of several runs that change nothing.
fn second_run(nics: u16) -> u64 {
    let machine = guest_with(nics);
    let mut agent = Command::new(agent_path());
    agent
        .args(["apply", "--backend", "ifcfg-initscripts", "--root"])
        .arg(machine.root())
        .arg("--context")
        .arg(machine.path("/context/context.sh"));
    let runs: Vec<u64> = (0..4).map(|_| measured("--processor", &agent)).collect();
    assert_eq!(machine.etc_paths().len(), usize::from(nics));
    *runs[1..].iter().min().unwrap()
}

#[test]
fn a_second_run_takes_time_in_proportion_to_the_nics() {
    let _turn = turn::shared();
    let (few, many) = (second_run(250), second_run(2000));
    assert!(many < few * 14, "250 NICs: {few} us, 2000 NICs: {many} us");
}
