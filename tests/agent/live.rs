//! Runs the static binary with a scratch root as its `/`, so that the machine counts as running.

use std::process::Command;

use one_sriov_tests::{Machine, Outcome, agent_path, copy_program};

/// Runs the agent in a chroot, where it treats the machine as the running one.
pub(crate) fn live(machine: &Machine, arguments: &[&str]) -> Outcome {
    copy_program(agent_path(), &machine.path("/agent"));
    machine.write("/lib/.keep", "");
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "chroot"])
        .arg(machine.root())
        .arg("/agent")
        .args(arguments);
    command
        .env_remove("CONTEXT_FILE")
        .env_remove("JOURNAL_STREAM")
        .output()
        .expect("unshare runs")
        .into()
}

/// Whether the binary under test is static: a dynamic one would lack its libraries in a scratch root.
pub(crate) fn is_static() -> bool {
    let dynamic = Command::new("ldd")
        .arg(agent_path())
        .output()
        .expect("ldd runs");
    // ldd prints 'statically linked' or 'not a dynamic executable'.
    !String::from_utf8_lossy(&dynamic.stdout).contains("=>")
}

pub(crate) fn only_static() {
    assert!(
        std::env::var_os("ONE_SRIOV_AGENT").is_none(),
        "ONE_SRIOV_AGENT is not a static binary"
    );
    println!("passed over: it takes the static binary, which 'make test' names in ONE_SRIOV_AGENT");
}
