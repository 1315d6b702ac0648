//! Helpers for the groups that use the host.

use std::path::Path;
use std::thread;

use serde_json::Value;

use crate::cloud::Cloud;
use crate::cloud::vm::Vm;
use crate::evidence;
use crate::guest::Guest;
use crate::host::Host;
use crate::lab::Lab;
use crate::report::{Failure, Report, ensure};

/// The operator's settings: a pool with identity `dummy`, and longer timeouts because the host is emulated.
const KVMRC: &str =
    "VF_IDENTITY_seed=dummy\\nLIBVIRT_WAIT=60\\nVF_RELEASE_WAIT=30\\nUNPLUG_WAIT=30\\n";
/// The two VFs of the pool `seed`, the last ones of the Ethernet card.
const MAP: &str = "# bus slot function\\n0x01 0x11 0x00\\n0x01 0x11 0x02\\n";

/// A pool that the second host has, too, with another VF.
const MOVE_MAP: &str = "0x01 0x10 0x00\\n";

/// A host with one-sriov, and a front-end.
pub(crate) struct Setup<'lab> {
    pub(crate) lab: &'lab Lab,
    host: Host,
    pub(crate) cloud: Cloud,
}

impl<'lab> Setup<'lab> {
    pub(crate) fn new(lab: &'lab Lab, name: &str) -> Result<Self, Failure> {
        let host = lab.boot_host(name)?;
        let cloud = Cloud::new(&host);
        Ok(Self { lab, host, cloud })
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Cuts the host's power, and boots it again.
    pub(crate) fn crash(&mut self) -> Result<(), Failure> {
        self.host.crash(&self.lab.images)
    }

    /// Writes the operator's settings on the front-end.
    pub(crate) fn configure(&self) -> Result<(), Failure> {
        let driver = "/var/lib/one/remotes/vmm/kvm-sriov";
        let set = format!(
            "printf '{KVMRC}' >> {driver}/kvmrc && printf '{MAP}' > {driver}/vf_maps/seed && printf '{MOVE_MAP}' > {driver}/vf_maps/move"
        );
        self.host.ssh.get(&format!("su oneadmin -c \"{set}\""))?;
        self.host.sync()
    }

    /// Does something while the driver on the host has another setting: `UNPLUG_WAIT=5`.
    pub(crate) fn with_setting<T>(
        &self,
        setting: &str,
        action: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let kvmrc = "/var/tmp/one/vmm/kvm-sriov/kvmrc";
        let ssh = &self.host.ssh;
        ssh.get(&format!(
            "cp -p {kvmrc} {kvmrc}.before && echo {setting} >> {kvmrc}"
        ))?;
        let outcome = action();
        ssh.get(&format!("mv {kvmrc}.before {kvmrc}"))?;
        outcome
    }

    /// Deploys a VM and waits until it has booted. If this fails, collects evidence and cancels the VM to free its VFs.
    pub(crate) fn deploy(&self, vm: &Vm) -> Result<Guest, Failure> {
        let name = vm.name();
        Guest::deploy(&self.cloud, &self.host, vm).inspect_err(|_| {
            if let Ok(directory) = self.lab.evidence(&name) {
                self.host.evidence(&directory);
                self.host.evidence_of_guest(vm.id, &directory);
            }
            let _ = self.cloud.act("cancel", vm, &name);
        })
    }

    /// Deploys VMs at the same time. If one fails, cancels the others.
    pub(crate) fn deploy_at_once<const N: usize>(
        &self,
        vms: [Vm; N],
    ) -> Result<[Guest; N], Failure> {
        let started: Vec<Result<Guest, Failure>> = thread::scope(|scope| {
            let threads = vms.map(|vm| scope.spawn(move || self.deploy(&vm)));
            let died = || Err(Failure::new("the thread of a deployment died"));
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| died()))
                .collect()
        });
        let (mut guests, mut failures) = (Vec::new(), Vec::new());
        for outcome in started {
            match outcome {
                Ok(guest) => guests.push(guest),
                Err(failure) => failures.push(failure.to_string()),
            }
        }
        guests.try_into().map_err(|guests: Vec<Guest>| {
            for guest in &guests {
                let _ = self.cancel(guest);
            }
            Failure::new(failures.join("\n"))
        })
    }

    /// Ends a VM by `cancel`.
    pub(crate) fn cancel(&self, guest: &Guest) -> Result<(), Failure> {
        self.cloud.done("cancel", &guest.vm, &guest.id)
    }

    /// Returns a pool, as `one-sriov --json pool` prints it.
    pub(crate) fn pool(&self, name: &str) -> Result<Pool, Failure> {
        let text = self
            .host
            .ssh
            .get(&format!("one-sriov --json pool {name}"))?;
        Pool::parse(&text)
    }

    /// Returns the value of a monitoring attribute: 4 for `SRIOV_IB0_FREE` in `SRIOV_IB0_FREE=4`.
    pub(crate) fn probe(&self, name: &str) -> Result<usize, Failure> {
        let probe = "/var/tmp/one/im/kvm-probes.d/host/system/sriov";
        let text = self
            .host
            .ssh
            .get(&format!("su oneadmin -c 'cd && {probe}' </dev/null"))?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let number = line.and_then(|number| number.parse().ok());
        number.ok_or_else(|| Failure::new(format!("the probe does not report '{name}': {text}")))
    }

    /// Checks that exactly the VFs of running domains are leased, each to its VM.
    pub(crate) fn is_consistent(&self) -> Result<(), Failure> {
        let domains = self.host.ssh.get(
            "for vm in $(virsh list --name); do for vf in $(virsh dumpxml $vm | \
             sed -n \"/<hostdev\\|type='hostdev'/,/<.source>/s/.*bus='0x\\(..\\)' slot='0x\\(..\\)' function='0x\\(.\\)'.*/0000:\\1:\\2.\\3/p\"); \
             do echo ${vm#one-} $vf; done; done",
        )?;
        let mut held: Vec<String> = domains.lines().map(str::to_owned).collect();
        let mut leased = Vec::new();
        for name in ["enp1s0", "ib0"] {
            leased.extend(
                self.pool(name)?
                    .held()
                    .into_iter()
                    .map(|(vm, vf)| format!("{vm} {vf}")),
            );
        }
        held.sort();
        leased.sort();
        ensure(held == leased, || {
            format!("domains hold {held:?}, leases say {leased:?}")
        })
    }

    /// Collects evidence of the remaining guests, and of the host unless a guest of the same group has done so.
    pub(crate) fn evidence(&self, directory: &Path) {
        self.evidence_of_host(directory);
        self.host.evidence_of_guests(directory);
    }

    fn evidence_of_host(&self, directory: &Path) {
        if !directory.join(evidence::POOL).exists() {
            self.host.evidence(directory);
        }
    }

    /// Collects evidence of the host and of a guest that is about to end, if a check of its group has failed.
    pub(crate) fn keep(&self, report: &Report, guest: &mut Guest) {
        let directory = report
            .failed_group()
            .and_then(|group| self.lab.evidence(group).ok());
        if let Some(directory) = directory {
            self.evidence_of_host(&directory);
            let file = directory.join(format!("{}.guest", guest.vm.name()));
            guest.shell.keep_evidence(&file);
        }
    }
}

/// A pool in the output of `one-sriov --json pool`.
#[derive(Debug)]
pub(crate) struct Pool(Value);

impl Pool {
    /// Returns the first pool of the output.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("pool: {error}: {text}")))?;
        Ok(Self(value["pools"][0].clone()))
    }

    pub(crate) fn free(&self) -> Option<u64> {
        self.0["free"].as_u64()
    }

    /// Returns the PCI address of the VF with an index.
    pub(crate) fn address(&self, index: u64) -> Option<String> {
        let mut vfs = self.0["vfs"].as_array().into_iter().flatten();
        let vf = vfs.find(|vf| vf["index"].as_u64() == Some(index))?;
        Some(vf["address"].as_str()?.to_owned())
    }

    /// Returns the leased VFs, each with its VM.
    pub(crate) fn held(&self) -> Vec<(u64, String)> {
        let vfs = self.0["vfs"].as_array().into_iter().flatten();
        let of_vm = |vf: &Value| Some((vf["vm"].as_u64()?, vf["address"].as_str()?.to_owned()));
        vfs.filter_map(of_vm).collect()
    }

    /// Returns the VFs of a VM, by position.
    pub(crate) fn vfs(&self, vm: u32) -> Vec<Vf> {
        let mut vfs: Vec<Vf> = self.0["vfs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|vf| vf["vm"].as_u64() == Some(vm.into()))
            .map(|vf| Vf {
                index: vf["index"].as_u64().unwrap_or_default(),
                address: vf["address"].as_str().unwrap_or_default().to_owned(),
                position: vf["position"].as_u64().unwrap_or_default(),
            })
            .collect();
        vfs.sort_by_key(|vf| vf.position);
        vfs
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vf {
    pub(crate) index: u64,
    pub(crate) address: String,
    pub(crate) position: u64,
}
