//! A used image, sealed and cloned.

use std::path::Path;

use super::{devices, vm};
use crate::cloud::documents;
use crate::cloud::vm::Vm;
use crate::lab::Lab;
use crate::local::{Local, Specification};
use crate::report::{Failure, Report, ensure};

/// Turns the disk of a used VM into an image, seals it, and boots two clones.
pub(super) fn run(lab: &Lab, report: &mut Report) {
    let [former, first, second] = [62, 63, 64].map(vm);
    let boot = |name: &'static str, vm: &Vm, base: &Path, format: &str| {
        let context = documents::context(vm);
        let specification = Specification {
            name,
            base,
            format,
            context: Some(context.as_bytes()),
            vm,
        };
        let mut guest = Local::start(&lab.images, lab.directory(), &specification)?;
        guest.booted()?;
        devices::have_addresses(&mut guest, vm)?;
        devices::have_modes_and_mtus(&mut guest, vm)?;
        Ok::<Local, Failure>(guest)
    };
    let image = report.get("an image that was in use is sealed by 'clean'", || {
        let mut guest = boot("former", &former, &lab.images.guest("networkd"), "raw")?;
        guest
            .shell
            .get("one-sriov-agent clean && : > /etc/machine-id && sync", 60)?;
        let disk = guest.disk.clone();
        guest.power_off()?;
        Ok(disk)
    });
    let Some(image) = image else { return };
    for (name, vm) in [("first", &first), ("second", &second)] {
        report.check(&format!("its {name} clone has its own addresses, and nothing of before"), || {
            let mut guest = boot(name, vm, &image, "qcow2")?;
            let places = "/etc/systemd/network /etc/udev/rules.d /var/lib/one-sriov /run/systemd/network";
            let said = guest.shell.run(&format!("grep -rlF -e {} -e {} {places}", former.nics[0].ip(), former.nics[1].ip()), 30)?;
            // Status 1 and not 2: nothing was found, and grep could read every place.
            ensure(said.status == 1, || format!("of before: {}", said.text))
        });
    }
}
