//! Attaching NICs to a running VM, and detaching them.

use std::time::Instant;

use super::ethernet::ping_through;
use super::setup::Setup;
use crate::cloud::vm::{ETHERNET, Nic, PLAIN, SEED, System, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure, say};

const WORLD: &str = "192.168.50.254";
/// How many seconds a device may take to disappear from a guest.
const PATIENCE: u64 = 60;

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let vm = Vm::new(50, System::Debian, [Nic::new(PLAIN, 50)]);
    let Some(mut guest) = report.get("a VM without VFs is deployed and boots", || {
        setup.deploy(&vm)
    }) else {
        return;
    };
    let [libvirt, seed] = [ETHERNET, SEED].map(|network| Nic::new(network, 50));
    report.check(
        "an Ethernet NIC is attached, gets its address and pings",
        || attach(setup, &mut guest, &libvirt),
    );
    report.check(
        "a NIC of 2013 is attached with its dummy NIC, and pings",
        || {
            attach(setup, &mut guest, &Nic { last: 51, ..seed })?;
            let dummy = format!("aa:01:{}", guest.vm.nics[2].key());
            guest.devices()?.with_hardware(&dummy)?.is_left_alone()
        },
    );
    report.check("every VF that the VM holds is leased to it", || {
        ensure(held(setup)? == 2, || "the VM has two VFs".to_owned())?;
        setup.is_consistent()
    });
    report.check("suspended, the VM holds no VF", || {
        let start = Instant::now();
        setup.cloud.save(&guest.vm, &guest.id)?;
        say(&format!(
            "      suspended after {:.1} s",
            start.elapsed().as_secs_f32()
        ));
        ensure(held(setup)? == 0, || "it has leases still".to_owned())?;
        setup.is_consistent()
    });
    report.check(
        "resumed, it has VFs with the same addresses, and pings",
        || {
            let start = Instant::now();
            setup.cloud.restore(&guest.vm, &guest.id)?;
            let resumed = start.elapsed();
            guest.shell = setup.host().guest_shell(guest.vm.id)?;
            for nic in guest.vm.nics.clone().into_iter().skip(1) {
                has_address(&mut guest, &nic)?;
            }
            say(&format!(
                "      resumed after {:.1} s, pinged after {:.1} s",
                resumed.as_secs_f32(),
                start.elapsed().as_secs_f32()
            ));
            ensure(held(setup)? == 2, || "the VM has two VFs".to_owned())?;
            setup.is_consistent()
        },
    );
    report.check(
        "the Ethernet NIC is detached, and its VF is free and in its original state",
        || {
            let nic = guest.vm.nics.remove(1);
            setup.cloud.detach(&guest.vm, &guest.id, &nic)?;
            is_gone(&mut guest, &nic)?;
            is_as_before(setup, &nic)
        },
    );
    report.check(
        "a paused guest doesn't release its VF, and the lease stays",
        || {
            setup.host().ssh.get("virsh suspend one-50")?;
            let nic = guest.vm.nics[1].clone();
            let answer = setup.cloud.try_detach(&guest.vm, &guest.id, &nic)?;
            let said = "the guest has not released VF 'seed/";
            ensure(!answer.success && answer.info.contains(said), || {
                format!("{answer:?}")
            })?;
            let held = setup.pool("seed")?.vfs(50);
            ensure(held.len() == 1, || format!("{held:?}"))
        },
    );
    report.check(
        "once the guest runs again it releases the VF, and the probe counts it as free",
        || {
            setup.host().ssh.get("virsh resume one-50")?;
            let nic = guest.vm.nics.remove(1);
            is_gone(&mut guest, &nic)?;
            setup.probe("SRIOV_SEED_FREE")?;
            let pool = setup.pool("seed")?;
            ensure(pool.free() == Some(2), || format!("{pool:?}"))?;
            let dummy = format!("aa:01:{}", nic.key());
            has_no(&mut guest, &dummy)
        },
    );
    setup.keep(report, &mut guest);
    report.check("cancel ends the VM", || setup.cancel(&guest));
}

/// Attaches a NIC as the front-end does, with an updated context CD, and waits until the NIC works.
fn attach(setup: &Setup<'_>, guest: &mut Guest, nic: &Nic) -> Result<(), Failure> {
    attach_with(setup, guest, nic, |_| Ok(()), has_address)
}

/// Like [`attach`], but runs `card` before the context changes, and waits with `works` until the NIC works.
pub(super) fn attach_with(
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

/// Waits until the NIC has its address from the context and a ping through its VF is answered.
fn has_address(guest: &mut Guest, nic: &Nic) -> Result<(), Failure> {
    guest.wait_for_address(nic)?;
    ping_through(guest, &nic.mac(), WORLD)
}

/// Counts the VFs of the card that are leased to the VM.
fn held(setup: &Setup<'_>) -> Result<usize, Failure> {
    let mut addresses = Vec::new();
    for pool in ["enp1s0", "seed"] {
        let vfs = setup.pool(pool)?.vfs(50).into_iter();
        addresses.extend(vfs.map(|vf| vf.address));
    }
    addresses.sort();
    addresses.dedup();
    Ok(addresses.len())
}

fn is_gone(guest: &mut Guest, nic: &Nic) -> Result<(), Failure> {
    has_no(guest, &nic.mac())
}

fn has_no(guest: &mut Guest, mac: &str) -> Result<(), Failure> {
    let gone = format!("! ip -o link | grep -q {mac}");
    guest.shell.until(&gone, PATIENCE).map(drop)
}

fn is_as_before(setup: &Setup<'_>, nic: &Nic) -> Result<(), Failure> {
    ensure(held(setup)? == 1, || {
        "only that of the other NIC is left".to_owned()
    })?;
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
