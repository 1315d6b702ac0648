//! Activation with systemd-networkd: `networkctl reload` (since systemd 244), then a reconfiguration of each device.
//!
//! networkd creates a virtual device from its `.netdev`, but does not change or remove it later (`networkctl(1)`). So a virtual
//! device whose file has changed is deleted, and networkd creates it again.

use super::activation::Activation;
use super::tools::Tools;
use super::work::{ActivationWork, Job};

pub(super) fn activate(
    work: &ActivationWork,
    is_present: &dyn Fn(&str) -> bool,
    tools: &mut impl Tools,
) -> Activation {
    let stale = work.jobs.iter().flat_map(stale_children);
    for child in stale.filter(|child| is_present(child)) {
        if let Err(reason) = tools.run("networkctl", &["delete", child]) {
            log::warn!("{reason}");
        }
    }
    if let Err(reason) = tools.run("networkctl", &["reload"]) {
        return Activation::all(work, &Err(reason));
    }
    let mut activation = Activation::default();
    for job in &work.jobs {
        let device = job.device.as_str();
        let verb = if job.is_wanted() {
            "reconfigure"
        } else {
            "down"
        };
        let result = if job.is_present {
            tools.run("networkctl", &[verb, device]).map(drop)
        } else {
            Ok(())
        };
        activation.tell(job, result);
    }
    activation
}

/// Returns the children whose `.netdev`, such as `05-one-sriov-ib0.8003.netdev`, was removed or changed.
fn stale_children(job: &Job) -> impl Iterator<Item = &str> {
    let stale = job
        .edits
        .iter()
        .filter(|edit| edit.old.is_some() && edit.is_changed);
    stale.filter_map(|edit| edit.name_between("05-one-sriov-", ".netdev"))
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, work};
    use crate::render::Reader;

    const PORT: &str = "/etc/systemd/network/05-one-sriov-ib0.network";

    #[test]
    fn a_changed_device_is_reconfigured_and_its_old_partition_deleted() {
        let edits = [
            (
                "/etc/systemd/network/05-one-sriov-ib0.8003.netdev",
                Some("a"),
                None,
            ),
            (
                "/etc/systemd/network/05-one-sriov-ib0.8003.network",
                Some("a"),
                None,
            ),
            (
                "/etc/systemd/network/05-one-sriov-ib0.8005.netdev",
                None,
                Some("b"),
            ),
            (PORT, Some("a"), Some("b")),
        ];
        let mut tools = Script::default();
        let activation = Reader::Networkd.after(&work("ib0", &edits), &|_| true, &mut tools);
        let expected = [
            "networkctl delete ib0.8003",
            "networkctl reload",
            "networkctl reconfigure ib0",
        ];
        assert_eq!(tools.taken(), expected);
        assert_eq!(activation.done.len(), 1);
        let _ = Reader::Networkd.after(&work("ib0", &edits), &|name| name == "ib0", &mut tools);
        assert_eq!(tools.taken(), expected[1..]);
    }

    #[test]
    fn a_device_without_files_is_taken_down() {
        let mut tools = Script::default();
        let _ = Reader::Networkd.after(
            &work("ib0", &[(PORT, Some("a"), None)]),
            &|_| true,
            &mut tools,
        );
        assert_eq!(tools.taken(), ["networkctl reload", "networkctl down ib0"]);
    }

    #[test]
    fn netplan_writes_before_its_renderer_reads() {
        let yaml = [("/etc/netplan/60-one-sriov-eth0.yaml", Some("a"), Some("b"))];
        let mut tools = Script::default();
        let _ = Reader::Networkd.after(&work("eth0", &yaml), &|_| true, &mut tools);
        let expected = [
            "netplan generate",
            "networkctl reload",
            "networkctl reconfigure eth0",
        ];
        assert_eq!(tools.taken(), expected);
        tools.fails("netplan generate", "bad YAML");
        let activation = Reader::Networkd.after(&work("eth0", &yaml), &|_| true, &mut tools);
        assert_eq!(tools.taken(), ["netplan generate"]);
        assert_eq!(
            activation.failed[0].1,
            "failed to generate netplan's configuration: failed to run 'netplan generate': bad YAML"
        );
    }

    #[test]
    fn all_devices_fail_if_networkd_does_not_answer() {
        let mut tools = Script::default();
        tools.fails("networkctl reload", "Connection refused");
        let edits = [(PORT, Some("a"), Some("b"))];
        let activation = Reader::Networkd.after(&work("ib0", &edits), &|_| true, &mut tools);
        assert_eq!(tools.taken(), ["networkctl reload"]);
        assert_eq!(activation.failed.len(), 1);
    }
}
