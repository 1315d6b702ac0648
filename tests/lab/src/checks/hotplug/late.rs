//! An InfiniBand driver that a guest loads long after its boot.

use super::{PORT, PORT_POSITION};
use crate::guest::Guest;
use crate::report::{Report, ensure};

/// The words of the kernel's command line that keep the drivers of all VFs away.
pub(super) const NO_DRIVERS: &str = "lab.late modprobe.blacklist=igbvf";

/// Loads the driver in a guest that has booted without it.
pub(super) fn run(guest: &mut Guest, report: &mut Report) {
    let nic = guest.vm.nics[PORT].clone();
    let files = format!("grep -l '{}' /etc/systemd/network/*", nic.ip());
    report.check(
        "the file names the InfiniBand device that the position suggests, because its driver is missing",
        || {
            let found = guest.shell.get(&files, 30)?;
            ensure(found.lines().count() == 1 && found.contains("ib0"), || {
                found.clone()
            })
        },
    );
    report.check("when the driver loads, the device gets its address", || {
        guest.shell.get("modprobe fakeib && modprobe igbvf", 60)?;
        // The network daemon may be reloaded twice, and remove the address for a moment: one command must show both.
        let its = format!(
            "$(grep -l '{}$' /sys/class/net/*/address | cut -d / -f 5)",
            nic.guid(PORT_POSITION)
        );
        let told = format!(
            "ip -o address show dev \"{its}\" | grep -q ' {}/24 '",
            nic.ip()
        );
        guest.shell.until(&told, 60).map(drop)
    });
    report.check("the file now names the real device", || {
        let guid = nic.guid(PORT_POSITION);
        let name = guest.devices()?.with_hardware(&guid)?.name.clone();
        let found = guest.shell.get(&files, 30)?;
        ensure(
            name != "ib0" && found.lines().count() == 1 && found.contains(&name),
            || format!("'{name}': {found}"),
        )
    });
}
