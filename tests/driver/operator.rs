//! The commands for operators.

use one_sriov_tests::host::{Host, Pf};

fn host() -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 4)]);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host.foreign_domain("stranger", &["0000:81:00.3"]);
    host
}

fn without_times(text: &str) -> String {
    let is_moment = |word: &&str| word.len() == 20 && word.ends_with('Z');
    let word = |word| if is_moment(&word) { "<when>" } else { word };
    text.lines()
        .map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

#[test]
fn pool_shows_the_holder_of_each_vf() {
    let host = host();
    let shown = host.operator(&["pool"]);
    let expected = "\
ib0: 2 of 4 free
VF  PCI ADDRESS   STATE   HOLDER             POSITION  DUMMY MAC          SINCE                 NUMA
0   0000:81:00.1  active  VM 7               0         aa:00:c0:a8:07:01  <when>
1   0000:81:00.2  free
2   0000:81:00.3  busy    domain 'stranger'
3   0000:81:00.4  free
";
    assert_eq!(
        (shown.code, without_times(&shown.stdout)),
        (0, expected.to_owned())
    );
    let json = host.operator(&["--json", "pool", "ib0"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let pool = &json["pools"][0];
    assert_eq!((&pool["total"], &pool["free"]), (&4.into(), &2.into()));
    assert_eq!(pool["vfs"][0]["vm"], 7);
    assert_eq!(pool["vfs"][2]["holder"], "domain 'stranger'");
}

#[test]
fn leases_shows_all_leases_and_problems() {
    let host = host();
    let shown = host.operator(&["leases"]);
    let expected = "\
LEASE  PCI ADDRESS   VM  STATE   POSITION  MAC                DUMMY MAC          SINCE
ib0/0  0000:81:00.1  7   active  0         02:00:c0:a8:07:01  aa:00:c0:a8:07:01  <when>
";
    assert_eq!(without_times(&shown.stdout), expected);
    host.write("/run/one-sriov/ib0/3", "rubbish");
    let shown = host.operator(&["leases", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(json["leases"][0], host.lease("ib0/0").unwrap());
    assert_eq!(
        (shown.code, json["problems"].as_array().unwrap().len()),
        (1, 1)
    );
}

#[test]
fn a_dry_run_of_reconcile_shows_what_would_be_released() {
    let host = host();
    assert_eq!(host.operator(&["reconcile"]).stdout, "no stale lease\n");
    host.power_off(7);
    let shown = host.operator(&["reconcile", "--dry-run"]);
    assert_eq!(
        shown.stdout,
        "would release VF '0000:81:00.1' (ib0/0) of VM 7\n"
    );
    assert_eq!(host.leased("ib0"), ["0"]);
    let done = host.operator(&["reconcile"]);
    assert_eq!(
        (done.code, &*done.stdout),
        (0, "released VF '0000:81:00.1' (ib0/0) of VM 7\n")
    );
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn reconcile_retries_a_failed_release() {
    let host = host();
    host.power_off(7);
    host.switch("ip-fails", "Device or resource busy");
    let tried = host.operator(&["reconcile"]);
    assert_eq!(tried.code, 4);
    let expected = "VF '0000:81:00.1' (ib0/0) of VM 7: failed to set node GUID \
                    of VF 0 of 'ib0': RTNETLINK answers: Device or resource busy\n";
    assert_eq!(tried.stdout, expected);
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "releasing");
    host.switch_off("ip-fails");
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert!(host.vf("ib0", 0).ends_with("state disable"));
}

#[test]
fn commands_run_as_root_act_as_the_owner_of_the_leases() {
    use std::os::unix::fs::{MetadataExt, chown};
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    for path in [
        "/run/one-sriov",
        "/state",
        "/state/domains",
        "/state/vfs",
        "/run/netlink/link",
    ] {
        chown(host.path(path), Some(65534), Some(65534)).unwrap();
    }
    host.open_to_everybody();
    let done = host.operator(&["reconcile"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let lock = std::fs::metadata(host.path("/run/one-sriov/lock")).unwrap();
    assert_eq!(lock.uid(), 65534);
}
