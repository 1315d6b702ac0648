//! The static binary in a scratch root that it takes for `/`: a running machine.

use std::process::Command;

use one_sriov_tests::{Machine, Outcome, agent_path, copy_program};

/// Runs the agent with the machine's root as its own, so that it takes it for the running machine.
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

/// Whether the binary under test is the static one; another finds no libraries in a scratch root.
pub(crate) fn is_static() -> bool {
    let dynamic = Command::new("ldd")
        .arg(agent_path())
        .output()
        .expect("ldd runs");
    // 'statically linked' or 'not a dynamic executable': no library is found anywhere.
    !String::from_utf8_lossy(&dynamic.stdout).contains("=>")
}

pub(crate) fn only_static() {
    assert!(
        std::env::var_os("ONE_SRIOV_AGENT").is_none(),
        "ONE_SRIOV_AGENT is no static binary"
    );
    println!("passed over: it takes the static binary, which 'make test' names in ONE_SRIOV_AGENT");
}
