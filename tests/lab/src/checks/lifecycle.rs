//! Many deployments at once, full pools, and VMs, drivers and hosts that crash.

use std::thread;

use super::ethernet::ping_through;
use super::isolation;
use super::setup::Setup;
use crate::cloud::vm::{ETHERNET, INFINIBAND, Nic, PLAIN, SEED, System, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure};

const WORLD: &str = "192.168.50.254";
/// One VM for each VF of the Ethernet card.
const VMS: [u32; 6] = [40, 41, 42, 43, 44, 45];

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    at_once(setup, report);
    exhausted(setup, report);
    killed(setup, report);
}

/// Starts a VM for each VF at the same time.
fn at_once(setup: &Setup<'_>, report: &mut Report) {
    let vms = VMS.map(|id| tiny(id, ETHERNET));
    let Some(guests) = report.get("six VMs start at once, one for each VF", || {
        setup.deploy_at_once(vms)
    }) else {
        return;
    };
    let mut guests = Vec::from(guests);
    report.check("each has a VF of its own", || {
        let mut held = setup.pool("enp1s0")?.held();
        held.sort();
        let mut vms: Vec<u64> = held.iter().map(|(vm, _)| *vm).collect();
        vms.dedup();
        let mut vfs: Vec<&String> = held.iter().map(|(_, vf)| vf).collect();
        vfs.sort();
        vfs.dedup();
        ensure(vms == VMS.map(u64::from) && vfs.len() == vms.len(), || {
            format!("{held:?}")
        })?;
        setup.is_consistent()
    });
    report.check("each pings through its VF", || {
        guests.iter_mut().try_for_each(|guest| {
            let mac = guest.vm.nics[1].mac();
            ping_through(guest, &mac, WORLD)
        })
    });
    report.check(
        "a VM powers itself off, and the next probe counts its VF as free",
        || {
            let before = setup.probe("SRIOV_ENP1S0_FREE")?;
            let mut guest = guests.remove(0);
            power_off(setup, &mut guest)?;
            let after = setup.probe("SRIOV_ENP1S0_FREE")?;
            ensure(after == before + 1, || {
                format!("{before} were free, now {after}")
            })
        },
    );
    for guest in &mut guests {
        setup.keep(report, guest);
    }
    report.check("cancel ends the others, and all VFs are free", || {
        guests.iter().try_for_each(|guest| setup.cancel(guest))?;
        let pool = setup.pool("enp1s0")?;
        ensure(pool.free() == Some(6), || format!("{pool:?}"))
    });
}

/// Asks for three VFs of a pool of two.
fn exhausted(setup: &Setup<'_>, report: &mut Report) {
    let vms = [tiny(46, SEED), tiny(47, SEED)];
    let deployed = report.get("two VMs take all VFs of a pool", || {
        setup.deploy_at_once(vms)
    });
    let Some([mut first, mut second]) = deployed else {
        return;
    };
    report.check(
        "a third is refused; the message counts the VFs and names their VMs",
        || {
            let vm = tiny(48, SEED);
            setup.cloud.prepare(setup.host(), &vm)?;
            let answer = setup.cloud.call_deploy(&vm)?;
            ensure(!answer.success, || "it was deployed".into())?;
            let told = ["seed", "2", "VM 46", "VM 47"]
                .iter()
                .all(|word| answer.info.contains(word));
            ensure(told, || format!("oned hears '{}'", answer.info))
        },
    );
    report.check("the running VMs keep their VFs, and ping", || {
        for guest in [&mut first, &mut second] {
            let mac = guest.vm.nics[1].mac();
            ping_through(guest, &mac, WORLD)?;
        }
        setup.is_consistent()
    });
    isolation::check(report, &mut first, &mut second);
    report.check(
        "when one powers itself off, the next deployment gets its VF",
        || {
            let freed = setup.pool("seed")?.vfs(46);
            power_off(setup, &mut first)?;
            let guest = setup.deploy(&tiny(52, SEED))?;
            let got = setup.pool("seed")?.vfs(52);
            ensure(
                !freed.is_empty() && freed[0].address == got[0].address,
                || format!("{freed:?} was free, it got {got:?}"),
            )?;
            setup.cancel(&guest)
        },
    );
    setup.keep(report, &mut second);
    report.check("cancel ends the other", || setup.cancel(&second));
}

/// Kills the driver and its children once they have leased a VF.
fn killed(setup: &Setup<'_>, report: &mut Report) {
    let vm = tiny(49, ETHERNET);
    let lease = "ls /run/one-sriov/enp1s0/* 2>/dev/null | grep -q .";
    let ended = report.check("a deployment is killed when it has just got its VF", || {
        setup.cloud.prepare(setup.host(), &vm)?;
        thread::scope(|scope| {
            let deployment = scope.spawn(|| setup.cloud.call_deploy(&vm));
            let wait = format!("until {lease}; do sleep 0.02; done");
            setup.host().ssh.get(&format!("timeout 60 sh -c '{wait}' && pkill -KILL -f '[o]ne-sriov-driver.*deploy'; pkill -KILL -f 'kvm/[d]eploy'; pkill -KILL -f '[v]irsh.*create'; true"))?;
            let answer = deployment.join().map_err(|_| Failure::new("the thread of the deployment died"))??;
            ensure(!answer.success, || format!("the cloud was told '{}'", answer.info))
        })
    });
    if !ended {
        return;
    }
    report.check("no VF is lost or leased twice", || {
        // libvirt may still start the VM; otherwise the lease goes stale.
        let mut told = Ok(());
        for _ in 0..60 {
            setup.host().ssh.get("su oneadmin -c 'cd && /var/tmp/one/im/kvm-probes.d/host/system/sriov' >/dev/null </dev/null")?;
            told = setup.is_consistent();
            if told.is_ok() {
                break;
            }
            thread::sleep(std::time::Duration::from_secs(2));
        }
        told
    });
    report.check(
        "OpenNebula cleans up and tries again, and the VM gets its VF",
        || {
            let _ = setup.cloud.act("cancel", &vm, &vm.name())?;
            let guest = setup.deploy(&vm)?;
            let vfs = setup.pool("enp1s0")?.vfs(49);
            ensure(vfs.len() == 1, || format!("{vfs:?}"))?;
            setup.cancel(&guest)?;
            setup.is_consistent()
        },
    );
}

/// Cuts the host's power while VMs run.
pub(crate) fn crash(setup: &mut Setup<'_>, report: &mut Report) {
    let vms = [tiny(50, ETHERNET), tiny(51, INFINIBAND)];
    let deployed = report.get("two VMs run", || setup.deploy_at_once(vms));
    if deployed.is_none() {
        return;
    }
    if !report.check("the host loses its power, and boots", || setup.crash()) {
        return;
    }
    report.check("no lease of the previous boot is left", || {
        for (name, count) in [("enp1s0", 6), ("ib0", 4)] {
            let pool = setup.pool(name)?;
            ensure(pool.free() == Some(count), || format!("{pool:?}"))?;
        }
        Ok(())
    });
    report.check("a VM is deployed again", || {
        let mut guest = setup.deploy(&tiny(50, ETHERNET))?;
        let mac = guest.vm.nics[1].mac();
        ping_through(&mut guest, &mac, WORLD)?;
        setup.cancel(&guest)
    });
}

/// A small VM with a plain NIC and a VF.
fn tiny(id: u32, network: crate::cloud::vm::Network) -> Vm {
    let last = u8::try_from(id).unwrap_or_default();
    Vm::new(
        id,
        System::Tiny,
        [Nic::new(PLAIN, last), Nic::new(network, last)],
    )
}

/// Powers a guest off from inside, and waits until its domain is gone.
fn power_off(setup: &Setup<'_>, guest: &mut Guest) -> Result<(), Failure> {
    // This fails, because the connection breaks.
    let _ = guest.shell.run("poweroff -f", 5);
    let name = guest.vm.name();
    setup
        .host()
        .ssh
        .until(&format!("! virsh domstate {name} >/dev/null 2>&1"), 60)
        .map(drop)
}
