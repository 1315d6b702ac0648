//! One VM whose VFs come and go: the driver of its InfiniBand NIC loads late, Ethernet NICs are attached, it is suspended, it moves
//! to a second host and back, and the NICs are detached.

mod late;
mod migrate;
mod nics;

use super::ethernet::ping_through;
use super::guid::{GUIDS, carry_guid};
use super::setup::{Pool, Setup};
use crate::cloud::vm::{INFINIBAND, Nic, PLAIN, System, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure};

pub(super) use nics::attach_with;

const WORLD: &str = "192.168.50.254";
/// The index of the InfiniBand NIC, and its position.
const PORT: usize = 1;
const PORT_POSITION: u8 = 0;
/// The place of its VF in the guest.
const PORT_SLOT: u8 = 0x14;
const PORT_PLACE: &str = "0000:00:14.0";

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let nics = [
        Nic::new(PLAIN, 60),
        Nic::new(INFINIBAND, 60).at_slot(PORT_SLOT),
    ];
    let vm = Vm::new(60, System::Debian, nics).with_kernel_words(late::NO_DRIVERS);
    let Some(mut guest) = report.get("a VM whose InfiniBand driver is missing boots", || {
        setup.deploy(&vm)
    }) else {
        return;
    };
    late::run(&mut guest, report);
    nics::attached(setup, &mut guest, report);
    nics::suspended(setup, &mut guest, report);
    migrate::run(setup, &mut guest, report);
    nics::detached(setup, &mut guest, report);
    setup.keep(report, &mut guest);
    report.check("cancel ends the VM", || setup.cancel(&guest));
}

/// All NICs work after the first host has plugged in their VFs.
fn works_here(setup: &Setup<'_>, guest: &mut Guest) -> Result<(), Failure> {
    works(guest, &setup.pool("ib0")?, &setup.host().ssh.get(GUIDS)?)
}

/// All NICs work after VFs were plugged in by a host with this pool and these GUIDs.
fn works(guest: &mut Guest, pool: &Pool, guids: &str) -> Result<(), Failure> {
    carry_guid(guest, pool, guids, PORT_POSITION, PORT_PLACE)?;
    has_port(guest)?;
    for nic in guest.vm.nics.clone().iter().skip(PORT + 1) {
        pings(guest, nic)?;
    }
    Ok(())
}

/// The InfiniBand VF has the GUID and the address of its NIC.
fn has_port(guest: &mut Guest) -> Result<(), Failure> {
    let nic = guest.vm.nics[PORT].clone();
    guest.wait_for_address(&nic)?;
    let devices = guest.devices()?;
    let device = devices.with_hardware(&nic.guid(PORT_POSITION))?;
    ensure(device.bus == PORT_PLACE, || format!("{device:?}"))?;
    device.has(&format!("{}/24", nic.ip()))
}

/// Waits until an Ethernet VF has the address of its NIC and a ping through it is answered.
fn pings(guest: &mut Guest, nic: &Nic) -> Result<(), Failure> {
    guest.wait_for_address(nic)?;
    ping_through(guest, &nic.mac(), WORLD)
}
