//! Scenarios: a context and NICs, and everything that the agent does with them.

use one_sriov_tests::{Machine, Nic, run};

/// The network stacks for which matching scenarios are rendered. Their files show the device of each NIC; the plan is the same
/// for all stacks.
const BACKENDS: [&str; 3] = ["ifcfg-initscripts", "ifcfg-nm", "ifcfg-suse"];

/// The directory of the files for initscripts.
pub(crate) const SCRIPTS: &str = "/etc/sysconfig/network-scripts";

/// Runs `apply` for these backends, and compares exit code, messages and files with the recorded ones.
pub(crate) fn check(name: &str, context: &str, nics: &[Nic]) {
    for backend in BACKENDS {
        check_one(name, context, nics, backend, "golden");
    }
}

/// Like [`check`], for every network stack.
pub(crate) fn check_all(name: &str, context: &str, nics: &[Nic]) {
    for backend in one_sriov_tests::BACKENDS {
        check_one(name, context, nics, backend, "golden/stacks");
    }
}

fn check_one(name: &str, context: &str, nics: &[Nic], backend: &str, directory: &str) {
    let machine = Machine::new(context, nics);
    insta::with_settings!({ snapshot_path => directory, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("{name}.{backend}"), transcript(&machine, &["apply", "--backend", backend]));
    });
}

/// The output and files of a run.
pub(crate) fn transcript(machine: &Machine, arguments: &[&str]) -> String {
    let outcome = run(machine, arguments);
    let mut text = format!("exit code {}\n\n{}", outcome.code, outcome.stdout);
    if !outcome.stderr.is_empty() {
        text += &format!("\non standard error\n{}", outcome.stderr);
    }
    for (path, mode, content) in machine.etc() {
        text += &format!("\n{path} {mode:04o}\n{content}");
    }
    text
}

/// The decisions of `plan`, one line per NIC, without the files.
pub(crate) fn decisions(machine: &Machine) -> Vec<String> {
    let outcome = run(machine, &["plan", "--backend", "ifcfg-initscripts"]);
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (0, ""),
        "{}",
        outcome.stdout
    );
    let lines = outcome
        .stdout
        .lines()
        .skip(2)
        .take_while(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// The decisions for a context and these NICs.
pub(crate) fn decide(context: &str, nics: &[Nic]) -> Vec<String> {
    decisions(&Machine::new(context, nics))
}

/// Runs `apply` for initscripts.
pub(crate) fn apply(machine: &Machine) -> one_sriov_tests::Outcome {
    run(machine, &["apply", "--backend", "ifcfg-initscripts"])
}

/// The address in an ifcfg file.
pub(crate) fn address_of(machine: &Machine, device: &str) -> Option<String> {
    let path = format!("{SCRIPTS}/ifcfg-{device}");
    let text = machine.has(&path).then(|| machine.read(&path))?;
    text.lines()
        .find_map(|line| Some(line.strip_prefix("IPADDR=")?.to_owned()))
}
