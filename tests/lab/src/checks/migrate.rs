//! A VM that moves to another host while it runs.

use std::time::Instant;

use super::ethernet::ping_through;
use super::setup::Setup;
use crate::cloud::vm::{MOVING, Nic, PLAIN, SEED, System, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure, say};
use crate::second::{SECOND, Second};

const WORLD: &str = "192.168.50.254";
/// Seconds within which a device comes to a guest.
const PATIENCE: u64 = 60;

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let second = report.get("a second host comes up beside it", || {
        Second::start(setup.host())
    });
    let Some(second) = second else {
        return;
    };
    let nics = [
        Nic::new(PLAIN, 60),
        Nic::new(MOVING, 60),
        Nic::new(SEED, 61),
    ];
    let vm = Vm::new(60, System::Debian, nics);
    let Some(mut guest) = report.get("a VM with two VFs is deployed and boots", || {
        setup.deploy(&vm)
    }) else {
        return;
    };
    report.check("both ping", || pings(&mut guest));
    report.check(
        "libvirt refuses to move it, and it has its VFs again, and pings",
        || is_refused(setup, &second, &mut guest),
    );
    // Both hosts have one disk, which libvirt cannot know.
    report.check("the operator allows it", || {
        let allow = "echo MIGRATE_OPTIONS=--unsafe >> /var/tmp/one/etc/vmm/kvm/kvmrc";
        setup.host().ssh.get(allow).map(drop)
    });
    let start = Instant::now();
    if report.check("it moves to the second host while it runs", || {
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
    pings(guest)?;
    is_free(second)?;
    setup.is_consistent()
}

/// The VM is there, and comes back by way of a file.
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
            pings(guest)?;
            say(&format!(
                "      moved after {:.1} s, pinged after {:.1} s",
                arrived.as_secs_f32(),
                start.elapsed().as_secs_f32()
            ));
            Ok(())
        },
    );
    report.check("the VFs of the second host are leased to it", || {
        for (pool, vf) in [("move", "0000:01:10.4"), ("seed", "0000:01:10.6")] {
            let held = second.pool(pool)?.vfs(60);
            ensure(held.len() == 1 && held[0].address == vf, || {
                format!("{held:?}")
            })?;
        }
        Ok(())
    });
    report.check("those of the first host are as they were before", || {
        ensure(setup.pool("enp1s0")?.held().is_empty(), || {
            "it has leases still".to_owned()
        })?;
        setup.is_consistent()?;
        // Those of the second host are of the same card.
        let link = setup.host().ssh.get("ip link show enp1s0")?;
        let has_one_vf = |nic: &Nic| link.matches(&nic.mac()).count() == 1;
        ensure(guest.vm.nics[1..].iter().all(has_one_vf), || link.clone())
    });
    report.check("stopped there, it leaves its VFs free", || {
        second.save(&guest.vm)?;
        is_free(second)?;
        let link = setup.host().ssh.get("ip link show enp1s0")?;
        ensure(!link.contains(&guest.vm.nics[1].mac()), || link.clone())
    });
    report.check(
        "resumed on the first host, it has VFs with the same addresses, and pings",
        || {
            setup.cloud.restore(&guest.vm, &guest.id)?;
            guest.shell = setup.host().guest_shell(guest.vm.id)?;
            pings(guest)?;
            setup.is_consistent()
        },
    );
}

/// No VF of the second host is leased.
fn is_free(second: &Second<'_>) -> Result<(), Failure> {
    for pool in ["move", "seed"] {
        let pool = second.pool(pool)?;
        ensure(pool.free() == Some(1), || format!("{pool:?}"))?;
    }
    Ok(())
}

/// Each VF has the address of its NIC, and reaches the world.
fn pings(guest: &mut Guest) -> Result<(), Failure> {
    for nic in guest.vm.nics.clone().into_iter().skip(1) {
        let has = format!("ip -o address | grep -q ' {}/24 '", nic.ip());
        guest.shell.until(&has, PATIENCE)?;
        ping_through(guest, &nic.mac(), WORLD)?;
    }
    Ok(())
}
