//! Guests that run directly on this machine: without VFs they need no host, and are much faster.
//!
//! QEMU's `edu` devices take the place of InfiniBand VFs: the test module's driver binds to them as to VFs.

use std::path::{Path, PathBuf};

use crate::cloud::cd;
use crate::cloud::vm::{Nic, Vm};
use crate::guest::{ADDRESSES, Devices};
use crate::images::Images;
use crate::machine::{Machine, overlay};
use crate::report::Failure;
use crate::shell::Shell;

/// What a guest is started from.
#[derive(Debug)]
pub(crate) struct Specification<'a> {
    pub(crate) name: &'a str,
    /// The disk image to boot.
    pub(crate) base: &'a Path,
    /// `raw` or `qcow2`.
    pub(crate) format: &'a str,
    /// The context on its CD, if any.
    pub(crate) context: Option<&'a [u8]>,
    pub(crate) vm: &'a Vm,
}

pub(crate) struct Local {
    name: String,
    machine: Machine,
    pub(crate) shell: Shell,
    /// The guest's overlay on the disk image.
    pub(crate) disk: PathBuf,
}

impl Local {
    /// Starts a guest without waiting for its boot.
    pub(crate) fn start(
        images: &Images,
        directory: &Path,
        guest: &Specification<'_>,
    ) -> Result<Self, Failure> {
        let name = guest.name;
        let disk = directory.join(format!("{name}.qcow2"));
        overlay(images, guest.base, guest.format, &disk)?;
        let mut arguments: Vec<String> = ["-machine", "pc", "-m", "384", "-smp", "1"]
            .map(str::to_owned)
            .to_vec();
        let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
        add(
            "-drive",
            format!(
                "file={},format=qcow2,if=none,id=d0,cache=unsafe",
                disk.display()
            ),
        );
        add(
            "-device",
            "virtio-blk-pci,drive=d0,werror=report,rerror=report".into(),
        );
        if let Some(context) = guest.context {
            let file = cd(directory, name, context)?;
            add(
                "-drive",
                format!(
                    "file={},format=raw,if=none,id=cd,media=cdrom,readonly=on",
                    file.display()
                ),
            );
            add("-device", "ide-cd,drive=cd".into());
        }
        let mut hub = 0;
        let mut ethernet = |mac: String, address: &str| {
            add("-netdev", format!("hubport,id=n{hub},hubid={hub}"));
            add(
                "-device",
                format!("virtio-net-pci,netdev=n{hub},mac={mac},romfile={address}"),
            );
            hub += 1;
        };
        for nic in guest.vm.nics.iter().filter(|nic| !nic.is_infiniband()) {
            let slot = nic.slot.map(|slot| format!(",addr=0x{slot:02x}"));
            ethernet(nic.mac(), &slot.unwrap_or_default());
        }
        let mut vfs = Vec::new();
        for (position, nic) in guest.vm.infiniband() {
            ethernet(format!("aa:{position:02x}:{}", nic.key()), "");
            let guid = nic.has_guid.then(|| format!("={}", nic.guid(position)));
            // In reverse, so that the driver creates the ports in another order than that of the positions.
            vfs.insert(0, (slot(position, nic), guid.unwrap_or_default()));
        }
        for (slot, _) in &vfs {
            add("-device", format!("edu,addr=0x{slot:02x}"));
        }
        let vfs: Vec<String> = vfs
            .iter()
            .map(|(slot, guid)| format!("{}{guid}", pci(*slot)))
            .collect();
        let words = if vfs.is_empty() {
            String::new()
        } else {
            format!("fakeib.vfs={}", vfs.join(","))
        };
        let machine = Machine::boot(name, images, directory, &words, &arguments)?;
        let shell = machine.shell()?;
        Ok(Self {
            name: name.to_owned(),
            machine,
            shell,
            disk,
        })
    }

    /// Waits until the guest has booted, and returns systemd's state.
    pub(crate) fn booted(&mut self) -> Result<String, Failure> {
        self.shell.get(
            "systemctl is-system-running --wait; systemctl start lab-online",
            300,
        )
    }

    pub(crate) fn devices(&mut self) -> Result<Devices, Failure> {
        Devices::from_json(&self.shell.get(ADDRESSES, 30)?)
    }

    /// Powers the guest off from inside, and waits for its end.
    pub(crate) fn power_off(mut self) -> Result<(), Failure> {
        let _ = self.shell.run("systemctl poweroff", 10);
        self.machine.wait(120)
    }

    /// Writes evidence of the guest's state.
    pub(crate) fn evidence(&mut self, directory: &Path) {
        self.shell
            .keep_evidence(&directory.join(format!("{}.guest", self.name)));
        self.machine.keep_evidence(directory);
    }
}

/// The slot of the VF at a position. VFs with a GUID are on the bus in reverse order; VFs without a GUID follow in order.
fn slot(position: u8, nic: &Nic) -> u8 {
    const MIDDLE: u8 = 0x17;
    if nic.has_guid {
        MIDDLE - position
    } else {
        MIDDLE + position
    }
}

/// The PCI address of the VF at a position.
pub(crate) fn address_of_vf(position: u8, nic: &Nic) -> String {
    pci(slot(position, nic))
}

fn pci(slot: u8) -> String {
    format!("0000:00:{slot:02x}.0")
}
