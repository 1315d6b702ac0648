//! Killed drivers, and children that outlive them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use one_sriov_tests::host::{Host, Pf, deployment_file, domain};

/// Starts a deployment and waits until it has reached the stock action.
pub(crate) fn deploying(host: &Host, vm: u32) -> Child {
    reach_the_stock_action(spawn(host, vm))
}

/// Waits until a deployment has reached the stock action.
pub(crate) fn reach_the_stock_action(mut child: Child) -> Child {
    let stderr = child.stderr.as_mut().unwrap();
    let mut line = String::new();
    BufReader::new(stderr).read_line(&mut line).unwrap();
    assert_eq!(line, "the stock action runs\n");
    child
}

pub(crate) fn spawn(host: &Host, vm: u32) -> Child {
    spawn_domain(host, vm, &domain(vm, &["sriov_ib0"]))
}

/// Starts the deployment of a domain.
pub(crate) fn spawn_domain(host: &Host, vm: u32, text: &str) -> Child {
    let mut command: Command = host.driver(&["action", "--", "deploy"]);
    command.args([&*deployment_file(vm), "host", &vm.to_string(), "host"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child
}

/// A host whose stock action reports its start, then waits until the test writes into a pipe.
fn host() -> Host {
    stopping_host(1)
}

/// Like [`host`], with this many VFs.
pub(crate) fn stopping_host(vfs: u32) -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", vfs)]);
    nix::unistd::mkfifo(&host.path("/state/go"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    host.stock(
        "deploy",
        "mkdir -p \"$(dirname \"$DIR$1\")\"; cat >\"$DIR$1\"; echo the stock action runs >&2\n\
         read go <\"$DIR/state/go\"; [ \"$go\" = yes ] || exit 9\n\
         virsh -c x create \"$DIR$1\" >/dev/null; echo one-$3\n",
    );
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=0\n");
    host
}

pub(crate) fn answer(host: &Host, word: &str) {
    std::fs::write(host.path("/state/go"), format!("{word}\n")).unwrap();
}

#[test]
fn a_vf_stays_leased_while_the_child_of_a_killed_driver_runs() {
    let host = host();
    let mut child = deploying(&host, 7);
    child.kill().unwrap();
    child.wait().unwrap();
    // The stock script is still alive, and keeps the deployment locked.
    let full = host.deploy(8, &["sriov_ib0"]);
    assert_eq!(
        full.stderr,
        "failed to find a free VF in pool 'ib0': 1 of 1 in use; use another host (VM 7: 1).\n"
    );
    answer(&host, "yes");
    // Once the domain exists, libvirt shows which VM has the VF.
    let created = host.path("/state/domains/one-7.xml");
    wait_for(&host, || created.exists());
    wait_for_the_stock_action(&host);
    let full = host.deploy(8, &["sriov_ib0"]);
    assert_eq!(full.code, 1);
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "deploying");
    host.power_off(7);
    host.stock("deploy", "cat >/dev/null; echo one-8\n");
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/0").unwrap()["vm"], 8);
}

#[test]
fn a_vf_is_released_after_the_grace_period_if_driver_and_child_are_killed() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=3600\n");
    let start = std::time::Instant::now();
    let mut child = deploying(&host, 7);
    child.kill().unwrap();
    child.wait().unwrap();
    answer(&host, "no");
    wait_for(&host, || {
        host.operator(&["reconcile", "--dry-run"])
            .stdout
            .contains("expires in")
    });
    let full = host.deploy(8, &["sriov_ib0"]);
    let gone_by = start.elapsed().as_secs() + 1;
    let left = full
        .stderr
        .strip_prefix(
            "failed to find a free VF in pool 'ib0': 1 of 1 in use; use another host (VM 7: 1); \
             the unfinished deployment of VM 7 expires in ",
        )
        .and_then(|rest| rest.strip_suffix(" s.\n")?.parse().ok());
    let left: u64 = left.unwrap_or_else(|| panic!("{}", full.stderr));
    assert!((3600 - gone_by..=3600).contains(&left), "{left}");
    // A deployment that was killed before it wrote a lease leaves nothing to resume.
    let lease = host.read("/run/one-sriov/ib0/0").unwrap();
    std::fs::remove_file(host.path("/run/one-sriov/ib0/0")).unwrap();
    let own = host.deploy(7, &["sriov_ib0"]).stderr;
    host.write("/run/one-sriov/ib0/0", lease);
    let named = "; the unfinished deployment of this VM (7) itself expires in ";
    assert!(own.contains(named), "{own}");
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=0\n");
    host.stock("deploy", "cat >/dev/null; echo one-8\n");
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
    assert_eq!(host.lease("ib0/0").unwrap()["vm"], 8);
    assert_eq!(
        host.lease("ib0/0").unwrap()["original"]["port_guid"],
        "0c:42:a1:03:00:00:00:00"
    );
}

#[test]
fn a_killed_deployment_dated_in_the_future_still_expires() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=1\n");
    let mut child = deploying(&host, 7);
    child.kill().unwrap();
    child.wait().unwrap();
    answer(&host, "no");
    let deployment = only_deployment(&host);
    let tomorrow = std::time::SystemTime::now() + std::time::Duration::from_secs(86400);
    let file = std::fs::File::open(&deployment).unwrap();
    file.set_modified(tomorrow).unwrap();
    wait_for(&host, || {
        assert_eq!(host.operator(&["reconcile"]).code, 0);
        !deployment.exists()
    });
    assert_eq!(host.leased("ib0"), [""; 0]);
}

#[test]
fn a_terminated_driver_ends_the_stock_action_and_cleans_up() {
    let host = host();
    let child = deploying(&host, 7);
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(128 + 15));
    assert_eq!(host.leased("ib0"), [""; 0]);
    assert!(host.vf("ib0", 0).ends_with("state disable"));
}

#[test]
fn a_hanging_holder_of_the_lock_is_named() {
    let host = host();
    host.write("/etc/one-sriov/kvmrc", "LOCK_WAIT=1\nLIBVIRT_WAIT=600\n");
    host.switch("virsh-hangs", "");
    let mut child = spawn(&host, 7);
    let lock = host.path("/run/one-sriov/lock");
    let holder = format!("{} deploy of VM 7\n", child.id());
    wait_for(&host, || {
        std::fs::read_to_string(&lock).is_ok_and(|text| text == holder)
    });
    let stuck = host.deploy(8, &["sriov_ib0"]);
    let expected = format!(
        "failed to lock '{}' within 1 s: process {} holds it (deploy of VM 7).\n",
        lock.display(),
        child.id()
    );
    assert_eq!((stuck.code, stuck.stderr), (1, expected));
    child.kill().unwrap();
    child.wait().unwrap();
    // The kernel releases the lock when the process ends; virsh doesn't inherit the lock.
    host.switch_off("virsh-hangs");
    host.stock("deploy", "cat >/dev/null; echo one-8\n");
    assert_eq!(host.deploy(8, &["sriov_ib0"]).code, 0);
}

/// The file of the only deployment on a host.
pub(crate) fn only_deployment(host: &Host) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(host.path("/run/one-sriov/.deployments")).unwrap();
    files.next().unwrap().unwrap().path()
}

/// Waits until the stock action of the only deployment has ended: until then the deployment's file stays locked.
pub(crate) fn wait_for_the_stock_action(host: &Host) {
    let deployment = std::fs::File::open(only_deployment(host)).unwrap();
    deployment.lock().unwrap();
    // Unlock and not only close: a child that another thread starts may have inherited the file.
    deployment.unlock().unwrap();
}

/// Waits for an effect of a process that is not a child of the test, so there is no event to wait for.
pub(crate) fn wait_for(host: &Host, mut happened: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !happened() {
        assert!(
            start.elapsed().as_secs() < 20,
            "nothing happened on {host:?}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
