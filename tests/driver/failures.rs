//! A VF that cannot be used is shown, and others are allocated first.

use one_sriov_tests::host::{Host, Pf};

const WHY: &str = "vfio 0000:81:00.1: failed to open /dev/vfio/12: Device or resource busy";

fn free(host: &Host) -> String {
    let probed = host.operator(&["probe"]).stdout;
    probed.lines().last().unwrap().to_owned()
}

#[test]
fn a_vf_that_qemu_cannot_open_is_shown_and_others_are_allocated_first() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    host.switch("device-fails", "0000:81:00.1");
    let failed = host.deploy(7, &["sriov_ib0"]);
    assert!(
        failed.code != 0 && failed.stderr.contains(WHY),
        "{}",
        failed.stderr
    );
    assert_eq!(host.leased("ib0"), [""; 0]);
    let pool = host.operator(&["pool", "ib0"]).stdout;
    assert!(
        pool.starts_with("ib0: 1 of 2 free\n") && pool.contains(WHY),
        "{pool}"
    );
    assert_eq!(free(&host), "SRIOV_IB0_FREE=1");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["1"]);
    // The last VF of its pool is allocated nevertheless; if it works, the failure is forgotten.
    host.switch_off("device-fails");
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(host.cancel(8).code, 0);
    assert_eq!(free(&host), "SRIOV_IB0_FREE=1");
    assert_eq!(host.read("/run/one-sriov/.failures/0000:81:00.1"), None);
}

#[test]
fn a_failure_is_remembered_for_ten_minutes() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 1)]);
    host.switch("device-fails", "0000:81:00.1");
    assert_ne!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(free(&host), "SRIOV_IB0_FREE=0");
    let path = "/run/one-sriov/.failures/0000:81:00.1";
    let text = host.read(path).unwrap();
    let (since, why) = text.split_once(' ').unwrap();
    let since: u64 = since.parse().unwrap();
    host.write(path, format!("{} {why}", since - 600));
    assert_eq!(free(&host), "SRIOV_IB0_FREE=1");
}

#[test]
fn a_failure_that_the_vf_did_not_cause_is_not_recorded() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 1)]);
    host.switch("create-fails", "");
    assert_ne!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(free(&host), "SRIOV_IB0_FREE=1");
    host.switch_off("create-fails");
    host.switch("sudo-refuses", "");
    assert_ne!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host.switch_off("sudo-refuses");
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(free(&host), "SRIOV_IB0_FREE=1");
}

#[test]
fn a_vf_that_could_not_be_set_up_is_not_allocated_next() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    host.switch(
        "ip-changes",
        "00:00:aa:00:c0:a8:07:01 00:00:00:00:00:00:00:01",
    );
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 1);
    host.switch_off("ip-changes");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["1"]);
}
