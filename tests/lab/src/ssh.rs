//! The way to the host: a real ssh, as oneadmin, whom the front-end is, and as root, whom the lab is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::Failure;
use crate::shell::until;

/// The host as the front-end knows it.
pub(crate) const HOST: &str = "node1";
const ROOT: &str = "node1-root";
/// How long a command may take that is not a guest's shell. A host that has stopped closes nothing.
const PATIENCE: &str = "300";
/// How 'timeout' says that it was not enough: of what ended when it was asked to, and of what had to be killed.
const TIMED_OUT: [i32; 2] = [124, 137];

/// Connections that are kept.
#[derive(Debug)]
pub(crate) struct Ssh {
    /// The file that says how to reach it.
    pub(crate) config: PathBuf,
}

impl Ssh {
    /// Connections through a port of this machine.
    pub(crate) fn new(directory: &Path, port: u16, key: &Path) -> Result<Self, Failure> {
        // ssh takes no key that others may read, and the cache may be anywhere.
        let own_key = directory.join("key");
        fs::copy(key, &own_key).map_err(|error| Failure::of("copy", key, &error))?;
        let config = directory.join("ssh_config");
        let text = format!(
            "Host {HOST}\n  User oneadmin\nHost {ROOT}\n  User root\nHost *\n  HostName 127.0.0.1\n  Port {port}\n  \
             IdentityFile {key}\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  \
             LogLevel ERROR\n  ConnectTimeout 30\n  ControlMaster auto\n  ControlPath {directory}/ssh-%n\n  \
             ControlPersist 600\n  ServerAliveInterval 15\n  ServerAliveCountMax 12\n",
            key = own_key.display(),
            directory = directory.display(),
        );
        fs::write(&config, text).map_err(|error| Failure::of("write", &config, &error))?;
        Ok(Self { config })
    }

    /// A command as root, for as long as it likes.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(&self.config).args([ROOT, command]);
        ssh
    }

    /// The same, which ends in time.
    fn bounded(&self, command: &str) -> Command {
        let mut ssh = bounded("ssh");
        ssh.arg("-F").arg(&self.config).args([ROOT, command]);
        ssh
    }

    /// What a command of root's says, if it succeeds.
    pub(crate) fn get(&self, command: &str) -> Result<String, Failure> {
        let output = self.bounded(command).output();
        let output = output.map_err(|error| Failure::new(format!("failed to run ssh: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned();
        if output.status.success() {
            return Ok(text);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output
            .status
            .code()
            .is_some_and(|code| TIMED_OUT.contains(&code))
        {
            return Err(Failure::new(format!(
                "on the host there is no end of '{command}' in {PATIENCE} s: {text} {said}"
            )));
        }
        Err(Failure::new(format!(
            "on the host '{command}' ended with {}: {text} {said}",
            output.status
        )))
    }

    /// Waits on the host until a command succeeds there.
    pub(crate) fn until(&self, command: &str, seconds: u64) -> Result<String, Failure> {
        self.get(&until(command, seconds))
    }

    /// Writes a file of the host, whose owner is oneadmin.
    pub(crate) fn put(&self, content: &Path, file: &str) -> Result<(), Failure> {
        let from = fs::File::open(content).map_err(|error| Failure::of("read", content, &error))?;
        let mut command = self.bounded(&format!(
            "install -D -o oneadmin -g oneadmin /dev/stdin '{file}'"
        ));
        let status = command.stdin(from).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => Err(Failure::new(format!(
                "failed to write '{file}' on the host"
            ))),
        }
    }

    /// Forgets the connections, as those to a host that has died.
    pub(crate) fn forget(&self) {
        for host in [HOST, ROOT] {
            let _ = bounded("ssh")
                .arg("-F")
                .arg(&self.config)
                .args(["-O", "exit", host])
                .output();
        }
    }
}

/// A program that is ended when it has taken too long.
pub(crate) fn bounded(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after", "10", PATIENCE, program]);
    command
}

impl Drop for Ssh {
    fn drop(&mut self) {
        self.forget();
    }
}
