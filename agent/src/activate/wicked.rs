//! Activation with wicked, which compares its files with the state of a device and applies the differences.

use super::activation::Activation;
use super::tools::Tools;
use super::work::ActivationWork;

pub(super) fn activate(work: &ActivationWork, tools: &mut impl Tools) -> Activation {
    let mut activation = Activation::default();
    for job in &work.jobs {
        let files = job.edits.iter();
        // A child has its own file.
        let names: Vec<&str> = files
            .filter_map(|edit| edit.name_between("ifcfg-", ""))
            .collect();
        let result = if names.is_empty() {
            Ok(())
        } else {
            let args = [&["ifreload"], &names[..]].concat();
            tools.run("wicked", &args).map(drop)
        };
        activation.tell(job, result);
    }
    activation
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, work};
    use crate::render::Reader;

    #[test]
    fn a_device_is_reloaded_with_its_child_interfaces() {
        let edits = [
            ("/etc/sysconfig/network/ifcfg-ib0", Some("a"), Some("b")),
            ("/etc/sysconfig/network/ifcfg-ib0.8003", Some("a"), None),
            ("/etc/sysconfig/network/ifroute-ib0", None, Some("b")),
        ];
        let mut tools = Script::default();
        let activation = Reader::Wicked.after(&work("ib0", &edits), &|_| true, &mut tools);
        assert_eq!(tools.taken(), ["wicked ifreload ib0 ib0.8003"]);
        assert!(activation.failed.is_empty());
    }
}
