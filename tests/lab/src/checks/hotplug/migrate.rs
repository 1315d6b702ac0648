//! A VM that moves to another host while it runs, over ssh between two network namespaces.

use std::time::Instant;

use super::ethernet::ping_through;
use super::guid::{GUIDS, carry_guid};
use super::setup::{Pool, Setup};
use crate::cloud::vm::{INFINIBAND, MOVING, Nic, PLAIN, SEED, System, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure, say};
use crate::second::{SECOND, Second};

const WORLD: &str = "192.168.50.254";
/// Shows the VFs of the second host's card.
const CARD: &str = "ip link show enp4s0";
/// The place of the InfiniBand VF in the guest.
const PORT_SLOT: u8 = 0x14;
const PORT_PLACE: &str = "0000:00:14.0";
/// The index of the InfiniBand NIC, and its position.
const PORT: usize = 3;
const PORT_POSITION: u8 = 2;

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let second = report.get("a second host starts", || Second::start(setup.host()));
    let Some(second) = second else {
        return;
    };
    let nics = [
        Nic::new(PLAIN, 60),
        Nic::new(MOVING, 60),
        Nic::new(SEED, 61),
        Nic::new(INFINIBAND, 60).at_slot(PORT_SLOT),
    ];
    let vm = Vm::new(60, System::Debian, nics);
    let Some(mut guest) = report.get(
        "a VM with two Ethernet VFs and an InfiniBand VF is deployed and boots",
        || setup.deploy(&vm),
    ) else {
        return;
    };
    report.check("all have their addresses, and Ethernet pings", || {
        pings(&mut guest)?;
        has_port(&mut guest)
    });
    report.check(
        "libvirt refuses to migrate it: it gets VFs again, and pings",
        || is_refused(setup, &second, &mut guest),
    );
    // Both hosts see the same disk, but libvirt doesn't know that.
    report.check("the operator allows the migration", || {
        let allow = "echo MIGRATE_OPTIONS=--unsafe >> /var/tmp/one/etc/vmm/kvm/kvmrc";
        setup.host().ssh.get(allow).map(drop)
    });
    let start = Instant::now();
    if report.check("it migrates live to the second host", || {
        setup.cloud.migrate(&guest.vm, &guest.id, SECOND)
    }) {
        on_the_second(setup, &second, &mut guest, start, report);
    }
    setup.keep(report, &mut guest);
    report.check("cancel ends it", || setup.cancel(&guest));
    report.check("the second host is shut down", || second.stop());
}

fn is_refused(setup: &Setup<'_>, second: &Second<'_>, guest: &mut Guest) -> Result<(), Failure> {
    let refused = setup.cloud.migrate(&guest.vm, &guest.id, SECOND);
    let said = refused.err().map(|failure| failure.to_string());
    let is_refused = |said: &String| said.contains("Unsafe migration");
    ensure(said.as_ref().is_some_and(is_refused), || {
        format!("{said:?}")
    })?;
    works(guest, &setup.pool("ib0")?, &setup.host().ssh.get(GUIDS)?)?;
    is_free(second)?;
    setup.is_consistent()
}

/// Checks the VM there, stops it, and resumes it on the first host.
fn on_the_second(
    setup: &Setup<'_>,
    second: &Second<'_>,
    guest: &mut Guest,
    start: Instant,
    report: &mut Report,
) {
    let arrived = start.elapsed();
    report.check(
        "there it has VFs with the same addresses, and pings",
        || {
            guest.shell = second.guest_shell(guest.vm.id)?;
            works(guest, &second.pool("ib0")?, &second.get(GUIDS)?)?;
            say(&format!(
                "      moved after {:.1} s, pinged after {:.1} s",
                arrived.as_secs_f32(),
                start.elapsed().as_secs_f32()
            ));
            Ok(())
        },
    );
    report.check("the VFs of the second host are leased to it", || {
        for (pool, card) in [
            ("move", "0000:04:"),
            ("seed", "0000:04:"),
            ("ib0", "0000:05:"),
        ] {
            let held = second.pool(pool)?.vfs(60);
            ensure(held.len() == 1 && held[0].address.starts_with(card), || {
                format!("{held:?}")
            })?;
        }
        let link = second.get(CARD)?;
        let is_there = |nic: &Nic| link.contains(&nic.mac());
        ensure(guest.vm.nics[1..PORT].iter().all(is_there), || link.clone())
    });
    report.check(
        "the VFs of the first host are in their original state",
        || {
            for pool in ["enp1s0", "ib0"] {
                let held = setup.pool(pool)?.held();
                ensure(held.is_empty(), || format!("{held:?}"))?;
            }
            setup.is_consistent()?;
            let ssh = &setup.host().ssh;
            has_none(
                &guest.vm,
                &ssh.get("ip link show enp1s0")?,
                &ssh.get(GUIDS)?,
            )
        },
    );
    report.check("stopped there, it holds no VF", || {
        second.save(&guest.vm)?;
        is_free(second)?;
        has_none(&guest.vm, &second.get(CARD)?, &second.get(GUIDS)?)
    });
    report.check(
        "resumed on the first host, it has VFs with the same addresses, and pings",
        || {
            setup.cloud.restore(&guest.vm, &guest.id)?;
            guest.shell = setup.host().guest_shell(guest.vm.id)?;
            works(guest, &setup.pool("ib0")?, &setup.host().ssh.get(GUIDS)?)?;
            setup.is_consistent()
        },
    );
}

/// No VF of a host's cards has a MAC or GUID of the VM.
fn has_none(vm: &Vm, link: &str, guids: &str) -> Result<(), Failure> {
    let has = |nic: &Nic| link.contains(&nic.mac());
    ensure(!vm.nics[1..].iter().any(has), || link.to_owned())?;
    let guid = vm.nics[PORT].guid(PORT_POSITION).replace(':', "");
    ensure(!guids.contains(&guid), || guids.to_owned())
}

/// No VF of the second host is leased.
fn is_free(second: &Second<'_>) -> Result<(), Failure> {
    for pool in ["move", "seed", "ib0"] {
        let pool = second.pool(pool)?;
        ensure(pool.held().is_empty(), || format!("{pool:?}"))?;
    }
    Ok(())
}

/// All NICs work after VFs were plugged in by a host with this pool and these GUIDs.
fn works(guest: &mut Guest, pool: &Pool, guids: &str) -> Result<(), Failure> {
    carry_guid(guest, pool, guids, PORT_POSITION, PORT_PLACE)?;
    has_port(guest)?;
    pings(guest)
}

/// The InfiniBand VF has the GUID and the address of its NIC.
fn has_port(guest: &mut Guest) -> Result<(), Failure> {
    let nic = guest.vm.nics[PORT].clone();
    let address = format!("{}/24", nic.ip());
    guest.wait_for_address(&nic)?;
    let devices = guest.devices()?;
    let device = devices.with_hardware(&nic.guid(PORT_POSITION))?;
    ensure(device.bus == PORT_PLACE, || format!("{device:?}"))?;
    device.has(&address)
}

/// Each Ethernet VF has the address of its NIC, and pings the rest of the world through it.
fn pings(guest: &mut Guest) -> Result<(), Failure> {
    for number in 1..PORT {
        let nic = guest.vm.nics[number].clone();
        guest.wait_for_address(&nic)?;
        ping_through(guest, &nic.mac(), WORLD)?;
    }
    Ok(())
}
