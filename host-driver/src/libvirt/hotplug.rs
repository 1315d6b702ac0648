//! Attaches and detaches devices of running domains.
//!
//! ```text
//! virsh -q -c qemu:///system nodedev-detach pci_0000_81_00_4
//! virsh -q -c qemu:///system attach-device 24db4e6f-... /dev/stdin --live
//! virsh -q -c qemu:///system detach-device 24db4e6f-... /dev/stdin --live
//! virsh -q -c qemu:///system nodedev-reattach pci_0000_81_00_4
//! ```
//!
//! `detach-device` reports success even if the guest keeps the device: libvirt waits some seconds for the guest, and
//! `qemuDomainDetachDeviceLive` returns 0 on a timeout. Only the domain shows whether the device is gone.

use std::time::Duration;

use hwaddr::PciAddress;
use one_sriov_system::{Captured, ProcessError, Program};

use super::{Libvirt, LibvirtError, complaint};

/// How long attaching may take: with a VF, QEMU pins all memory of the guest.
const ATTACH_WAIT: Duration = Duration::from_secs(300);
/// How long to wait for udev.
const SETTLE_WAIT: Duration = Duration::from_secs(30);

impl Libvirt {
    /// Binds a device to `vfio-pci`, and waits until udev has made its node accessible to QEMU's user.
    ///
    /// libvirt would bind it, too, but copies the node into the domain's mount namespace before udev is done with it.
    pub fn bind(&self, device: PciAddress) -> Result<(), LibvirtError> {
        self.order(&["nodedev-detach", &node(device)])?;
        if let Err(error) = settle() {
            log::warn!("failed to wait for udev: {error}");
        }
        Ok(())
    }

    /// Binds a device back to its driver on the host.
    pub fn unbind(&self, device: PciAddress) -> Result<(), LibvirtError> {
        self.order(&["nodedev-reattach", &node(device)])
    }

    /// Attaches a device to a running domain.
    pub fn attach(&self, domain: &str, element: &str) -> Result<(), LibvirtError> {
        let arguments = ["attach-device", domain, "/dev/stdin", "--live"];
        self.accepted(&self.run(&arguments, Some(element), ATTACH_WAIT)?)
    }

    /// Asks a running domain to release a device. Only the domain's document shows whether it did.
    pub fn ask_to_detach(&self, domain: &str, element: &str) -> Result<(), LibvirtError> {
        let arguments = ["detach-device", domain, "/dev/stdin", "--live"];
        self.accepted(&self.run(&arguments, Some(element), self.wait)?)
    }

    fn order(&self, arguments: &[&str]) -> Result<(), LibvirtError> {
        self.accepted(&self.run(arguments, None, self.wait)?)
    }

    fn accepted(&self, done: &Captured) -> Result<(), LibvirtError> {
        if done.status.success() {
            return Ok(());
        }
        Err(LibvirtError::Refused {
            uri: self.uri.clone(),
            said: complaint(done),
        })
    }
}

/// Returns the name of a PCI device among libvirt's node devices.
fn node(device: PciAddress) -> String {
    format!("pci_{}", device.to_string().replace([':', '.'], "_"))
}

/// Waits until udev has handled all events. Returns at once if udev is not running.
fn settle() -> Result<(), ProcessError> {
    let timeout = format!("--timeout={}", SETTLE_WAIT.as_secs());
    let program = Program::new("udevadm").args(["settle", &timeout]);
    program.capture(SETTLE_WAIT * 2).map(|_| ())
}
