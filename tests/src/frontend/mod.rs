//! The front-end's side of the protocol: runs an action on a "host" exactly as OpenNebula's `one_vmm_exec` does over ssh, and
//! interprets the answer as that release does.
//!
//! ```text
//! (cat << 'EOT' | /var/tmp/one/vmm/kvm-sriov/deploy '/var/lib/one//datastores/0/7/deployment.0' 'node1' 7 node1); …
//! ```

mod answer;
mod command;
mod process;
mod release;
mod ssh;
mod stream;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use answer::{Answer, Hang, Level, Reply};
pub use release::{ErrorRegime, Release, Stdin, Transport};

use ssh::Ssh;

/// Time after which an action counts as hung.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A front-end with one host.
#[derive(Debug)]
pub struct FrontEnd {
    release: Release,
    scripts: PathBuf,
    host: String,
    ssh: Ssh,
    time_limit: Duration,
}

impl FrontEnd {
    /// A front-end with a host whose `/var/tmp/one` is `remotes` and whose `/var/lib/one` is `home`. The driver is `kvm-sriov`.
    #[must_use]
    pub fn new(release: Release, remotes: &Path, home: &Path) -> Self {
        Self {
            release,
            scripts: remotes.join("vmm/kvm-sriov"),
            host: "node1".into(),
            ssh: Ssh::new(home),
            time_limit: TIME_LIMIT,
        }
    }

    /// A front-end that connects to its host with the real ssh and a configuration file. The host has the remotes where
    /// OpenNebula puts them.
    #[must_use]
    pub fn over_ssh(release: Release, host: &str, config: &Path) -> Self {
        Self {
            release,
            scripts: "/var/tmp/one/vmm/kvm-sriov".into(),
            host: host.into(),
            ssh: Ssh::real(config),
            time_limit: TIME_LIMIT,
        }
    }

    /// Uses another directory of scripts in `vmm`, such as `kvm`.
    #[must_use]
    pub fn with_driver(mut self, name: &str) -> Self {
        self.scripts.set_file_name(name);
        self
    }

    /// Sets the time after which an action counts as hung.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// Sets a variable in the environment of the host's user.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.ssh.set(name, value);
        self
    }

    /// Puts a directory first in the host's `PATH`.
    #[must_use]
    pub fn with_path(mut self, directory: &Path) -> Self {
        self.ssh.prepend_path(directory);
        self
    }

    /// Sets the name of the host, the last argument of nearly every action.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// The release that this front-end imitates.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release
    }

    /// Runs an action with its own parameters. As OpenNebula does, appends the VM's ID and the host, and passes the document if
    /// this release passes one.
    #[must_use]
    pub fn run(&self, action: &str, parameters: &[&str], vm: u32, document: &str) -> Reply {
        let mut words: Vec<String> = parameters
            .iter()
            .map(|parameter| self.quote(action, parameter))
            .collect();
        if action != "exec" {
            words.extend([vm.to_string(), self.host.clone()]);
        }
        self.start(action, &words.join(" "), document)
    }

    /// Runs an action with recorded arguments.
    #[must_use]
    pub fn replay(&self, action: &str, arguments: &[String], document: &str) -> Reply {
        let words: Vec<String> = arguments
            .iter()
            .map(|argument| self.quote(action, argument))
            .collect();
        self.start(action, &words.join(" "), document)
    }

    fn start(&self, action: &str, arguments: &str, document: &str) -> Reply {
        let script = self.scripts.join(action);
        let command = format!("{} {arguments}", script.display());
        let stdin = self.release.stdin(action);
        let document = (stdin == Stdin::Document).then_some(document);
        let raw = match self.release.transport(action) {
            Transport::Stream => stream::run(self, &script, &command, document),
            Transport::Command => command::run(self, &script, &command, document),
        };
        match raw {
            Ok(raw) => Reply::Answered(raw.interpret(self.release, action)),
            Err(hang) => Reply::Hung(hang),
        }
    }

    /// Quotes an argument as this release does. It escapes nothing, so a quote ends the argument. A separate command is quoted
    /// as a whole, and the host's shell removes these quotes; only the arguments of `exec` are escaped.
    fn quote(&self, action: &str, argument: &str) -> String {
        match action {
            "exec" => format!(r"'\''{argument}'\''"),
            _ if self.release.quotes_arguments() => format!("'{argument}'"),
            _ => argument.to_owned(),
        }
    }
}
