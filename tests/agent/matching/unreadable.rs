//! A device that cannot be read doesn't count as absent.

use one_sriov_tests::{Machine, Outcome, run, run_while, virtio};

use super::{dummy, nics, plain, with_dummy_guid};

/// Runs `apply` while reads of one attribute fail.
fn apply_while(machine: &Machine, device: &str, attribute: &str, error: &str) -> Outcome {
    let path = format!("/sys/class/net/{device}/{attribute}");
    let arguments = ["apply", "--backend", "interfaces"];
    run_while(machine, &path, "read", error, &arguments)
}

fn apply(machine: &Machine) -> Outcome {
    run(machine, &["apply", "--backend", "interfaces"])
}

#[test]
fn an_unreadable_device_is_named_and_its_files_are_kept() {
    let context = nics(&[5, 6, 7]);
    let devices = [
        virtio("eth9", "02:00:c0:a8:07:05", 9),
        dummy(0, 6),
        dummy(1, 7),
        plain("ibs5", 5),
        with_dummy_guid("ibs6", 6, 1, 7),
    ];
    let attributes = [
        ("eth9", "address", "EIO"),
        ("eth9", "type", "EIO"),
        ("eth9", "uevent", "EACCES"),
        ("eth0", "address", "EIO"),
        ("eth0", "addr_assign_type", "EIO"),
        ("ibs5", "address", "EACCES"),
        ("ibs5", "ifindex", "EIO"),
        ("ibs6", "address", "EIO"),
        ("ibs6", "iflink", "EIO"),
    ];
    let machine = Machine::new(&context, &devices);
    assert_eq!(apply(&machine).code, 0);
    let before = machine.etc();
    for (device, attribute, error) in attributes {
        let outcome = apply_while(&machine, device, attribute, error);
        let expected = format!("'{device}' cannot be identified: failed to read '{attribute}': ");
        assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
        assert_eq!(outcome.code, 4, "{device} {attribute}: {}", outcome.stderr);
        assert_eq!(machine.etc(), before, "{device} {attribute}");
    }
    assert_eq!(apply(&machine).code, 0);
    assert_eq!(machine.etc(), before);
}

#[test]
fn an_unreadable_device_stops_matching_by_order_on_the_first_run() {
    let devices = [dummy(0, 5), dummy(1, 6), plain("ibs5", 5), plain("ibs6", 6)];
    let machine = Machine::new(&nics(&[5, 6]), &devices);
    let outcome = apply_while(&machine, "ibs5", "address", "EIO");
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    for nic in ["ETH0", "ETH1"] {
        let expected =
            format!("{nic} is not configured: its device may be 'ibs5', which cannot be read\n");
        assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
    }
    assert!(
        !machine.etc_paths().iter().any(|path| path.contains("ib")),
        "{:?}",
        machine.etc_paths()
    );
}

/// For a device that is being removed, the network core returns EINVAL, and kernfs ENODEV.
#[test]
fn a_device_that_vanishes_while_it_is_read_counts_as_absent() {
    for error in ["ENODEV", "EINVAL", "ENOENT"] {
        let devices = [
            virtio("eth8", "02:00:c0:a8:07:05", 8),
            virtio("eth9", "02:00:c0:a8:07:06", 9),
        ];
        let machine = Machine::new(&nics(&[5, 6]), &devices);
        let outcome = apply_while(&machine, "eth9", "type", error);
        assert_eq!(outcome.code, 0, "{error}: {}", outcome.stderr);
        assert!(
            outcome
                .stderr
                .contains("ETH1 is not configured: no network device has MAC 02:00:c0:a8:07:06"),
            "{}",
            outcome.stderr
        );
    }
}
