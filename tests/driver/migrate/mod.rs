//! Live migration of VMs with VFs.

mod failures;
mod faults;
mod moves;

pub(crate) use faults::{at_every_call, wait_for_both};

use one_sriov_tests::host::Host;
use one_sriov_tests::{Outcome, driver_path, write_program};

use crate::suspend::{BOTH, audit_vfs, document, empty, host, raw};

pub(crate) const ARGUMENTS: [&str; 5] = ["one-7", "node2", "node1", "7", "node1"];

/// A host with a VM that has two VFs, and a second host to migrate to.
pub(crate) fn hosts() -> (Host, Host) {
    let first = host();
    let second = next_to(&first);
    (first, second)
}

fn next_to(first: &Host) -> Host {
    let second = empty();
    connect(first, &second);
    second
}

/// Lets VMs migrate from the first host to the second one.
pub(crate) fn connect(first: &Host, second: &Host) {
    first.switch("peer", &second.root().display().to_string());
    stock(first, "");
    install_receive(second);
}

/// Installs the shim of `receive`.
fn install_receive(host: &Host) {
    let driver = driver_path().display();
    let receive = format!(
        "#!/bin/sh\nexec '{driver}' action --home '{}' -- receive \"$@\"\n",
        host.home().display()
    );
    write_program(&host.home().join("receive"), &receive);
}

/// Installs a stock `migrate` that runs `before` first.
pub(crate) fn stock(first: &Host, before: &str) {
    first.stock(
        "migrate",
        &format!("{before}\nvirsh -c qemu:///system migrate --live \"$1\" || exit 1\ncat >$DIR/state/stock-stdin\n"),
    );
}

pub(crate) fn migrate(first: &Host) -> Outcome {
    raw(first, "migrate", &ARGUMENTS, &document(&BOTH)).into()
}

/// Checks that exactly one of the hosts has the VM, with all of its VFs, and that the other host has nothing of the VM.
pub(crate) fn audit(first: &Host, second: &Host, may_move: bool) -> Vec<String> {
    let mut problems = audit_vfs(first, may_move);
    problems.extend(audit_vfs(second, may_move));
    if first.domain(7).is_some() == second.domain(7).is_some() {
        problems.push("the VM is on both hosts or on none".to_owned());
    }
    for host in [first, second]
        .into_iter()
        .filter(|host| host.domain(7).is_some())
    {
        if let Some(path) = host.read("/run/one-sriov/.unplugged/7") {
            problems.push(format!("a repair is still pending: {path}"));
        }
    }
    problems
}

fn assert_stays(first: &Host, second: &Host) {
    assert_eq!(audit(first, second, false), [""; 0]);
    assert!(first.domain(7).is_some());
    assert_eq!(first.read("/run/one-sriov/.migrating/7/vm.xml"), None);
}
