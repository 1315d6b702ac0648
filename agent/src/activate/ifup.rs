//! `ifup` and `ifdown` of ifupdown, ifupdown-ng, busybox and initscripts.
//!
//! Only the old files can undo what they did to a device, so `ifdown` runs before they change. `ifdown` accepts devices that are
//! not up.

use super::activation::Activation;
use super::tools::Tools;
use super::work::{ActivationWork, Edit, Job};

/// Returns the interfaces that a file configures, in the order in which to bring them up.
pub(super) type NamesOf = fn(&Edit, &str) -> Vec<String>;

/// Finds `auto ib0` and `allow-hotplug ib0` in files of `/etc/network/interfaces.d`.
pub(super) fn names_of_stanzas(_: &Edit, text: &str) -> Vec<String> {
    let name = |line: &str| {
        let (word, name) = line.split_once(' ')?;
        matches!(word, "auto" | "allow-hotplug").then(|| name.to_owned())
    };
    text.lines().filter_map(name).collect()
}

/// Takes the interface from the file name: `ifcfg-ib0`.
pub(super) fn names_of_files(edit: &Edit, _: &str) -> Vec<String> {
    let name = edit.name_between("ifcfg-", "");
    name.map(str::to_owned).into_iter().collect()
}

pub(super) fn before(work: &ActivationWork, names: NamesOf, tools: &mut impl Tools) {
    for job in work.jobs.iter().filter(|job| job.is_present) {
        let old = all(job, names, |edit| edit.old.as_deref());
        // Children go down before their device.
        for name in old.iter().rev() {
            if let Err(reason) = tools.run("ifdown", &[name]) {
                log::warn!("{reason}");
            }
        }
    }
}

pub(super) fn activate(
    work: &ActivationWork,
    names: NamesOf,
    tools: &mut impl Tools,
) -> Activation {
    let mut activation = Activation::default();
    for job in &work.jobs {
        let new = all(job, names, |edit| edit.new.as_deref());
        // At boot, `ONBOOT=no` keeps a dummy NIC down; here it must not be brought up either.
        let result = if job.is_present && !job.is_dummy {
            new.iter()
                .try_for_each(|name| tools.run("ifup", &[name]).map(drop))
        } else {
            // An absent device is brought up when it appears.
            Ok(())
        };
        activation.tell(job, result);
    }
    activation
}

/// Returns the interfaces of all files, the device itself first: in the order of file names and of stanzas.
fn all(job: &Job, names: NamesOf, text: fn(&Edit) -> Option<&str>) -> Vec<String> {
    let texts = job.edits.iter();
    let texts = texts.filter_map(|edit| Some((edit, text(edit)?)));
    texts.flat_map(|(edit, text)| names(edit, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, work};
    use crate::render::Reader;

    const OLD: &str =
        "auto ib0\niface ib0 inet manual\nauto ib0.8003\niface ib0.8003 inet static\n";
    const NEW: &str = "auto ib0\niface ib0 inet static\n    address 192.168.7.5/24\n";

    #[test]
    fn ifdown_uses_the_old_stanzas_and_ifup_the_new_ones() {
        let work = work(
            "ib0",
            &[(
                "/etc/network/interfaces.d/60-one-sriov-ib0.cfg",
                Some(OLD),
                Some(NEW),
            )],
        );
        let mut tools = Script::default();
        Reader::Ifupdown.before(&work, &mut tools);
        assert_eq!(tools.taken(), ["ifdown ib0.8003", "ifdown ib0"]);
        let activation = Reader::Ifupdown.after(&work, &|_| true, &mut tools);
        assert_eq!(tools.taken(), ["ifup ib0"]);
        assert_eq!(activation.done, ["ib0".parse().expect("a name")]);
    }

    #[test]
    fn initscripts_have_a_file_for_each_interface() {
        let edits = [
            (
                "/etc/sysconfig/network-scripts/ifcfg-ib0",
                Some("a"),
                Some("b"),
            ),
            (
                "/etc/sysconfig/network-scripts/ifcfg-ib0.8003",
                None,
                Some("b"),
            ),
            (
                "/etc/sysconfig/network-scripts/route-ib0.8003",
                None,
                Some("b"),
            ),
        ];
        let work = work("ib0", &edits);
        let mut tools = Script::default();
        Reader::Initscripts.before(&work, &mut tools);
        assert_eq!(tools.taken(), ["ifdown ib0"]);
        let _ = Reader::Initscripts.after(&work, &|_| true, &mut tools);
        assert_eq!(tools.taken(), ["ifup ib0", "ifup ib0.8003"]);
    }

    #[test]
    fn a_dummy_stays_down() {
        let file = "/etc/sysconfig/network-scripts/ifcfg-eth1";
        let mut dummy = work("eth1", &[(file, Some("a"), Some("b"))]);
        dummy.jobs[0].is_dummy = true;
        let mut tools = Script::default();
        Reader::Initscripts.before(&dummy, &mut tools);
        let activation = Reader::Initscripts.after(&dummy, &|_| true, &mut tools);
        assert_eq!(tools.taken(), ["ifdown eth1"]);
        assert!(activation.failed.is_empty());
    }

    #[test]
    fn a_device_that_fails_to_come_up_does_not_stop_the_others() {
        let mut both = work("ib0", &[("/e/a.cfg", None, Some(NEW))]);
        both.jobs
            .extend(work("ib1", &[("/e/b.cfg", None, Some("auto ib1\n"))]).jobs);
        let mut tools = Script::default();
        tools.fails("ifup ib0", "no such thing");
        let activation = Reader::Ifupdown.after(&both, &|_| true, &mut tools);
        assert_eq!(tools.taken(), ["ifup ib0", "ifup ib1"]);
        let reason = "failed to run 'ifup ib0': no such thing".to_owned();
        assert_eq!(
            activation.failed,
            [("ib0".parse().expect("a name"), reason)]
        );
        assert_eq!(activation.done, ["ib1".parse().expect("a name")]);
    }

    #[test]
    fn nothing_is_run_for_an_absent_device() {
        let mut absent = work("ib0", &[("/e/a.cfg", Some(OLD), Some(NEW))]);
        absent.jobs[0].is_present = false;
        let mut tools = Script::default();
        Reader::Ifupdown.before(&absent, &mut tools);
        let activation = Reader::Ifupdown.after(&absent, &|_| false, &mut tools);
        assert!(tools.taken().is_empty());
        assert_eq!(activation.done.len(), 1);
    }
}
