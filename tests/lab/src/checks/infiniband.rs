//! InfiniBand VFs: matched by GUID and by position; and a check that the checks by GUID can fail.

use super::guid::{GUIDS, SWITCHES, carry_guid, newcomer};
use super::hotplug::attach_with;
use super::setup::Setup;
use crate::cloud::vm::{INFINIBAND, Nic, PARTITION, PLAIN, System, Vm};
use crate::guest::{Devices, Guest};
use crate::report::{Failure, Report, ensure};

/// Three NICs with the last position first on the bus, which the guest's driver probes in another order.
pub(crate) fn by_guid(setup: &mut Setup<'_>, report: &mut Report) {
    let nics = [
        Nic::new(PLAIN, 30),
        Nic::new(INFINIBAND, 30)
            .at_slot(0x12)
            .with_ip6("fd00:7::30"),
        Nic::new(INFINIBAND, 31).at_slot(0x11),
        Nic::new(PARTITION, 32).at_slot(0x10),
    ];
    let vm = Vm::new(30, System::Debian, nics);
    let nics = vm.nics[1..].to_vec();
    let Some(mut guest) = report.get(
        "a VM with three InfiniBand VFs is deployed and boots",
        || setup.deploy(&vm),
    ) else {
        return;
    };
    report.check(
        "the driver has set node and port GUIDs and the link state",
        || {
            let guids = setup.host().ssh.get(GUIDS)?;
            let vfs = setup.pool("ib0")?.vfs(30);
            ensure(vfs.len() == nics.len(), || format!("{vfs:?}"))?;
            for (position, vf) in (0..).zip(vfs) {
                let guid = nics[usize::from(position)].guid(position).replace(':', "");
                let line = format!("{} node={guid} port={guid} link=auto", vf.index);
                ensure(guids.lines().any(|known| known == line), || {
                    format!("no '{line}' in:\n{guids}")
                })?;
            }
            Ok(())
        },
    );
    inside(report, &mut guest, &nics);
    report.check(
        "a fourth NIC is attached, and found by the GUID that the driver has set",
        || attached(setup, &mut guest),
    );
    setup.keep(report, &mut guest);
    report.check(
        "cancel ends it, and its VFs are free and have none of its GUIDs",
        || {
            setup.cancel(&guest)?;
            let pool = setup.pool("ib0")?;
            ensure(pool.free() == Some(4), || format!("{pool:?}"))?;
            let guids = setup.host().ssh.get(GUIDS)?;
            let left = (0..)
                .zip(&nics)
                .find(|(position, nic)| guids.contains(&nic.guid(*position).replace(':', "")));
            ensure(left.is_none(), || guids.clone())
        },
    );
}

/// Checks the guest.
fn inside(report: &mut Report, guest: &mut Guest, nics: &[Nic]) {
    for position in [0, 1] {
        let nic = nics[usize::from(position)].clone();
        report.check(
            &format!("NIC {position} is found by its GUID, whatever its place on the bus"),
            || is_by_guid(&guest.devices()?, &nic, position),
        );
    }
    report.check("the agent reports that it matched them by GUID", || {
        for number in [1, 2, 3] {
            let command = format!("one-sriov-agent explain ETH{number} 2>/dev/null | head -n 1");
            let said = guest.shell.get(&command, 30)?;
            ensure(said.contains("GUID"), || said.clone())?;
        }
        Ok(())
    });
    report.check("MTU and IPv6 address are those of the context", || {
        let devices = guest.devices()?;
        let device = devices.with_hardware(&nics[0].guid(0))?;
        ensure(device.mtu == 2044, || format!("{device:?}"))?;
        device.has("fd00:7::30/64")
    });
    report.check(
        "the partition's device has the P_Key and the address",
        || {
            let devices = guest.devices()?;
            let child = devices.with_address(&format!("{}/24", nics[2].ip()))?;
            let shown = guest
                .shell
                .get(&format!("ip -d link show {}", child.name), 30)?;
            ensure(
                shown.contains("ipoib pkey  0x8001") || shown.contains("ipoib pkey 0x8001"),
                || shown.clone(),
            )?;
            ensure(child.hardware.ends_with(&nics[2].guid(2)), || {
                format!("{child:?}")
            })
        },
    );
    report.check("all dummy NICs are unmanaged", || {
        let devices = guest.devices()?;
        (0..).zip(nics).try_for_each(|(position, nic): (u8, &Nic)| {
            devices
                .with_hardware(&format!("aa:{position:02x}:{}", nic.key()))?
                .is_left_alone()
        })
    });
    report.check("a ping goes from one port to the other, by IPv4 and IPv6", || {
        let devices = guest.devices()?;
        let other = devices.with_hardware(&nics[1].guid(1))?.name.clone();
        guest.shell.get(
            &format!(
                "ip netns add far && ip link set {other} netns far && ip -n far link set {other} up && \
                 ip -n far address add 192.168.7.99/24 dev {other} && \
                 ip -n far address add fd00:7::99/64 dev {other} nodad"
            ),
            30,
        )?;
        guest.ping("192.168.7.99")?;
        guest.ping("fd00:7::99")
    });
}

/// Attaches a NIC while the VM runs.
fn attached(setup: &Setup<'_>, guest: &mut Guest) -> Result<(), Failure> {
    const POSITION: u8 = 3;
    let nic = Nic::new(INFINIBAND, 33);
    let carry = |guest: &mut Guest| {
        let address = newcomer(guest)?;
        let (pool, guids) = (setup.pool("ib0")?, setup.host().ssh.get(GUIDS)?);
        carry_guid(guest, &pool, &guids, POSITION, &address)
    };
    attach_with(setup, guest, &nic, carry, |guest, nic| {
        guest.wait_for_address(nic)?;
        is_by_guid(&guest.devices()?, nic, POSITION)?;
        guest.ping("192.168.7.99")
    })
}

/// A card that refuses GUIDs: the devices are matched by their order on the bus.
pub(crate) fn by_position(setup: &mut Setup<'_>, report: &mut Report) {
    let vm = Vm::new(
        35,
        System::Tiny,
        [
            Nic::new(INFINIBAND, 35).at_slot(0x10),
            Nic::new(INFINIBAND, 36).at_slot(0x11),
        ],
    );
    let nics = vm.nics.clone();
    if !report.check("the card refuses GUIDs from now on", || {
        set(setup, "refuse_guids", true)
    }) {
        return;
    }
    let guest = report.get(
        "a VM with two InfiniBand VFs is deployed nevertheless",
        || setup.deploy(&vm),
    );
    if let Some(mut guest) = guest {
        report.check("each NIC is found by its position", || {
            let devices = guest.devices()?;
            for (nic, address) in nics.iter().zip(["0000:00:10.0", "0000:00:11.0"]) {
                let device = devices.with_address(&format!("{}/24", nic.ip()))?;
                let pci = guest.shell.get(
                    &format!(
                        "basename $(readlink -f /sys/class/net/{}/device)",
                        device.name
                    ),
                    30,
                )?;
                ensure(pci.trim() == address, || {
                    format!("'{}' is '{}' at {pci}", nic.ip(), device.name)
                })?;
            }
            Ok(())
        });
        report.check("the names are in another order than the positions", || {
            let first = guest
                .devices()?
                .with_address(&format!("{}/24", nics[0].ip()))?
                .name
                .clone();
            ensure(first == "ib1", || format!("position 0 is '{first}'"))
        });
        setup.keep(report, &mut guest);
        report.check("cancel ends it", || setup.cancel(&guest));
    }
    report.check("the card accepts GUIDs again", || {
        set(setup, "refuse_guids", false)
    });
}

/// The checks by GUID must fail if no GUIDs are written.
pub(crate) fn mutation(setup: &mut Setup<'_>, report: &mut Report) {
    let vm = |id, last| {
        let nics = [
            Nic::new(INFINIBAND, last).at_slot(0x11),
            Nic::new(INFINIBAND, last + 1).at_slot(0x10),
        ];
        Vm::new(id, System::Tiny, nics)
    };
    let check = |report: &mut Report, vm: Vm, name: &str, holds: bool| {
        let nics = vm.nics.clone();
        let Some(mut guest) = report.get(&format!("{name}: a VM is deployed and boots"), || {
            setup.deploy(&vm)
        }) else {
            return;
        };
        let Some(devices) = report.get(&format!("{name}: the guest lists its devices"), || {
            guest.devices()
        }) else {
            return;
        };
        for (position, nic) in (0..).zip(&nics) {
            let verdict = if holds { "holds" } else { "fails" };
            report.check(
                &format!("{name}: the check of NIC {position} by GUID {verdict}"),
                || match is_by_guid(&devices, nic, position) {
                    Ok(()) if !holds => Err(Failure::new("it holds though no GUID was written")),
                    Err(failure) if holds => Err(failure),
                    _ => Ok(()),
                },
            );
        }
        setup.keep(report, &mut guest);
        report.check(&format!("{name}: cancel ends it"), || setup.cancel(&guest));
    };
    check(report, vm(36, 60), "GUIDs are written", true);
    if report.check("the card ignores GUIDs from now on", || {
        set(setup, "ignore_guids", true)
    }) {
        check(report, vm(37, 64), "GUIDs are dropped", false);
        report.check("the card stores GUIDs again", || {
            set(setup, "ignore_guids", false)
        });
    }
}

/// The device with the GUID of this NIC has its address.
fn is_by_guid(devices: &Devices, nic: &Nic, position: u8) -> Result<(), Failure> {
    devices
        .with_hardware(&nic.guid(position))?
        .has(&format!("{}/24", nic.ip()))
}

fn set(setup: &Setup<'_>, switch: &str, on: bool) -> Result<(), Failure> {
    setup
        .host()
        .ssh
        .get(&format!("echo {} > {SWITCHES}/{switch}", u8::from(on)))
        .map(drop)
}
