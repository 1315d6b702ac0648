//! Guests without VFs: one for each network stack, one with one-context, one without a CD, one with a hostile CD, and a sealed
//! and cloned image.

mod devices;
mod neighbours;
mod sealed;
mod stacks;

use crate::cloud::vm::{INFINIBAND, Nic, PARTITION, PLAIN, System, Vm};
use crate::lab::Lab;
use crate::local::{Local, Specification};
use crate::report::{Failure, Report};

/// Runs at most `at_once` guests at the same time.
pub(crate) fn run(lab: &Lab, at_once: usize, report: &mut Report) {
    stacks::run(lab, at_once, report);
    neighbours::run(lab, report);
    sealed::run(lab, report);
}

/// Starts a guest from an image of the lab.
fn start(
    lab: &Lab,
    name: &str,
    image: &str,
    vm: &Vm,
    context: Option<&str>,
) -> Result<Local, Failure> {
    let specification = Specification {
        name,
        base: &lab.images.guest(image),
        format: "raw",
        context: context.map(str::as_bytes),
        vm,
    };
    Local::start(&lab.images, lab.directory(), &specification)
}

/// A VM with a plain NIC, an InfiniBand NIC, and an InfiniBand NIC in a partition.
fn vm(last: u8) -> Vm {
    let nics = [
        Nic::new(PLAIN, last),
        Nic::new(INFINIBAND, last).with_ip6("fd00:7::5"),
        Nic::new(PARTITION, last),
    ];
    Vm::new(last.into(), System::Debian, nics)
}

fn is_running(guest: &mut Local) -> Result<(), Failure> {
    let state = guest.booted()?;
    if state.trim() == "running" {
        return Ok(());
    }
    let failed = guest
        .shell
        .get("systemctl --failed --no-legend --plain", 30)?;
    Err(Failure::new(format!("it is {state}: {failed}")))
}

/// Collects evidence if a check of this guest has failed.
fn keep(lab: &Lab, report: &Report, before: usize, guest: &mut Local) {
    if report.failures() > before
        && let Ok(directory) = lab.evidence("guests")
    {
        guest.evidence(&directory);
    }
}
