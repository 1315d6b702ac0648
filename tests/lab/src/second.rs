//! A second host on the same machine: `/usr/local/lib/lab/second` says what it has of its own.

use crate::checks::Pool;
use crate::cloud::vm::Vm;
use crate::host::{Host, socket};
use crate::report::Failure;
use crate::shell::Shell;
use crate::ssh::Ssh;

/// How OpenNebula calls it.
pub(crate) const SECOND: &str = "node2";
/// In its namespaces.
const INSIDE: &str = "nsenter --target $(cat /run/second) --mount --uts";
/// oneadmin's way to it: OpenNebula's hosts let oneadmin in from each other.
const REACHABLE: &str = "set -e; cd /var/lib/one/.ssh; \
     [ -e id_ed25519 ] || su oneadmin -c 'ssh-keygen -q -t ed25519 -N \"\" -f id_ed25519'; \
     cat id_ed25519.pub >> authorized_keys; \
     printf 'Host node2\\n HostName 127.0.0.1\\n Port 2222\\n StrictHostKeyChecking no\\n UserKnownHostsFile /dev/null\\n LogLevel ERROR\\n' > config; \
     chown oneadmin: config; grep -q node2 /etc/hosts || echo 127.0.0.1 node2 >> /etc/hosts";

pub(crate) struct Second<'h> {
    ssh: &'h Ssh,
}

impl<'h> Second<'h> {
    /// Starts it, and waits until oneadmin reaches its libvirt over ssh.
    pub(crate) fn start(host: &'h Host) -> Result<Self, Failure> {
        let ssh = &host.ssh;
        ssh.get(REACHABLE)?;
        ssh.get("systemd-run --quiet --unit=second /usr/local/lib/lab/second")?;
        let reached = "su oneadmin -c 'cd && virsh -c qemu+ssh://node2/system hostname' 2>&1 | grep -qx node2";
        ssh.until(reached, 60)?;
        Ok(Self { ssh })
    }

    /// What a command of root's says there.
    fn get(&self, command: &str) -> Result<String, Failure> {
        self.ssh.get(&format!("{INSIDE} sh -c '{command}'"))
    }

    /// The shell of a guest that has come.
    pub(crate) fn guest_shell(&self, vm: u32) -> Result<Shell, Failure> {
        let command = format!("exec {INSIDE} socat - UNIX-CONNECT:{}", socket(vm));
        Shell::through(&format!("VM {vm} on {SECOND}"), self.ssh.command(&command))
    }

    /// A pool, as the driver there tells it.
    pub(crate) fn pool(&self, name: &str) -> Result<Pool, Failure> {
        Pool::parse(&self.get(&format!("one-sriov --json pool {name}"))?)
    }

    /// Suspends a VM there, as to stop it: its memory is in a file of its directory, which both hosts have.
    pub(crate) fn save(&self, vm: &Vm) -> Result<(), Failure> {
        let (name, id, directory) = (vm.name(), vm.id, vm.directory());
        let call = format!(
            "/var/tmp/one/vmm/kvm-sriov/save {name} {directory}/checkpoint {SECOND} {id} {SECOND}"
        );
        self.get(&format!("su oneadmin -c \"{call}\" </dev/null"))
            .map(drop)
    }

    /// Ends it.
    pub(crate) fn stop(&self) -> Result<(), Failure> {
        self.ssh.get("systemctl stop second").map(drop)
    }
}
