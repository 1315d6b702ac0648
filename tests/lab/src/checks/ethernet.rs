//! Ethernet VFs with the identities `mac` and `dummy`.

use super::setup::Setup;
use crate::cloud::vm::{ETHERNET, Nic, PLAIN, SEED, System, VLAN, Vm};
use crate::guest::{Devices, Guest};
use crate::report::{Failure, Report, ensure};

/// The addresses that answer on the wire, untagged and in VLAN 100.
const WORLD: &str = "192.168.50.254";
const WORLD_IN_VLAN: &str = "192.168.51.254";

/// A VM with two VFs of identity `mac`, which have MAC and VLAN of the NIC, and one of identity `dummy`.
pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let vm = Vm::new(
        10,
        System::Debian,
        [
            Nic::new(PLAIN, 10),
            Nic::new(ETHERNET, 10),
            Nic::new(VLAN, 10),
            Nic::new(SEED, 20),
        ],
    );
    let [_, plain, tagged, by_dummy] = [0, 1, 2, 3].map(|number| vm.nics[number].clone());
    let Some(mut guest) = report.get(
        "a VM with three VFs and a dummy NIC is deployed and boots",
        || setup.deploy(&vm),
    ) else {
        return;
    };
    report.check("the agent ends before the network starts", || {
        is_before_network(&mut guest)
    });
    report.check(
        "the guest has the address of its context on the VF before its network is online",
        || {
            let online = Devices::from_json(&guest.shell.get("cat /run/lab-online.json", 30)?)?;
            online
                .with_hardware(&plain.mac())?
                .has(&format!("{}/24", plain.ip()))?;
            online
                .with_hardware(&tagged.mac())?
                .has(&format!("{}/24", tagged.ip()))
        },
    );
    report.check("that device is a VF", || is_vf(&mut guest, &plain.mac()));
    report.check("a ping goes over the wire through the VF", || {
        ping_through(&mut guest, &plain.mac(), WORLD)
    });
    report.check(
        "a ping goes through the VF whose VLAN the card adds",
        || ping_through(&mut guest, &tagged.mac(), WORLD_IN_VLAN),
    );
    report.check("its QEMU runs as oneadmin", || {
        let owners = setup.host().ssh.get("ps -o user= -C qemu-system-x86_64")?;
        ensure(owners.trim() == "oneadmin", || owners.clone())
    });
    report.check("the card has the MACs and the VLAN", || {
        let link = setup.host().ssh.get("ip link show enp1s0")?;
        let held = |mac: &str| {
            link.lines()
                .find(|line| line.contains(mac))
                .unwrap_or_default()
                .to_owned()
        };
        ensure(
            held(&plain.mac()).contains("vf ") && !held(&plain.mac()).contains("vlan"),
            || link.clone(),
        )?;
        ensure(held(&tagged.mac()).contains("vlan 100"), || link.clone())
    });
    report.check("KVM exits the guest right after its interrupts", || {
        // The module `vmrun` must be at work; without it, guests sometimes hang.
        let left = setup
            .host()
            .ssh
            .get("cat /sys/module/vmrun/parameters/left")?;
        ensure(left.trim().parse().is_ok_and(|left: u64| left > 0), || {
            left.clone()
        })
    });
    identified_by_dummy(setup, report, &mut guest, &by_dummy);
    setup.keep(report, &mut guest);
    report.check(
        "shutdown ends it, and its VFs are in their original state",
        || {
            setup.cloud.done("shutdown", &guest.vm, &guest.id)?;
            for (name, vfs) in [("enp1s0", 6), ("seed", 2)] {
                let pool = setup.pool(name)?;
                ensure(pool.free() == Some(vfs), || format!("{pool:?}"))?;
            }
            let link = setup.host().ssh.get("ip link show enp1s0")?;
            ensure(
                !link.contains(&plain.mac()) && !link.contains("vlan"),
                || link.clone(),
            )
        },
    );
}

/// The identity `dummy`: a pool from a map file, a plain hostdev, and a dummy NIC whose MAC has the position and the address.
fn identified_by_dummy(setup: &Setup<'_>, report: &mut Report, guest: &mut Guest, nic: &Nic) {
    const POSITION: u8 = 2;
    report.check(
        "the VF of the NIC with a dummy NIC is one of the map",
        || {
            let vfs = setup.pool("seed")?.vfs(guest.vm.id);
            let mut of_map = vfs.iter();
            let is_leased = of_map.any(|vf| {
                vf.position == u64::from(POSITION)
                    && ["0000:01:11.0", "0000:01:11.2"].contains(&vf.address.as_str())
            });
            ensure(is_leased, || format!("{vfs:?}"))
        },
    );
    report.check("it has the address of the context, and pings", || {
        guest
            .devices()?
            .with_hardware(&nic.mac())?
            .has(&format!("{}/24", nic.ip()))?;
        is_vf(guest, &nic.mac())?;
        ping_through(guest, &nic.mac(), WORLD)
    });
    report.check("the agent reports the position of the dummy NIC", || {
        let said = guest.shell.get("one-sriov-agent status 2>/dev/null", 30)?;
        let expected = format!("is the dummy NIC of position {POSITION}, left unmanaged");
        ensure(said.contains(&expected), || said.clone())
    });
    report.check("the dummy NIC is down and unmanaged", || {
        let dummy = format!("aa:{POSITION:02x}:{}", nic.key());
        guest.devices()?.with_hardware(&dummy)?.is_left_alone()
    });
    report.check("the network was online without it", || {
        let failed = guest
            .shell
            .get("systemctl --failed --no-legend --plain", 30)?;
        ensure(failed.is_empty(), || failed.clone())
    });
}

/// systemd must report that the agent ended before the network daemon started.
pub(crate) fn is_before_network(guest: &mut Guest) -> Result<(), Failure> {
    let mut time = |unit: &str, property: &str| -> Result<u64, Failure> {
        let text = guest
            .shell
            .get(&format!("systemctl show -P {property} {unit}"), 30)?;
        text.trim()
            .parse()
            .map_err(|_| Failure::new(format!("{property} of {unit} is '{text}'")))
    };
    let agent = time("one-sriov-agent", "ExecMainExitTimestampMonotonic")?;
    let network = time("systemd-networkd", "ExecMainStartTimestampMonotonic")?;
    ensure(0 < agent && agent < network, || {
        format!("the agent ended at {agent} us, the network began at {network} us")
    })
}

fn is_vf(guest: &mut Guest, mac: &str) -> Result<(), Failure> {
    let name = guest.devices()?.with_hardware(mac)?.name.clone();
    let driver = guest.shell.get(
        &format!("basename $(readlink -f /sys/class/net/{name}/device/driver)"),
        30,
    )?;
    ensure(driver.trim() == "igbvf", || {
        format!("'{name}' is of driver '{driver}'")
    })
}

/// Pings an address through one device only.
pub(crate) fn ping_through(guest: &mut Guest, mac: &str, address: &str) -> Result<(), Failure> {
    let name = guest.devices()?.with_hardware(mac)?.name.clone();
    guest
        .shell
        .until(
            &format!("ping -c 1 -W 2 -I {name} {address} >/dev/null 2>&1"),
            30,
        )
        .map(drop)
}
