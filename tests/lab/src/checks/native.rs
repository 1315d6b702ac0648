//! PCI NICs and a NIC of a pool in one VM.

use super::ethernet::ping_through;
use super::setup::Setup;
use crate::cloud::documents;
use crate::cloud::vm::{INFINIBAND, NATIVE_ETHERNET, NATIVE_INFINIBAND, Nic, PLAIN, System, Vm};
use crate::guest::Guest;
use crate::report::{Failure, Report, ensure};

/// The address that answers on the wire of the Ethernet card.
const WORLD: &str = "192.168.50.254";
/// The VFs that OpenNebula chooses: the pool would also allocate the first one.
const INFINIBAND_VF: u64 = 0;
const ETHERNET_VF: u64 = 1;
/// The addresses of the NICs in the VM.
const OF_POOL: usize = 1;
const NATIVE: usize = 2;
const ETHERNET: usize = 3;

pub(crate) fn run(setup: &mut Setup<'_>, report: &mut Report) {
    let Some(vm) = report.get("OpenNebula chooses a VF of each card", || vm(setup)) else {
        return;
    };
    let card = || {
        let shown = format!("ip link show enp1s0 | grep '^ *vf {ETHERNET_VF} '");
        setup.host().ssh.get(&shown)
    };
    let Some(before) = report.get("the card shows how that VF is", card) else {
        return;
    };
    let Some(mut guest) = report.get(
        "a VM with two PCI NICs and a NIC of a pool is deployed and boots",
        || setup.deploy(&vm),
    ) else {
        return;
    };
    report.check("the pool has given it another VF than OpenNebula", || {
        let vfs = setup.pool("ib0")?.vfs(vm.id);
        let positions: Vec<u64> = vfs.iter().map(|vf| vf.position).collect();
        ensure(positions == [0, 1], || format!("{vfs:?}"))?;
        ensure(vfs[1].index == INFINIBAND_VF, || format!("{vfs:?}"))?;
        let vfs = setup.pool("enp1s0")?.vfs(vm.id);
        ensure(vfs.len() == 1 && vfs[0].position == 2, || {
            format!("{vfs:?}")
        })
    });
    report.check("libvirt has got OpenNebula's devices as they were", || {
        let shown = setup
            .host()
            .ssh
            .get(&format!("virsh dumpxml {}", vm.name()))?;
        let sent = documents::domain(&vm);
        let count = |text: &str| text.matches("<hostdev ").count();
        ensure(count(&sent) == 2 && count(&shown) == 3, || shown.clone())
    });
    inside(report, &mut guest, &vm);
    report.check("OpenNebula's network driver sets MAC and VLAN after the boot", || {
        let set = format!(
            "su oneadmin -c 'sudo -n ip link set enp1s0 vf {ETHERNET_VF} vlan 100 mac {} spoofchk off'",
            vm.nics[ETHERNET].mac()
        );
        setup.host().ssh.get(&set)?;
        let shown = card()?;
        ensure(shown != before && shown.contains("vlan 100"), || shown.clone())
    });
    setup.keep(report, &mut guest);
    report.check("cancel ends it, and both VFs are as they were", || {
        setup.cancel(&guest)?;
        let shown = card()?;
        ensure(shown == before, || {
            format!("before:\n{before}\nafter:\n{shown}")
        })?;
        let guids = setup.host().ssh.get("cat /sys/class/net/ib0/vf_guids")?;
        let guid = vm.nics[NATIVE].guid(1).replace(':', "");
        ensure(!guids.contains(&guid), || guids.clone())?;
        let pool = setup.pool("ib0")?;
        ensure(pool.free() == Some(4), || format!("{pool:?}"))
    });
}

fn vm(setup: &Setup<'_>) -> Result<Vm, Failure> {
    let address = |pool: &str, index: u64| {
        let found = setup.pool(pool)?.address(index);
        found.ok_or_else(|| Failure::new(format!("'{pool}' has no VF {index}")))
    };
    let nics = [
        Nic::new(PLAIN, 50),
        Nic::new(INFINIBAND, 50),
        Nic::new(NATIVE_INFINIBAND, 51)
            .at_slot(0x11)
            .on_device(&address("ib0", INFINIBAND_VF)?),
        Nic::new(NATIVE_ETHERNET, 52)
            .at_slot(0x12)
            .on_device(&address("enp1s0", ETHERNET_VF)?),
    ];
    Ok(Vm::new(50, System::Debian, nics))
}

/// Checks the guest.
fn inside(report: &mut Report, guest: &mut Guest, vm: &Vm) {
    report.check("each InfiniBand NIC has its GUID and its address", || {
        let devices = guest.devices()?;
        for (position, number) in [(0, OF_POOL), (1, NATIVE)] {
            let nic = &vm.nics[number];
            let device = devices.with_hardware(&nic.guid(position))?;
            device.has(&format!("{}/24", nic.ip()))?;
        }
        Ok(())
    });
    report.check("a ping goes from the PCI NIC to the other port", || {
        let devices = guest.devices()?;
        let other = devices.with_hardware(&vm.nics[OF_POOL].guid(0))?.name.clone();
        guest.shell.get(
            &format!(
                "ip netns add far && ip link set {other} netns far && ip -n far link set {other} up && \
                 ip -n far address add 192.168.14.99/24 dev {other}"
            ),
            30,
        )?;
        guest.ping("192.168.14.99")
    });
    report.check(
        "the Ethernet NIC is found by its PCI address, and pings",
        || {
            let nic = &vm.nics[ETHERNET];
            let address = format!("{}/24", nic.ip());
            let mac = guest.devices()?.with_address(&address)?.hardware.clone();
            ping_through(guest, &mac, WORLD)
        },
    );
}
