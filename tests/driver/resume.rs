//! Within the grace period, a VM resumes its own killed deployment, and no other VM gets its VFs.

use one_sriov_tests::host::{Host, domain};

use crate::kill::{
    answer, deploying, only_deployment, reach_the_stock_action, spawn_domain, stopping_host,
    wait_for_the_stock_action,
};

/// A stock action that creates the domain.
const CREATE: &str = "mkdir -p \"$(dirname \"$DIR$1\")\"; cat >\"$DIR$1\"; \
                      virsh -c x create \"$DIR$1\" >/dev/null || exit 255; echo one-$3\n";

/// A host on which a deployment of VM 7 was killed with its child. The grace period is an hour.
pub(crate) fn killed(vfs: u32, bridges: &[&str]) -> Host {
    let host = stopping_host(vfs);
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=3600\n");
    let spawned = spawn_domain(&host, 7, &domain(7, bridges));
    let mut child = reach_the_stock_action(spawned);
    child.kill().unwrap();
    child.wait().unwrap();
    answer(&host, "no");
    wait_for_the_stock_action(&host);
    host.stock("deploy", CREATE);
    host
}

/// The fields of a lease that a new deployment of the NIC must not change.
fn kept(host: &Host, place: &str) -> [serde_json::Value; 6] {
    let lease = host.lease(place).unwrap();
    [
        "address",
        "position",
        "mac",
        "dummy_mac",
        "guid",
        "original",
    ]
    .map(|key| lease[key].clone())
}

#[track_caller]
fn assert_full(host: &Host, vm: u32, used: &str) {
    let full = host.deploy(vm, &["sriov_ib0"]);
    let expected =
        format!("failed to find a free VF in pool 'ib0': {used} in use; use another host (VM 7: ");
    assert!(
        full.code == 1 && full.stderr.starts_with(&expected),
        "{}",
        full.stderr
    );
}

fn deployments(host: &Host) -> usize {
    std::fs::read_dir(host.path("/run/one-sriov/.deployments"))
        .unwrap()
        .count()
}

#[test]
fn a_vm_resumes_with_its_own_vf_and_other_vms_are_refused() {
    let host = killed(1, &["sriov_ib0"]);
    let (lease, vf) = (kept(&host, "ib0/0"), host.vf("ib0", 0));
    assert_eq!(lease[5]["port_guid"], "0c:42:a1:03:00:00:00:00");
    assert_full(&host, 8, "1 of 1");
    let deployed = host.deploy(7, &["sriov_ib0"]);
    assert_eq!(
        (deployed.code, &*deployed.stdout),
        (0, "one-7\n"),
        "{}",
        deployed.stderr
    );
    assert_eq!((kept(&host, "ib0/0"), host.vf("ib0", 0)), (lease, vf));
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "active");
    assert_eq!(deployments(&host), 1);
    host.power_off(7);
    // The original state is the one before the first deployment.
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(
        host.lease("ib0/0").unwrap()["original"]["port_guid"],
        "0c:42:a1:03:00:00:00:00"
    );
}

#[test]
fn each_nic_gets_its_own_vf_and_that_of_a_detached_nic_stays_reserved() {
    let host = killed(3, &["sriov_ib0", "sriov_ib0"]);
    let (first, second) = (kept(&host, "ib0/0"), kept(&host, "ib0/1"));
    // The second NIC was detached in the meantime. The first keeps its VF although others are free.
    let one = host.deploy(7, &["sriov_ib0"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert_eq!(kept(&host, "ib0/0"), first);
    assert_eq!(kept(&host, "ib0/1"), second);
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "active");
    assert_eq!(host.lease("ib0/1").unwrap()["state"], "deploying");
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/2").unwrap()["vm"], 8);
    assert_full(&host, 9, "3 of 3");
}

#[test]
fn a_vm_that_libvirtd_starts_after_all_keeps_its_vf() {
    let host = killed(1, &["sriov_ib0"]);
    let (lease, vf) = (kept(&host, "ib0/0"), host.vf("ib0", 0));
    // libvirt creates the domain for the killed virsh just before the new deployment requests it.
    host.stock(
        "deploy",
        "mkdir -p \"$(dirname \"$DIR$1\")\"; cat >\"$DIR$1\"; virsh -c x create \"$DIR$1\" >/dev/null\n\
         echo \"error: domain 'one-7' already exists\" >&2; exit 255\n",
    );
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 255);
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "active");
    assert_eq!((kept(&host, "ib0/0"), host.vf("ib0", 0)), (lease, vf));
    host.stock("deploy", CREATE);
    assert_full(&host, 8, "1 of 1");
}

#[test]
fn a_failed_redeployment_keeps_a_vf_that_libvirtd_may_still_use() {
    let host = killed(1, &["sriov_ib0"]);
    let (lease, vf) = (kept(&host, "ib0/0"), host.vf("ib0", 0));
    let seen = |host: &Host| {
        only_deployment(host)
            .metadata()
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = seen(&host);
    host.stock("deploy", "cat >/dev/null; exit 255\n");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 255);
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "deploying");
    assert_eq!((kept(&host, "ib0/0"), host.vf("ib0", 0)), (lease, vf));
    // The grace period goes on, and doesn't start again.
    assert_eq!(seen(&host), before);
    host.stock("deploy", CREATE);
    assert_full(&host, 8, "1 of 1");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "active");
}

#[test]
fn another_nic_of_the_vm_gets_the_vf_if_no_other_is_free() {
    let host = killed(1, &["sriov_ib0"]);
    let original = kept(&host, "ib0/0")[5].clone();
    let other = domain(7, &["sriov_ib0"]).replace("02:00:c0:a8:07:01", "02:00:c0:a8:07:09");
    let deployed = host.deploy_domain(7, &other);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let lease = host.lease("ib0/0").unwrap();
    assert_eq!(lease["mac"], "02:00:c0:a8:07:09");
    assert_eq!(lease["original"], original);
    assert!(
        host.vf("ib0", 0).contains("c0:a8:07:09"),
        "{}",
        host.vf("ib0", 0)
    );
}

#[test]
fn no_other_vm_gets_the_vfs_of_a_resumed_deployment_within_the_grace_period() {
    let host = killed(2, &["sriov_ib0", "sriov_ib0"]);
    host.stock(
        "deploy",
        "cat >/dev/null; echo the stock action runs >&2; read go <\"$DIR/state/go\"; exit 9\n",
    );
    let going_on = deploying(&host, 7);
    host.stock("deploy", CREATE);
    assert_full(&host, 8, "2 of 2");
    answer(&host, "no");
    assert_eq!(going_on.wait_with_output().unwrap().status.code(), Some(9));
    // Both leases wait for the rest of the grace period, and are then released.
    assert_full(&host, 8, "2 of 2");
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=0\n");
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(host.leased("ib0"), [""; 0]);
    assert_eq!(deployments(&host), 0);
    assert!(host.vf("ib0", 0).ends_with("state disable"));
}
