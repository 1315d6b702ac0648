//! Many deployments at once, full pools, and VMs, drivers and hosts that crash.

use std::thread;

use super::ethernet::ping_through;
use super::isolation;
use super::setup::Setup;
use crate::cloud::vm::{ETHERNET, INFINIBAND, Network, Nic, PLAIN, SEED, System, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure};

const WORLD: &str = "192.168.50.254";

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    full(setup, report);
    killed(setup, report);
}

/// Three VMs that need all VFs of the Ethernet card: two with a VF of its map file and another one, one with two of the others.
fn vms() -> [Vm; 3] {
    [
        tiny(40, &[SEED, ETHERNET]),
        tiny(41, &[SEED, ETHERNET]),
        tiny(42, &[ETHERNET, ETHERNET]),
    ]
}

/// Starts VMs at the same time until no VF is left, and asks for more.
fn full(setup: &Setup<'_>, report: &mut Report) {
    let Some(guests) = report.get(
        "three VMs start at once, and take all VFs of the card",
        || setup.deploy_at_once(vms()),
    ) else {
        return;
    };
    let [mut first, mut second, mut third] = guests;
    report.check("each VF belongs to one VM only", || {
        let mut held = setup.pool("enp1s0")?.held();
        held.sort();
        let vms: Vec<u64> = held.iter().map(|(vm, _)| *vm).collect();
        let mut vfs: Vec<&String> = held.iter().map(|(_, vf)| vf).collect();
        vfs.sort();
        vfs.dedup();
        ensure(
            vms == [40, 40, 41, 41, 42, 42] && vfs.len() == vms.len(),
            || format!("{held:?}"),
        )?;
        setup.is_consistent()
    });
    report.check(
        "a fourth is refused; the message counts the VFs and names their VMs",
        || {
            let vm = tiny(48, &[SEED]);
            setup.cloud.prepare(setup.host(), &vm)?;
            let answer = setup.cloud.call_deploy(&vm)?;
            ensure(!answer.success, || "it was deployed".into())?;
            let told = ["seed", "2", "VM 40", "VM 41"]
                .iter()
                .all(|word| answer.info.contains(word));
            ensure(told, || format!("oned hears '{}'", answer.info))
        },
    );
    report.check(
        "the running VMs keep their VFs, and ping through each",
        || {
            for guest in [&mut first, &mut second, &mut third] {
                for nic in guest.vm.nics.clone().iter().skip(1) {
                    ping_through(guest, &nic.mac(), WORLD)?;
                }
            }
            setup.is_consistent()
        },
    );
    isolation::check(report, &mut first, &mut second);
    let freed = report.get(
        "a VM powers itself off, and the next probe counts its VFs as free",
        || {
            let before = setup.probe("SRIOV_ENP1S0_FREE")?;
            let freed = setup.pool("seed")?.vfs(first.vm.id);
            power_off(setup, &mut first)?;
            let after = setup.probe("SRIOV_ENP1S0_FREE")?;
            ensure(after == before + 2, || {
                format!("{before} were free, now {after}")
            })?;
            Ok(freed)
        },
    );
    if let Some(freed) = freed {
        report.check("the next deployment gets the VF of the map file", || {
            let guest = setup.deploy(&tiny(43, &[SEED]))?;
            let got = setup.pool("seed")?.vfs(43);
            ensure(freed.len() == 1 && got.len() == 1, || {
                format!("{freed:?}, {got:?}")
            })?;
            ensure(freed[0].address == got[0].address, || {
                format!("{freed:?} was free, it got {got:?}")
            })?;
            setup.cancel(&guest)
        });
    }
    for guest in [&mut second, &mut third] {
        setup.keep(report, guest);
    }
    report.check("cancel ends the others, and all VFs are free", || {
        setup.cancel(&second)?;
        setup.cancel(&third)?;
        let pool = setup.pool("enp1s0")?;
        ensure(pool.free() == Some(6), || format!("{pool:?}"))
    });
}

/// Kills the driver and its children once they have leased a VF.
fn killed(setup: &Setup<'_>, report: &mut Report) {
    let vm = tiny(49, &[ETHERNET]);
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

/// Cuts the host's power while a VM runs.
pub(crate) fn crash(setup: &mut Setup<'_>, report: &mut Report) {
    let vm = tiny(50, &[ETHERNET, INFINIBAND]);
    let deployed = report.get("a VM with a VF of each card runs", || setup.deploy(&vm));
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
    report.check("the VM is deployed again, and pings", || {
        let mut guest = setup.deploy(&vm)?;
        let mac = guest.vm.nics[1].mac();
        ping_through(&mut guest, &mac, WORLD)?;
        setup.cancel(&guest)
    });
}

/// A small VM with a plain NIC, and a VF of each network.
fn tiny(id: u32, networks: &[Network]) -> Vm {
    let last = u8::try_from(id).unwrap_or_default();
    let nics = (last..).step_by(20).zip([PLAIN].iter().chain(networks));
    let nics: Vec<Nic> = nics
        .map(|(last, network)| Nic::new(*network, last))
        .collect();
    Vm::new(id, System::Tiny, nics)
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
