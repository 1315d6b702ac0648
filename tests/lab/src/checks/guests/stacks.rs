//! A guest for each network stack, with a NIC of every kind.

use super::{devices, is_running, keep, start, vm};
use crate::cloud::documents;
use crate::cloud::vm::{
    CONNECTED, CONNECTED_PARTITION, DATAGRAM, DATAGRAM_PARTITION, Nic, PASSED, Vm,
};
use crate::images::STACKS;
use crate::lab::Lab;
use crate::local::Local;
use crate::report::{Failure, Report, ensure};

/// Checks that each network stack configures what the context specifies.
///
/// Runs at most `at_once` guests at the same time: on an overloaded machine the CD appears later than the agent waits.
pub(super) fn run(lab: &Lab, at_once: usize, report: &mut Report) {
    let vm = with_all_kinds(vm(60));
    for stacks in STACKS.chunks(at_once) {
        some(lab, report, stacks, &vm);
    }
}

/// Boots a guest for each of these network stacks at the same time.
fn some(lab: &Lab, report: &mut Report, stacks: &[&str], vm: &Vm) {
    let context = documents::context(vm);
    let name = format!("guests start: {}", stacks.join(", "));
    let Some(guests) = report.get(&name, || {
        stacks
            .iter()
            .map(|stack| start(lab, stack, stack, vm, Some(&context)))
            .collect::<Result<Vec<Local>, Failure>>()
    }) else {
        return;
    };
    for (stack, mut guest) in stacks.iter().zip(guests) {
        let before = report.failures();
        let guest = &mut guest;
        report.check(&format!("{stack}: it boots, and no unit fails"), || {
            is_running(guest)
        });
        report.check(
            &format!("{stack}: all NICs have what the context says"),
            || devices::have_addresses(guest, vm),
        );
        report.check(
            &format!("{stack}: and had it when the network was online"),
            || {
                let online = guest.shell.get("cat /run/lab-online.json", 30)?;
                let late = vm.nics.iter().find(|nic| !online.contains(&nic.ip()));
                ensure(late.is_none(), || format!("not {late:?}: {online}"))
            },
        );
        report.check(
            &format!("{stack}: transport modes and MTUs are those of the context"),
            || devices::have_modes_and_mtus(guest, vm),
        );
        report.check(&format!("{stack}: dummy NICs are unmanaged"), || {
            devices::of_dummies_are_left_alone(guest, vm)
        });
        keep(lab, report, before, guest);
    }
}

/// Adds a NIC for each transport mode with its largest MTU, on a port and on a partition, matched by GUID and by position, and
/// a NIC that is passed through, in a VLAN.
fn with_all_kinds(mut vm: Vm) -> Vm {
    let last = vm.nics[0].last;
    vm.nics.extend([
        Nic::new(DATAGRAM, last).with_mode("datagram"),
        Nic::new(CONNECTED, last).with_mode("connected"),
        Nic::new(DATAGRAM_PARTITION, last)
            .with_mode("datagram")
            .without_guid(),
        Nic::new(CONNECTED_PARTITION, last)
            .with_mode("connected")
            .without_guid(),
        Nic::new(PASSED, last).with_ip6("fd00:9::5").at_slot(0x1e),
    ]);
    vm
}
