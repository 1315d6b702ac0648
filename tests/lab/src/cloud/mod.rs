//! OpenNebula: documents and CDs, and the front-end's calls over ssh.

mod cd;
pub(crate) mod documents;
pub(crate) mod vm;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use one_sriov_tests::{Answer, FrontEnd, Release, Reply};

pub(crate) use cd::cd;
use vm::{Nic, System, Vm};

use crate::host::Host;
use crate::report::Failure;
use crate::ssh::HOST;

/// Time that an action may take on an emulated machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A front-end with one host.
pub(crate) struct Cloud {
    frontend: FrontEnd,
    directory: PathBuf,
}

impl Cloud {
    pub(crate) fn new(host: &Host) -> Self {
        let frontend =
            FrontEnd::over_ssh(Release::V6_10, HOST, &host.ssh.config).with_time_limit(PATIENCE);
        Self {
            frontend,
            directory: host.directory.clone(),
        }
    }

    /// Does what OpenNebula does before it calls the driver: puts the VM's document, CD and disk into its directory on the host.
    pub(crate) fn prepare(&self, host: &Host, vm: &Vm) -> Result<(), Failure> {
        let document = self.directory.join(format!("{}.xml", vm.name()));
        fs::write(&document, documents::vm_document(vm))
            .map_err(|error| Failure::of("write", &document, &error))?;
        let cd = cd(
            &self.directory,
            &vm.name(),
            documents::context(vm).as_bytes(),
        )?;
        let directory = vm.directory();
        host.ssh.get(&format!("rm -rf {directory}"))?;
        host.ssh.put(&document, &format!("{directory}/vm.xml"))?;
        host.ssh.put(&cd, &format!("{directory}/disk.1"))?;
        let disk = match vm.system {
            System::Debian => {
                format!("&& qemu-img create -q -f qcow2 -F raw -b /dev/vdb {directory}/disk.0")
            }
            System::Tiny => String::new(),
        };
        host.ssh
            .get(&format!(
                "chown oneadmin: {directory} && su oneadmin -c 'touch {directory}/console {disk}'"
            ))
            .map(drop)
    }

    /// Prepares and deploys a VM, and returns its deploy ID.
    pub(crate) fn deploy(&self, host: &Host, vm: &Vm) -> Result<String, Failure> {
        self.prepare(host, vm)?;
        let answer = self.call_deploy(vm)?;
        match answer.deploy_id {
            Some(id) if answer.success => Ok(id),
            _ => Err(Failure::new(format!(
                "VM {} is not deployed: {}\n{}",
                vm.id, answer.info, answer.stderr
            ))),
        }
    }

    /// Calls `deploy` only.
    pub(crate) fn call_deploy(&self, vm: &Vm) -> Result<Answer, Failure> {
        let file = format!("{}/deployment.0", vm.directory());
        answer(
            self.frontend
                .run("deploy", &[&file, HOST], vm.id, &documents::domain(vm)),
        )
    }

    /// Runs any other action on a VM, by its deploy ID.
    pub(crate) fn act(&self, action: &str, vm: &Vm, id: &str) -> Result<Answer, Failure> {
        answer(
            self.frontend
                .run(action, &[id, HOST], vm.id, &documents::action_document(vm)),
        )
    }

    /// Runs an action that must succeed.
    pub(crate) fn done(&self, action: &str, vm: &Vm, id: &str) -> Result<(), Failure> {
        succeeded(action, vm, &self.act(action, vm, id)?)
    }

    /// Suspends a VM to a checkpoint in its directory.
    pub(crate) fn save(&self, vm: &Vm, id: &str) -> Result<(), Failure> {
        let checkpoint = format!("{}/checkpoint", vm.directory());
        let document = documents::action_document(vm);
        let arguments = [id, &checkpoint, HOST];
        let reply = self.frontend.run("save", &arguments, vm.id, &document);
        succeeded("save", vm, &answer(reply)?)
    }

    /// Resumes a VM from its checkpoint.
    pub(crate) fn restore(&self, vm: &Vm, id: &str) -> Result<(), Failure> {
        let checkpoint = format!("{}/checkpoint", vm.directory());
        let document = documents::action_document(vm);
        let arguments = [&checkpoint, HOST, id];
        let reply = self.frontend.run("restore", &arguments, vm.id, &document);
        succeeded("restore", vm, &answer(reply)?)
    }

    /// Migrates a running VM to another host.
    pub(crate) fn migrate(&self, vm: &Vm, id: &str, host: &str) -> Result<(), Failure> {
        let document = documents::action_document(vm);
        let arguments = [id, host, HOST];
        let reply = self.frontend.run("migrate", &arguments, vm.id, &document);
        succeeded("migrate", vm, &answer(reply)?)
    }

    /// Attaches a NIC, which must succeed.
    pub(crate) fn attach(&self, vm: &Vm, id: &str, nic: &Nic) -> Result<(), Failure> {
        let tap = format!("{}-{}", vm.name(), vm.nics.len() - 1);
        let (mac, bridge) = (nic.mac(), nic.network.bridge);
        let document = documents::action_document_about(vm, Some(nic));
        let arguments = [id, &mac, bridge, "virtio", "dummy", &tap];
        let reply = self
            .frontend
            .run("attach_nic", &arguments, vm.id, &document);
        succeeded("attach_nic", vm, &answer(reply)?)
    }

    /// Detaches a NIC, which may fail.
    pub(crate) fn try_detach(&self, vm: &Vm, id: &str, nic: &Nic) -> Result<Answer, Failure> {
        let document = documents::action_document_about(vm, Some(nic));
        answer(
            self.frontend
                .run("detach_nic", &[id, &nic.mac()], vm.id, &document),
        )
    }

    /// Detaches a NIC, which must succeed.
    pub(crate) fn detach(&self, vm: &Vm, id: &str, nic: &Nic) -> Result<(), Failure> {
        succeeded("detach_nic", vm, &self.try_detach(vm, id, nic)?)
    }

    /// Does what OpenNebula does after `attach_nic` with three actions of the stock driver: inserts a CD with a new context.
    pub(crate) fn change_context(&self, host: &Host, vm: &Vm) -> Result<(), Failure> {
        let name = vm.name();
        let cd = cd(&self.directory, &name, documents::context(vm).as_bytes())?;
        let file = format!("{}/disk.1", vm.directory());
        host.ssh.get(&format!(
            "virsh change-media {name} hda --eject --live --force"
        ))?;
        host.ssh.put(&cd, &file)?;
        host.ssh
            .get(&format!(
                "virsh change-media {name} hda {file} --insert --live"
            ))
            .map(drop)
    }
}

fn succeeded(action: &str, vm: &Vm, answer: &Answer) -> Result<(), Failure> {
    if answer.success {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{action} of VM {} failed: {}\n{}",
        vm.id, answer.info, answer.stderr
    )))
}

fn answer(reply: Reply) -> Result<Answer, Failure> {
    match reply {
        Reply::Answered(answer) => Ok(answer),
        Reply::Hung(hang) => Err(Failure::new(format!(
            "the front-end waits for ever: {hang:?}"
        ))),
    }
}
