//! `--json`: docs/reference/json.md documents every field of every command, and no others.

use one_sriov_tests::assert_described;
use one_sriov_tests::host::{Host, Pf};
use serde_json::Value;

#[track_caller]
fn json(host: &Host, arguments: &[&str]) -> Value {
    let outcome = host.operator(&[&["--json"], arguments].concat());
    serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", outcome.stdout, outcome.stderr))
}

#[test]
fn pool_leases_doctor_and_vfs_print_what_the_page_documents() {
    let host = Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 2),
        Pf::ethernet("eth0", "0000:82:00", 2),
    ]);
    assert_eq!(host.deploy(7, &["sriov_ib0", "sriov_eth0"]).code, 0);
    assert_described("one-sriov-driver pool", &[json(&host, &["pool"])]);
    assert_described("one-sriov-driver leases", &[json(&host, &["leases"])]);
    assert_described("one-sriov-driver doctor", &[json(&host, &["doctor"])]);
    host.write("/etc/one-sriov/vfs/ib0", "2\n");
    assert_described("one-sriov-driver vfs", &[json(&host, &["vfs", "ib0"])]);
}

#[test]
fn import_legacy_prints_what_the_page_documents() {
    let host = crate::legacy::host();
    let imported = json(&host, &["import-legacy"]);
    assert_described("one-sriov-driver import-legacy", &[imported]);
}

#[test]
fn reconcile_prints_what_the_page_documents() {
    let pending = json(&crate::resume::killed(2, &["sriov_ib0"]), &["reconcile"]);
    let host = || {
        let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
        assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
        host
    };
    let gone = host();
    gone.power_off(7);
    let released = json(&gone, &["reconcile"]);
    let held = host();
    held.power_off(7);
    held.switch("sudo-refuses", "");
    let kept = json(&held, &["reconcile"]);
    let corrupt = host();
    corrupt.write("/run/one-sriov/ib0/0", "rubbish");
    let problem = json(&corrupt, &["reconcile"]);
    let plugged = json(&crate::suspend::lacking().0, &["reconcile"]);
    assert_described(
        "one-sriov-driver reconcile",
        &[pending, released, plugged, kept, problem],
    );
}

#[test]
fn repair_prints_what_the_page_documents() {
    let (host, _) = crate::suspend::lacking();
    host.switch("attach-fails", "<hostdev\nno");
    let problem = json(&host, &["repair", "7"]);
    host.switch_off("attach-fails");
    let plugged = json(&host, &["repair", "7"]);
    assert_described("one-sriov-driver repair", &[problem, plugged]);
}
