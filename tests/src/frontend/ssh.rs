//! The connection to the host: a stand-in for `ssh` runs the command locally, in the environment that sshd gives a command
//! without a terminal. A front-end with a real host uses the real ssh.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::program::write_program;

const SCRIPT: &str = r#"#!/bin/bash
[ "$1" != -n ] || { shift; exec </dev/null; }
shift
cd "$ONE_SRIOV_TEST_HOME" || exit 255
mapfile -t environment <"${0%/*}/environment"
exec env -i "${environment[@]}" bash -c "$*"
"#;

#[derive(Debug)]
pub(super) struct Ssh {
    directory: TempDir,
    home: String,
    environment: Vec<(String, String)>,
}

impl Ssh {
    pub(super) fn new(home: &Path) -> Self {
        let directory = TempDir::new().expect("a scratch directory");
        write_program(&directory.path().join("ssh"), SCRIPT);
        let home = home.display().to_string();
        let environment = [
            ("HOME", home.as_str()),
            ("LOGNAME", "oneadmin"),
            ("MAIL", "/var/mail/oneadmin"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/games"),
            ("PWD", home.as_str()),
            ("SHELL", "/bin/bash"),
            ("SHLVL", "0"),
            ("SSH_CLIENT", "192.0.2.1 40000 22"),
            ("SSH_CONNECTION", "192.0.2.1 40000 192.0.2.2 22"),
            ("USER", "oneadmin"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        Self {
            directory,
            home,
            environment,
        }
    }

    /// The real ssh, with a configuration file.
    pub(super) fn real(config: &Path) -> Self {
        let directory = TempDir::new().expect("a scratch directory");
        let path = std::env::var("PATH").unwrap_or_default();
        // Search the original PATH, because this script's directory is first in the current one.
        let script = format!(
            "#!/bin/sh\nPATH='{path}' exec ssh -F '{}' \"$@\"\n",
            config.display()
        );
        write_program(&directory.path().join("ssh"), &script);
        Self {
            directory,
            home: "/".into(),
            environment: Vec::new(),
        }
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn prepend_path(&mut self, directory: &Path) {
        let known = self.environment.iter_mut();
        for (name, value) in known {
            if name == "PATH" {
                *value = format!("{}:{value}", directory.display());
            }
        }
    }

    /// A command line on the front-end that uses this `ssh`.
    pub(super) fn shell(&self, line: &str) -> Command {
        let variables: Vec<String> = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        let file = self.directory.path().join("environment");
        fs::write(file, variables.concat()).expect("a file");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .env(
                "PATH",
                format!("{}:{path}", self.directory.path().display()),
            )
            .env("ONE_SRIOV_TEST_HOME", &self.home);
        command
    }
}
