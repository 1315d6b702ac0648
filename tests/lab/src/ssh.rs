//! Real ssh connections to the host: as oneadmin for the front-end, and as root for the lab.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::Failure;
use crate::shell::until;

/// The host's name on the front-end.
pub(crate) const HOST: &str = "node1";
const ROOT: &str = "node1-root";
/// Seconds that a command may take, unless it is a guest's shell. A crashed host doesn't close its connections.
const PATIENCE: &str = "300";
/// The exit codes of `timeout`: the command ended on SIGTERM, or it had to be killed.
const TIMED_OUT: [i32; 2] = [124, 137];

/// Persistent connections.
#[derive(Debug)]
pub(crate) struct Ssh {
    /// The ssh configuration file.
    pub(crate) config: PathBuf,
}

impl Ssh {
    /// Prepares connections through a port of this machine.
    pub(crate) fn new(directory: &Path, port: u16, key: &Path) -> Result<Self, Failure> {
        // ssh refuses a key that others may read, and the cache may be on any file system.
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

    /// An ssh command as root, without a timeout.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(&self.config).args([ROOT, command]);
        ssh
    }

    /// An ssh command as root, with a timeout.
    fn bounded(&self, command: &str) -> Command {
        let mut ssh = bounded("ssh");
        ssh.arg("-F").arg(&self.config).args([ROOT, command]);
        ssh
    }

    /// Returns the output of a command as root, which must succeed.
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

    /// Repeats a command on the host until it succeeds.
    pub(crate) fn until(&self, command: &str, seconds: u64) -> Result<String, Failure> {
        self.get(&until(command, seconds))
    }

    /// Writes a file on the host, owned by oneadmin.
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

    /// Drops the connections to a host that has crashed.
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

/// A program that is killed after a timeout.
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
