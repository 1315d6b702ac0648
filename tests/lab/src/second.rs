//! A second host on the same machine, with its own network namespace and cards. See `/usr/local/lib/lab/second`.

use crate::checks::Pool;
use crate::cloud::vm::Vm;
use crate::host::{Host, socket};
use crate::report::Failure;
use crate::shell::Shell;
use crate::ssh::Ssh;

/// Its name in OpenNebula.
pub(crate) const SECOND: &str = "node2";
/// Runs a command in its namespaces.
const INSIDE: &str = "nsenter --target $(cat /run/second) --mount --uts --net";
/// Lets oneadmin reach it over ssh without a password, as OpenNebula requires of all hosts.
const REACHABLE: &str = "set -e; cd /var/lib/one/.ssh; \
     [ -e id_ed25519 ] || su oneadmin -c 'ssh-keygen -q -t ed25519 -N \"\" -f id_ed25519'; \
     cat id_ed25519.pub >> authorized_keys; \
     printf 'Host node2\\n StrictHostKeyChecking no\\n UserKnownHostsFile /dev/null\\n LogLevel ERROR\\n' > config; \
     chown oneadmin: config; grep -q node2 /etc/hosts || echo 10.0.0.253 node2 >> /etc/hosts";

pub(crate) struct Second<'h> {
    ssh: &'h Ssh,
}

impl<'h> Second<'h> {
    /// Starts the host, and waits until oneadmin reaches its libvirt over ssh.
    pub(crate) fn start(host: &'h Host) -> Result<Self, Failure> {
        let ssh = &host.ssh;
        ssh.get(REACHABLE)?;
        ssh.get("systemd-run --quiet --unit=second /usr/local/lib/lab/second")?;
        let reached = "su oneadmin -c 'cd && virsh -c qemu+ssh://node2/system hostname' 2>&1 | grep -qx node2";
        ssh.until(reached, 60)?;
        Ok(Self { ssh })
    }

    /// Runs a command as root there, and returns its output.
    pub(crate) fn get(&self, command: &str) -> Result<String, Failure> {
        self.ssh.get(&format!("{INSIDE} sh -c '{command}'"))
    }

    /// Connects to the shell of a guest that has arrived.
    pub(crate) fn guest_shell(&self, vm: u32) -> Result<Shell, Failure> {
        let command = format!("exec {INSIDE} socat - UNIX-CONNECT:{}", socket(vm));
        Shell::through(&format!("VM {vm} on {SECOND}"), self.ssh.command(&command))
    }

    /// The pool in the output of the driver there.
    pub(crate) fn pool(&self, name: &str) -> Result<Pool, Failure> {
        Pool::parse(&self.get(&format!("one-sriov --json pool {name}"))?)
    }

    /// Suspends a VM there as `stop` does: the checkpoint is in the VM's directory, which both hosts share.
    pub(crate) fn save(&self, vm: &Vm) -> Result<(), Failure> {
        let (name, id, directory) = (vm.name(), vm.id, vm.directory());
        let call = format!(
            "/var/tmp/one/vmm/kvm-sriov/save {name} {directory}/checkpoint {SECOND} {id} {SECOND}"
        );
        self.get(&format!("su oneadmin -c \"{call}\" </dev/null"))
            .map(drop)
    }

    /// Shuts it down. Its cards return to the first host, without VFs.
    pub(crate) fn stop(&self) -> Result<(), Failure> {
        let stop = "systemctl stop second && \
             for card in 4 5; do echo 0 > /sys/bus/pci/devices/0000:0$card:00.0/sriov_numvfs; done";
        self.ssh.get(stop).map(drop)
    }
}
