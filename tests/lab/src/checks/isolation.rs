//! The bridge of the dummy NICs forwards no traffic.

use crate::guest::Guest;
use crate::report::{Failure, Report, ensure};

/// Two VMs, each with a dummy NIC and a NIC on a normal bridge.
pub(crate) fn check(report: &mut Report, first: &mut Guest, second: &mut Guest) {
    report.check("two VMs reach each other over a bridge", || {
        let address = second.vm.nics[0].ip();
        first.ping(&address)
    });
    report.check(
        "they do not reach each other over the bridge of the dummy NICs",
        || {
            for (guest, last) in [(&mut *first, 1), (&mut *second, 2)] {
                let dummy = dummy(guest)?;
                guest.shell.get(
                    &format!(
                        "ip link set {dummy} up; ip address add 10.99.0.{last}/24 dev {dummy}"
                    ),
                    30,
                )?;
            }
            let device = dummy(first)?;
            let said = first
                .shell
                .run(&format!("ping -c 3 -W 1 -I {device} 10.99.0.2"), 60)?;
            ensure(said.text.contains(" 100% packet loss"), || {
                format!("an answer came, or ping did not ask: {}", said.text)
            })
        },
    );
    report.check(
        "a dummy NIC has no carrier, even if the guest sets it up",
        || {
            let device = dummy(first)?;
            let carrier = first
                .shell
                .get(&format!("cat /sys/class/net/{device}/carrier"), 30)?;
            ensure(carrier.trim() == "0", || carrier.clone())
        },
    );
}

fn dummy(guest: &mut Guest) -> Result<String, Failure> {
    let mac = format!("aa:00:{}", guest.vm.nics[1].key());
    Ok(guest.devices()?.with_hardware(&mac)?.name.clone())
}
