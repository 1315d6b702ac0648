//! Guests that need no VF: one for each network stack, one beside one-context, one without a CD, one with a hostile
//! one, and an image that is sealed and cloned.

mod neighbours;
mod sealed;
mod stacks;

use crate::cloud::vm::{INFINIBAND, Nic, PARTITION, PLAIN, System, Vm};
use crate::lab::Lab;
use crate::local::{Local, Specification};
use crate::report::{Failure, Report, ensure};

pub(crate) fn run(lab: &Lab, report: &mut Report) {
    stacks::run(lab, report);
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
        nics: &vm.nics,
    };
    Local::start(&lab.images, lab.directory(), &specification)
}

/// A plain NIC, an InfiniBand one, and one in a partition.
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

fn has_all(guest: &mut Local, vm: &Vm) -> Result<(), Failure> {
    let [plain, port, partition] = [0, 1, 2].map(|number| &vm.nics[number]);
    let devices = guest.devices()?;
    devices
        .with_hardware(&plain.mac())?
        .has(&format!("{}/24", plain.ip()))?;
    let device = devices.with_hardware(&port.guid(0))?;
    device.has(&format!("{}/24", port.ip()))?;
    device.has("fd00:7::5/64")?;
    ensure(device.mtu == 2044, || format!("{device:?}"))?;
    let child = devices.with_address(&format!("{}/24", partition.ip()))?;
    let shown = guest.shell.get(
        &format!(
            "cat /sys/class/net/{0}/pkey 2>/dev/null; ip -d link show {0}",
            child.name
        ),
        30,
    )?;
    ensure(shown.contains("0x8001"), || shown.clone())?;
    ensure(child.hardware.ends_with(&partition.guid(1)), || {
        format!("{child:?}")
    })
}

fn dummies_are_left_alone(guest: &mut Local, vm: &Vm) -> Result<(), Failure> {
    let devices = guest.devices()?;
    (0_u8..).zip(&vm.nics[1..]).try_for_each(|(position, nic)| {
        devices
            .with_hardware(&format!("aa:{position:02x}:{}", nic.key()))?
            .is_left_alone()
    })
}

/// Keeps what there is to see if a check of this guest failed.
fn keep(lab: &Lab, report: &Report, before: usize, guest: &mut Local) {
    if report.failures() > before
        && let Ok(directory) = lab.evidence("guests")
    {
        guest.evidence(&directory);
    }
}
