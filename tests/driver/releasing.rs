//! A deployment waits for a VF, or for the GUID on it, that another process is releasing.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Stdio};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use one_sriov_tests::host::{Host, Pf, domain};
use one_sriov_tests::write_program;

use crate::kill::{
    answer, deploying, only_deployment, spawn, spawn_domain, stopping_host, wait_for,
    wait_for_the_stock_action,
};

/// A stock action that creates the domain.
const CREATE: &str = "mkdir -p \"$(dirname \"$DIR$1\")\"; cat >\"$DIR$1\"; \
                      virsh -c x create \"$DIR$1\" >/dev/null; echo one-$3\n";

/// Waits until a deployment waits for a lock on a file, or has ended.
fn wait_until_it_waits(host: &Host, child: &mut Child) {
    let waits = format!("{} ", child.id());
    wait_for(host, || {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        let is_waiting = locks
            .lines()
            .any(|line| line.contains("-> FLOCK") && line.contains(&waits));
        is_waiting || child.try_wait().unwrap().is_some()
    });
}

#[track_caller]
fn assert_deployed(child: Child, vm: u32) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let answer = format!("one-{vm}\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), answer, "{said}");
}

/// VM 7 has powered itself off, and another driver is releasing its VF. Asserts that the deployment of `next` waits and gets it.
#[track_caller]
fn assert_waits(host: &Host, next: u32) {
    host.stock("deploy", CREATE);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host.power_off(7);
    let other = fs::File::open(only_deployment(host)).unwrap();
    other.lock().unwrap();
    let mut child = spawn(host, next);
    wait_until_it_waits(host, &mut child);
    // Unlock and not only close: a child that another thread starts may have inherited the file.
    other.unlock().unwrap();
    assert_deployed(child, next);
}

#[test]
fn a_deployment_waits_for_a_vf_that_another_driver_is_releasing() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 1)]);
    assert_waits(&host, 8);
    assert_eq!(host.lease("ib0/0").unwrap()["vm"], 8);
}

#[test]
fn a_deployment_waits_for_a_guid_that_another_driver_is_clearing() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    assert_waits(&host, 7);
    let [vf] = host.leased("ib0").try_into().unwrap();
    assert_eq!(host.lease(&format!("ib0/{vf}")).unwrap()["vm"], 7);
}

/// Makes `sudo` wait at the returned gate.
fn gate(host: &Host) -> Gate {
    let (place, behind) = (host.path("bin/sudo"), host.path("behind/sudo"));
    fs::create_dir(host.path("behind")).unwrap();
    fs::rename(&place, &behind).unwrap();
    let gate = Gate(host.path("state/gate"));
    mkfifo(&gate.0, Mode::S_IRWXU).unwrap();
    let script = format!(
        "#!/bin/sh\nread -r _ <'{}'\nexec '{}' \"$@\"\n",
        gate.0.display(),
        behind.display()
    );
    write_program(&place, &script);
    gate
}

struct Gate(std::path::PathBuf);

impl Gate {
    /// Waits until a process waits at the gate.
    fn wait_until_reached(&self, host: &Host) -> fs::File {
        let mut reached = None;
        wait_for(host, || {
            let mut options = fs::File::options();
            let options = options.write(true).custom_flags(OFlag::O_NONBLOCK.bits());
            // The open fails with ENXIO until there is a reader.
            reached = options.open(&self.0).ok();
            reached.is_some()
        });
        reached.unwrap()
    }

    /// Opens the gate permanently.
    fn open(self, reached: fs::File) {
        fs::write(self.0.with_extension("open"), "go\n").unwrap();
        fs::rename(self.0.with_extension("open"), &self.0).unwrap();
        drop(reached);
    }
}

#[test]
fn a_redeployment_waits_while_the_vf_of_a_killed_deployment_is_released() {
    let host = stopping_host(2);
    let mut killed = deploying(&host, 7);
    killed.kill().unwrap();
    killed.wait().unwrap();
    answer(&host, "no");
    wait_for_the_stock_action(&host);

    let gate = gate(&host);
    let reconcile = host
        .driver(&["reconcile"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let reached = gate.wait_until_reached(&host);
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "releasing");
    host.stock("deploy", CREATE);
    let mut child = spawn(&host, 7);
    wait_until_it_waits(&host, &mut child);
    gate.open(reached);
    assert_deployed(child, 7);
    assert!(reconcile.wait_with_output().unwrap().status.success());
}

/// VM 7 runs, and another driver is busy releasing the VF of VM 8, which has stopped. Asserts that the deployment of `domain` is
/// refused without waiting.
#[track_caller]
fn assert_refused_at_once(
    host: &Host,
    bridge_of_8: &str,
    place_of_8: &str,
    domain: &str,
    expected: &str,
) {
    host.stock("deploy", CREATE);
    host.write("/etc/one-sriov/kvmrc", "VF_RELEASE_WAIT=3600\n");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    assert_eq!(host.deploy(8, &[bridge_of_8]).code, 0);
    host.power_off(8);
    let lease = host.lease(place_of_8).unwrap();
    let id = lease["deployment"].as_str().unwrap();
    let other = fs::File::open(host.path("/run/one-sriov/.deployments").join(id)).unwrap();
    other.lock().unwrap();
    let mut refused = spawn_domain(host, 9, domain);
    wait_for(host, || refused.try_wait().unwrap().is_some());
    other.unlock().unwrap();
    let refused = refused.wait_with_output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), said.as_str()), (Some(1), expected));
}

#[test]
fn a_conflict_that_no_release_can_resolve_is_reported_at_once() {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 3)]);
    // Another VM with the MAC of the running VM 7.
    let domain = domain(7, &["sriov_ib0"]).replace("one-7", "one-9");
    let expected = "failed to use GUID '00:00:aa:00:c0:a8:07:01': VM 7 has it (VF 0 of 'ib0'); end VM 7, with 'virsh destroy one-7' if OpenNebula does not know it.\n";
    assert_refused_at_once(&host, "sriov_ib0", "ib0/1", &domain, expected);
}

#[test]
fn a_full_pool_is_reported_at_once_if_only_other_pools_are_releasing_vfs() {
    let host = Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 1),
        Pf::infiniband("ib1", "0000:82:00", 1),
    ]);
    let expected =
        "failed to find a free VF in pool 'ib0': 1 of 1 in use; use another host (VM 7: 1).\n";
    let domain = domain(9, &["sriov_ib0"]);
    assert_refused_at_once(&host, "sriov_ib1", "ib1/0", &domain, expected);
}
