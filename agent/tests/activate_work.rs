//! What a network stack must load, as data.
#![allow(clippy::unwrap_used)]

mod install_support;

use std::collections::BTreeSet;

use install_support::{IFCFG, disk, file, plain, recorded, text, wanted};
use one_sriov_agent::activate::ActivationWork;
use one_sriov_agent::install::decide;
use one_sriov_agent::render::RenderedFile;

/// Whether the only changed device is treated as a dummy NIC.
fn is_dummy(wanted_files: Vec<RenderedFile>, before: &[(&str, u8)]) -> bool {
    let wanted = wanted(wanted_files);
    let there: Vec<_> = before
        .iter()
        .map(|(path, _)| (*path, plain(&text("old"))))
        .collect();
    let changes = decide(&wanted, &recorded(before), &disk(&there));
    let work = ActivationWork::of(&changes, &wanted.files, &BTreeSet::new(), |_| true);
    let [job] = &work.jobs[..] else {
        panic!("{work:?}");
    };
    job.is_dummy
}

#[test]
fn a_device_that_had_files_of_a_nic_can_become_a_dummy() {
    let ifcfg = format!("{IFCFG}ib1");
    let route = "/etc/sysconfig/network-scripts/route-ib1";
    let dummy = RenderedFile {
        nic: "DUMMY/aa:01:c0:a8:07:01".parse().unwrap(),
        ..file(&ifcfg, 1, "new")
    };
    assert!(is_dummy(vec![dummy.clone()], &[]));
    assert!(is_dummy(vec![dummy], &[(&ifcfg, 1), (route, 1)]));
    assert!(!is_dummy(vec![file(&ifcfg, 1, "new")], &[(route, 1)]));
    // The device of a removed NIC is taken down.
    assert!(!is_dummy(Vec::new(), &[(&ifcfg, 1), (route, 1)]));
}
