//! `status` on a running guest: real links in namespaces, and real daemons where needed.

mod causes;
mod drift;

use std::path::Path;
use std::process::Command;

use one_sriov_tests::{Machine, Nic, agent_path};
use serde_json::Value;

/// The output of `status`.
pub(super) struct Status {
    pub(super) code: String,
    pub(super) text: String,
    pub(super) json: Value,
}

impl Status {
    /// The first line and the lines with reasons.
    pub(super) fn reasons(&self) -> Vec<&str> {
        let is_reason = |line: &&str| {
            ["status: ", "problem: ", "warning: ", "differs: "]
                .iter()
                .any(|start| line.starts_with(start))
        };
        self.text.lines().take_while(is_reason).collect()
    }

    /// The codes of all findings.
    pub(super) fn codes(&self) -> Vec<&str> {
        let findings = self.json["findings"].as_array().expect("findings");
        let codes = findings.iter().map(|finding| finding["code"].as_str());
        codes.map(|code| code.expect("a code")).collect()
    }

    /// The codes of all differences in the kernel.
    pub(super) fn differences(&self) -> Vec<&str> {
        let nics = self.json["kernel"].as_array().expect("a kernel");
        let differences = nics
            .iter()
            .flat_map(|nic| nic["differences"].as_array().expect("differences"));
        let codes = differences.map(|difference| difference["code"].as_str());
        codes.map(|code| code.expect("a code")).collect()
    }

    /// Asserts that one of these lines starts with `expected`.
    #[track_caller]
    pub(super) fn assert_reason(&self, expected: &str) {
        let has = |line: &&str| line.starts_with(expected);
        assert!(self.reasons().iter().any(has), "{expected}\n{}", self.text);
    }
}

/// Runs `status` on a guest with this context and these NICs after `setup`. Returns `None` unless run as root.
pub(super) fn status(context: &str, nics: &[Nic], setup: &str) -> Option<Status> {
    status_of(&Machine::new(context, nics), setup)
}

/// Like [`status`], for any machine.
pub(super) fn status_of(machine: &Machine, setup: &str) -> Option<Status> {
    if !nix::unistd::geteuid().is_root() {
        println!("passed over: it takes root for links of a kernel");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("agent/status/guest.sh");
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
        .arg("--mount-proc")
        .arg(script)
        .arg(agent_path())
        .args([machine.root(), Path::new(setup)])
        .env_remove("CONTEXT_FILE")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .expect("unshare runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Some(Status {
        code: machine.read("code").trim().to_owned(),
        text: machine.read("text"),
        json: serde_json::from_str(&machine.read("json")).expect("JSON"),
    })
}
