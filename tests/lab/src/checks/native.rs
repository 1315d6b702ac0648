//! PCI NICs and a NIC of a pool in one VM, which is stopped and resumed.

use std::time::Instant;

use super::ethernet::ping_through;
use super::guid::{GUIDS, carry_guid};
use super::setup::Setup;
use crate::cloud::documents;
use crate::cloud::vm::{INFINIBAND, NATIVE_ETHERNET, NATIVE_INFINIBAND, Nic, PLAIN, System, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure, say};

/// The address that answers on the wire of the Ethernet card.
const WORLD: &str = "192.168.50.254";
/// The VFs that OpenNebula chooses: the pool would also allocate the first one.
const INFINIBAND_VF: u64 = 0;
const ETHERNET_VF: u64 = 1;
/// The one that it chooses when the VM is resumed.
const OTHER_ETHERNET_VF: u64 = 2;
/// The addresses of the NICs in the VM.
const OF_POOL: usize = 1;
const NATIVE: usize = 2;
const ETHERNET: usize = 3;

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let Some(vm) = report.get("OpenNebula chooses a VF of each card", || vm(setup)) else {
        return;
    };
    let card = |vf: u64| {
        let shown = format!("ip link show enp1s0 | grep '^ *vf {vf} '");
        setup.host().ssh.get(&shown)
    };
    let both = || Ok([card(ETHERNET_VF)?, card(OTHER_ETHERNET_VF)?]);
    let Some(before) = report.get("the card shows the state of the Ethernet VFs", both) else {
        return;
    };
    let Some(mut guest) = report.get(
        "a VM with two PCI NICs and a NIC of a pool is deployed and boots",
        || setup.deploy(&vm),
    ) else {
        return;
    };
    report.check(
        "the NIC of the pool has another VF than the one that OpenNebula chose",
        || {
            let vfs = setup.pool("ib0")?.vfs(vm.id);
            let positions: Vec<u64> = vfs.iter().map(|vf| vf.position).collect();
            ensure(positions == [0, 1], || format!("{vfs:?}"))?;
            ensure(vfs[1].index == INFINIBAND_VF, || format!("{vfs:?}"))?;
            let vfs = setup.pool("enp1s0")?.vfs(vm.id);
            ensure(vfs.len() == 1 && vfs[0].position == 2, || {
                format!("{vfs:?}")
            })
        },
    );
    report.check("libvirt has OpenNebula's devices unchanged", || {
        let shown = setup
            .host()
            .ssh
            .get(&format!("virsh dumpxml {}", vm.name()))?;
        let sent = documents::domain(&vm);
        let count = |text: &str| text.matches("<hostdev ").count();
        ensure(count(&sent) == 2 && count(&shown) == 3, || shown.clone())
    });
    let places = inside(report, &mut guest);
    report.check("OpenNebula's network driver sets MAC and VLAN after the boot", || {
        let set = format!(
            "su oneadmin -c 'sudo -n ip link set enp1s0 vf {ETHERNET_VF} vlan 100 mac {} spoofchk off'",
            vm.nics[ETHERNET].mac()
        );
        setup.host().ssh.get(&set)?;
        let shown = card(ETHERNET_VF)?;
        ensure(shown != before[0] && shown.contains("vlan 100"), || shown.clone())
    });
    let is_as_before = || {
        let shown = both()?;
        ensure(shown == before, || {
            format!("before: {before:?}, after: {shown:?}")
        })?;
        has_no_vf(setup, &vm)
    };
    if let Some(places) = places {
        report.check(
            "stopped, the VM holds no VF, and all are in their original state",
            || {
                setup.cloud.save(&guest.vm, &guest.id)?;
                is_as_before()
            },
        );
        resumed(setup, report, &mut guest, &places);
    }
    setup.keep(report, &mut guest);
    report.check(
        "cancel ends it, and all VFs are in their original state",
        || {
            setup.cancel(&guest)?;
            is_as_before()
        },
    );
}

/// No VF is leased to the VM or has one of its GUIDs.
fn has_no_vf(setup: &Setup<'_>, vm: &Vm) -> Result<(), Failure> {
    let guids = setup.host().ssh.get(GUIDS)?;
    let guid = vm.nics[NATIVE].guid(1).replace(':', "");
    ensure(!guids.contains(&guid), || guids.clone())?;
    for pool in ["ib0", "enp1s0"] {
        let pool = setup.pool(pool)?;
        ensure(pool.vfs(vm.id).is_empty(), || format!("{pool:?}"))?;
    }
    Ok(())
}

/// Resumes the VM. OpenNebula has chosen another VF for its Ethernet NIC in the meantime.
fn resumed(
    setup: &Setup<'_>,
    report: &mut Report,
    guest: &mut Guest,
    places: &[(u8, usize, String)],
) {
    report.check(
        "resumed, it has the VF that OpenNebula chose for the resume",
        || {
            let chosen = address(setup, "enp1s0", OTHER_ETHERNET_VF)?;
            guest.vm.nics[ETHERNET].device = Some(chosen.clone());
            let start = Instant::now();
            setup.cloud.restore(&guest.vm, &guest.id)?;
            say(&format!(
                "      resumed after {:.1} s",
                start.elapsed().as_secs_f32()
            ));
            guest.shell = setup.host().guest_shell(guest.vm.id)?;
            let vfs = setup.pool("enp1s0")?.vfs(guest.vm.id);
            ensure(vfs.len() == 1 && vfs[0].address == chosen, || {
                format!("{vfs:?}")
            })?;
            setup.is_consistent()
        },
    );
    report.check(
        "each InfiniBand NIC has its PCI address, GUID and IP address again",
        || {
            for (position, number, place) in places {
                let (pool, guids) = (setup.pool("ib0")?, setup.host().ssh.get(GUIDS)?);
                carry_guid(guest, &pool, &guids, *position, place)?;
                let nic = guest.vm.nics[*number].clone();
                guest.wait_for_address(&nic)?;
                let devices = guest.devices()?;
                let device = devices.with_hardware(&nic.guid(*position))?;
                ensure(device.bus == *place, || format!("{device:?}"))?;
                device.has(&format!("{}/24", nic.ip()))?;
            }
            Ok(())
        },
    );
    report.check("a ping goes between them again", || ping_other_port(guest));
    report.check("the Ethernet NIC pings again", || ethernet_pings(guest));
}

/// The address of a VF of a card.
fn address(setup: &Setup<'_>, pool: &str, index: u64) -> Result<String, Failure> {
    let found = setup.pool(pool)?.address(index);
    found.ok_or_else(|| Failure::new(format!("'{pool}' has no VF {index}")))
}

fn vm(setup: &Setup<'_>) -> Result<Vm, Failure> {
    let nics = [
        Nic::new(PLAIN, 50),
        Nic::new(INFINIBAND, 50),
        Nic::new(NATIVE_INFINIBAND, 51)
            .at_slot(0x11)
            .on_device(&address(setup, "ib0", INFINIBAND_VF)?),
        Nic::new(NATIVE_ETHERNET, 52)
            .at_slot(0x12)
            .on_device(&address(setup, "enp1s0", ETHERNET_VF)?),
    ];
    Ok(Vm::new(50, System::Debian, nics))
}

/// Checks the guest, and returns position, index and PCI address of each InfiniBand NIC.
fn inside(report: &mut Report, guest: &mut Guest) -> Option<Vec<(u8, usize, String)>> {
    let places = report.get("each InfiniBand NIC has its GUID and its address", || {
        let devices = guest.devices()?;
        let mut places = Vec::new();
        for (position, number) in [(0, OF_POOL), (1, NATIVE)] {
            let nic = &guest.vm.nics[number];
            let device = devices.with_hardware(&nic.guid(position))?;
            device.has(&format!("{}/24", nic.ip()))?;
            places.push((position, number, device.bus.clone()));
        }
        Ok(places)
    });
    report.check("a ping goes from the PCI NIC to the other port", || {
        ping_other_port(guest)
    });
    report.check(
        "the Ethernet NIC is found by its PCI address, and pings",
        || ethernet_pings(guest),
    );
    places
}

/// A ping from the PCI NIC to the other port, which gets a network namespace of its own.
fn ping_other_port(guest: &mut Guest) -> Result<(), Failure> {
    let guid = guest.vm.nics[OF_POOL].guid(0);
    let other = guest.devices()?.with_hardware(&guid)?.name.clone();
    guest.shell.get(
        &format!(
            "{{ ip netns add far 2>/dev/null || true; }} && ip link set {other} netns far && \
             ip -n far link set {other} up && ip -n far address add 192.168.14.99/24 dev {other}"
        ),
        30,
    )?;
    guest.ping("192.168.14.99")
}

fn ethernet_pings(guest: &mut Guest) -> Result<(), Failure> {
    let nic = guest.vm.nics[ETHERNET].clone();
    guest.wait_for_address(&nic)?;
    let address = format!("{}/24", nic.ip());
    let mac = guest.devices()?.with_address(&address)?.hardware.clone();
    ping_through(guest, &mac, WORLD)
}
