//! A VM that moves to another host while it runs, over ssh between two network namespaces.

use std::time::Instant;

use super::super::guid::GUIDS;
use super::super::setup::Setup;
use super::{PORT, PORT_POSITION, works, works_here};
use crate::cloud::vm::{Nic, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure, say};
use crate::second::{SECOND, Second};

/// Shows the VFs of the second host's card.
const CARD: &str = "ip link show enp4s0";

/// Moves the VM to a second host, and brings it back by stopping it there.
pub(super) fn run(setup: &Setup<'_>, guest: &mut Guest, report: &mut Report) {
    let second = report.get("a second host starts", || Second::start(setup.host()));
    let Some(second) = second else {
        return;
    };
    report.check(
        "libvirt refuses to migrate it: it gets VFs again, and pings",
        || is_refused(setup, &second, guest),
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
        on_the_second(setup, &second, guest, start, report);
    }
    report.check("the second host is shut down", || second.stop());
}

fn is_refused(setup: &Setup<'_>, second: &Second<'_>, guest: &mut Guest) -> Result<(), Failure> {
    let refused = setup.cloud.migrate(&guest.vm, &guest.id, SECOND);
    let said = refused.err().map(|failure| failure.to_string());
    let is_refused = |said: &String| said.contains("Unsafe migration");
    ensure(said.as_ref().is_some_and(is_refused), || {
        format!("{said:?}")
    })?;
    works_here(setup, guest)?;
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
        ensure(guest.vm.nics[PORT + 1..].iter().all(is_there), || {
            link.clone()
        })
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
            works_here(setup, guest)?;
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
