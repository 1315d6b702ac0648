//! Attaching NICs to a running VM, suspending it, and detaching the NICs.

use std::time::Instant;

use super::super::setup::Setup;
use super::{PORT, pings, works_here};
use crate::cloud::vm::{MOVING, Nic, SEED};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure, say};

/// How many seconds a device may take to disappear from a guest.
const PATIENCE: u64 = 60;
/// Seconds that the driver waits for a guest that will not release its VF.
const SHORT_WAIT: u64 = 5;

/// Attaches two Ethernet NICs.
pub(super) fn attached(setup: &Setup<'_>, guest: &mut Guest, report: &mut Report) {
    report.check(
        "an Ethernet NIC is attached, gets its address and pings",
        || attach(setup, guest, &Nic::new(MOVING, 60)),
    );
    report.check(
        "a NIC of 2013 is attached with its dummy NIC, and pings",
        || {
            let nic = Nic::new(SEED, 61);
            attach(setup, guest, &nic)?;
            guest
                .devices()?
                .with_hardware(&dummy(&nic))?
                .is_left_alone()
        },
    );
    report.check("every VF that the VM holds is leased to it", || {
        holds(setup, guest, 3)
    });
}

/// Suspends the VM, and resumes it on the same host.
pub(super) fn suspended(setup: &Setup<'_>, guest: &mut Guest, report: &mut Report) {
    report.check("suspended, the VM holds no VF", || {
        let start = Instant::now();
        setup.cloud.save(&guest.vm, &guest.id)?;
        say(&format!(
            "      suspended after {:.1} s",
            start.elapsed().as_secs_f32()
        ));
        holds(setup, guest, 0)
    });
    report.check(
        "resumed, it has VFs with the same addresses, and pings",
        || {
            let start = Instant::now();
            setup.cloud.restore(&guest.vm, &guest.id)?;
            let resumed = start.elapsed();
            guest.shell = setup.host().guest_shell(guest.vm.id)?;
            works_here(setup, guest)?;
            say(&format!(
                "      resumed after {:.1} s, pinged after {:.1} s",
                resumed.as_secs_f32(),
                start.elapsed().as_secs_f32()
            ));
            holds(setup, guest, 3)
        },
    );
}

/// Detaches the Ethernet NICs, the second one while the guest is paused.
pub(super) fn detached(setup: &Setup<'_>, guest: &mut Guest, report: &mut Report) {
    report.check(
        "an Ethernet NIC is detached, and its VF is free and in its original state",
        || {
            let nic = guest.vm.nics.remove(PORT + 1);
            setup.cloud.detach(&guest.vm, &guest.id, &nic)?;
            has_no(guest, &nic.mac())?;
            is_as_before(setup, guest, &nic)
        },
    );
    report.check(
        "a paused guest doesn't release its VF, and the lease stays",
        || {
            let ssh = &setup.host().ssh;
            ssh.get(&format!("virsh suspend {}", guest.vm.name()))?;
            let nic = guest.vm.nics[PORT + 1].clone();
            let answer = setup.with_setting(&format!("UNPLUG_WAIT={SHORT_WAIT}"), || {
                setup.cloud.try_detach(&guest.vm, &guest.id, &nic)
            })?;
            let said = "the guest has not released VF 'seed/";
            ensure(!answer.success && answer.info.contains(said), || {
                format!("{answer:?}")
            })?;
            holds(setup, guest, 2)
        },
    );
    report.check(
        "once the guest runs again it releases the VF, and the probe counts it as free",
        || {
            let ssh = &setup.host().ssh;
            ssh.get(&format!("virsh resume {}", guest.vm.name()))?;
            let nic = guest.vm.nics.remove(PORT + 1);
            has_no(guest, &nic.mac())?;
            setup.probe("SRIOV_SEED_FREE")?;
            let pool = setup.pool("seed")?;
            ensure(pool.free() == Some(2), || format!("{pool:?}"))?;
            has_no(guest, &dummy(&nic))
        },
    );
}

/// The MAC of the dummy NIC of the second Ethernet NIC, which has position 2.
fn dummy(nic: &Nic) -> String {
    format!("aa:02:{}", nic.key())
}

/// Attaches a NIC as the front-end does, with an updated context CD, and waits until the NIC works.
fn attach(setup: &Setup<'_>, guest: &mut Guest, nic: &Nic) -> Result<(), Failure> {
    attach_with(setup, guest, nic, |_| Ok(()), pings)
}

/// Like [`attach`], but runs `card` before the context changes, and waits with `works` until the NIC works.
pub(in super::super) fn attach_with(
    setup: &Setup<'_>,
    guest: &mut Guest,
    nic: &Nic,
    card: impl FnOnce(&mut Guest) -> Result<(), Failure>,
    works: impl FnOnce(&mut Guest, &Nic) -> Result<(), Failure>,
) -> Result<(), Failure> {
    guest.vm.nics.push(nic.clone());
    let start = Instant::now();
    setup.cloud.attach(&guest.vm, &guest.id, nic)?;
    let attached = start.elapsed();
    card(guest)?;
    setup.cloud.change_context(setup.host(), &guest.vm)?;
    works(guest, nic)?;
    say(&format!(
        "      attached after {:.1} s, pinged after {:.1} s",
        attached.as_secs_f32(),
        start.elapsed().as_secs_f32()
    ));
    Ok(())
}

/// The VM has this many VFs, which are leased to it.
fn holds(setup: &Setup<'_>, guest: &Guest, count: usize) -> Result<(), Failure> {
    let mut addresses = Vec::new();
    for pool in ["enp1s0", "seed", "move", "ib0"] {
        let vfs = setup.pool(pool)?.vfs(guest.vm.id).into_iter();
        addresses.extend(vfs.map(|vf| vf.address));
    }
    addresses.sort();
    addresses.dedup();
    ensure(addresses.len() == count, || {
        format!("{count} VFs, not {addresses:?}")
    })?;
    setup.is_consistent()
}

fn has_no(guest: &mut Guest, mac: &str) -> Result<(), Failure> {
    let gone = format!("! ip -o link | grep -q {mac}");
    guest.shell.until(&gone, PATIENCE).map(drop)
}

fn is_as_before(setup: &Setup<'_>, guest: &Guest, nic: &Nic) -> Result<(), Failure> {
    holds(setup, guest, 2)?;
    let ssh = &setup.host().ssh;
    let link = ssh.get("ip link show enp1s0")?;
    ensure(!link.contains(&nic.mac()), || link.clone())?;
    let drivers = ssh.get(
        "for vf in /sys/class/net/enp1s0/device/virtfn*; do basename $(readlink $vf/driver); done",
    )?;
    ensure(
        drivers.lines().filter(|name| *name == "vfio-pci").count() <= 1,
        || format!("more than the one of the other NIC: {drivers}"),
    )
}
