//! The agent is killed at any moment: every file has its old or its new content, and the next run finishes the work.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use one_sriov_tests::{Machine, agent_path, virtio};

use crate::scenario::{SCRIPTS, apply};

const NICS: u8 = 40;
const KILLS: u32 = 150;

/// A context in which every NIC has an address of the given network.
fn context(network: u8) -> String {
    let nic = |index| {
        format!(
            "ETH{index}_MAC='02:00:0a:00:00:{index:02x}'\nETH{index}_IP='10.{network}.0.{}'\nETH{index}_ROUTES='172.{network}.0.0/16 via 10.{network}.0.254'\n",
            index + 1
        )
    };
    (0..NICS).map(nic).collect::<String>()
}

fn files(machine: &Machine) -> BTreeMap<String, String> {
    machine
        .etc()
        .into_iter()
        .map(|(path, _, text)| (path, text))
        .collect()
}

#[test]
fn after_a_kill_at_any_moment_every_file_is_old_or_new() {
    let nics: Vec<_> = (0..NICS)
        .map(|index| {
            virtio(
                &format!("eth{index}"),
                &format!("02:00:0a:00:00:{index:02x}"),
                3,
            )
        })
        .collect();
    let machine = Machine::new(&context(1), &nics);
    let mut versions = Vec::new();
    let mut longest = Duration::ZERO;
    for network in [1, 2] {
        machine.write("/context/context.sh", context(network));
        let started = Instant::now();
        assert_eq!(apply(&machine).code, 0);
        longest = longest.max(started.elapsed());
        versions.push(files(&machine));
    }
    let mut halfway = 0;
    for kill in 0..KILLS {
        let (wanted, network) = if kill % 2 == 0 { (0, 1) } else { (1, 2) };
        machine.write("/context/context.sh", context(network));
        let mut command = Command::new(agent_path());
        command
            .args(["apply", "--backend", "ifcfg-initscripts", "--root"])
            .arg(machine.root());
        let mut agent = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the agent starts");
        // The moments are spread over the duration of a complete run.
        let until = Instant::now() + longest * kill / KILLS;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        agent.kill().expect("the agent can be killed");
        agent.wait().expect("the agent ends");
        let found: BTreeMap<_, _> = files(&machine)
            .into_iter()
            .filter(|(path, _)| !path.contains("/."))
            .collect();
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            versions[0].keys().collect::<Vec<_>>(),
            "kill {kill}"
        );
        let is_new = |(path, text): (&String, &String)| {
            assert!(
                versions.iter().any(|version| version[path] == *text),
                "kill {kill}: '{path}' is neither old nor new"
            );
            versions[wanted][path] == *text
        };
        let new = found.iter().filter(|file| is_new((file.0, file.1))).count();
        halfway += u32::from(new > 0 && new < found.len());
        let outcome = apply(&machine);
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (0, ""),
            "kill {kill}"
        );
        assert_eq!(
            files(&machine),
            versions[wanted],
            "kill {kill}: the next run finishes, and leaves no temporary files"
        );
    }
    assert!(
        !machine.has("/var/lib/one-sriov/backup"),
        "no file of the agent was treated as foreign"
    );
    assert_eq!(files(&machine).len(), 2 * usize::from(NICS), "in {SCRIPTS}");
    println!("{halfway} of {KILLS} kills found the files half renamed");
}
