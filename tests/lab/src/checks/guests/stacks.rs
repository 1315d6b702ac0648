//! A guest of each network stack.

use super::{dummies_are_left_alone, has_all, is_running, keep, start, vm};
use crate::cloud::documents;
use crate::images::STACKS;
use crate::lab::Lab;
use crate::local::Local;
use crate::report::{Failure, Report, ensure};

/// Each network stack has what the context says.
pub(super) fn run(lab: &Lab, report: &mut Report) {
    let vm = vm(60);
    let context = documents::context(&vm);
    let Some(guests) = report.get("a guest of each network stack starts", || {
        STACKS
            .iter()
            .map(|stack| start(lab, stack, stack, &vm, Some(&context)))
            .collect::<Result<Vec<Local>, Failure>>()
    }) else {
        return;
    };
    for (stack, mut guest) in STACKS.iter().zip(guests) {
        let before = report.failures();
        report.check(&format!("{stack}: it boots, and no unit fails"), || {
            is_running(&mut guest)
        });
        report.check(
            &format!("{stack}: all NICs have what the context says"),
            || has_all(&mut guest, &vm),
        );
        report.check(
            &format!("{stack}: and had it when the network was online"),
            || {
                let online = guest.shell.get("cat /run/lab-online.json", 30)?;
                ensure(
                    vm.nics[..2].iter().all(|nic| online.contains(&nic.ip())),
                    || online.clone(),
                )
            },
        );
        report.check(&format!("{stack}: dummy NICs are left alone"), || {
            dummies_are_left_alone(&mut guest, &vm)
        });
        keep(lab, report, before, &mut guest);
    }
}
