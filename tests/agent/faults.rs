//! If a file cannot be read or removed, the agent reports an error that names the file, and assumes nothing.

use one_sriov_tests::{Machine, Outcome, run, run_while, virtio};

const MAC: &str = "02:00:0a:00:00:05";
const RECORD: &str = "/var/lib/one-sriov/state.json";
const BACKEND: [&str; 3] = ["apply", "--backend", "interfaces"];

fn machine() -> Machine {
    let context = format!("ETH0_MAC='{MAC}'\nETH0_IP='10.0.0.5'\nETH0_DNS='10.0.0.1'\n");
    let machine = Machine::new(&context, &[virtio("eth0", MAC, 3)]);
    machine.write(
        "/etc/network/interfaces",
        "source /etc/network/interfaces.d/*\n",
    );
    machine
}

fn assert_reports(outcome: &Outcome, code: i32, expected: &str) {
    assert!(
        outcome.stderr.contains(expected),
        "{expected}: {}",
        outcome.stderr
    );
    assert_eq!(outcome.code, code, "{}", outcome.stderr);
}

#[test]
fn an_unreadable_file_stops_the_detection_of_the_network_stack() {
    let looks = [
        ("/etc/one-context.d", "statx", ""),
        ("/usr/sbin/netplan", "statx", ""),
        ("/etc/netplan/50-image.yaml", "read", "network: {}\n"),
        ("/etc/machine-id", "read", "0123456789abcdef\n"),
        ("/etc/netplan", "openat", ""),
        ("/etc/systemd/system", "openat", ""),
    ];
    for (path, calls, text) in looks {
        let machine = machine();
        machine.write("/usr/sbin/netplan", "");
        machine.write("/etc/netplan/50-image.yaml", "network: {}\n");
        machine.write("/etc/systemd/system/x", "");
        machine.write(
            "/usr/lib/systemd/system/systemd-networkd.service",
            "[Unit]\n",
        );
        if !text.is_empty() {
            machine.write(path, text);
        }
        let before = machine.etc();
        let outcome = run_while(&machine, path, calls, "EIO", &["apply"]);
        let expected = format!("failed to detect the network stack: failed to read '{path}': ");
        assert_reports(&outcome, 1, &expected);
        assert_eq!(machine.etc(), before, "{path}");
        assert_eq!(run(&machine, &["apply"]).code, 0, "{path}");
    }
}

#[test]
fn nothing_is_written_if_an_input_of_the_run_cannot_be_read() {
    let looks = [
        ("/dev", "openat", 3, "failed to read '/dev': "),
        (
            "/context/context.sh",
            "read",
            3,
            "failed to read '/context/context.sh': ",
        ),
        (
            "/etc/one-sriov/agent.conf",
            "read",
            1,
            "failed to read '/etc/one-sriov/agent.conf': ",
        ),
        (
            "/run/udev/control",
            "statx",
            1,
            "failed to check for udev in '/run/udev': ",
        ),
        (
            "/sys/class/net",
            "openat",
            1,
            "failed to list the network devices in ",
        ),
        (
            "/etc/resolv.conf",
            "readlink",
            1,
            "failed to read '/etc/resolv.conf': ",
        ),
        (
            RECORD,
            "read",
            1,
            "failed to read '/var/lib/one-sriov/state.json': ",
        ),
    ];
    for (path, calls, code, expected) in looks {
        let machine = machine();
        machine.write("/dev/null", "");
        machine.write("/etc/one-sriov/agent.conf", "");
        assert_eq!(run(&machine, &BACKEND).code, 0);
        let before = machine.etc();
        machine.write(
            "/context/context.sh",
            format!("ETH0_MAC='{MAC}'\nETH0_IP='10.0.0.6'\n"),
        );
        assert_reports(
            &run_while(&machine, path, calls, "EIO", &BACKEND),
            code,
            expected,
        );
        assert_eq!(machine.etc(), before, "{path}");
    }
}

#[test]
fn a_left_over_that_cannot_be_removed_is_removed_by_the_next_run() {
    const LEFT: &str = "/etc/network/interfaces.d/.60-one-sriov-eth0.cfg.one-sriov-4242";
    let machine = machine();
    assert_eq!(run(&machine, &BACKEND).code, 0);
    // As a killed run would leave it.
    machine.write(LEFT, "half");
    let record = machine.read(RECORD);
    machine.write(
        RECORD,
        record.replace("\"version\":1,", "\"version\":1,\"unfinished\":true,"),
    );
    let unlink = "?unlink,unlinkat";
    let stays = format!("failed to remove '{LEFT}': ");
    assert_reports(
        &run_while(&machine, LEFT, unlink, "EIO", &BACKEND),
        0,
        &stays,
    );
    assert!(machine.has(LEFT));
    // `clean` fails too, and keeps the record for the next run.
    assert_reports(
        &run_while(&machine, LEFT, unlink, "EIO", &["clean"]),
        1,
        &stays,
    );
    assert!(machine.has(LEFT) && machine.has(RECORD));
    assert_eq!(run(&machine, &BACKEND).code, 0);
    assert!(!machine.has(LEFT));
    assert!(!machine.read(RECORD).contains("unfinished"));
}

#[test]
fn clean_removes_its_record_or_reports_the_failure() {
    let machine = machine();
    assert_eq!(run(&machine, &BACKEND).code, 0);
    let failed = format!("failed to remove '{RECORD}': ");
    let outcome = run_while(&machine, RECORD, "?unlink,unlinkat", "EIO", &["clean"]);
    assert_reports(&outcome, 1, &failed);
    assert!(machine.has(RECORD));
    // A failing statx of the record doesn't matter.
    let outcome = run_while(&machine, RECORD, "statx", "EIO", &["clean"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(!machine.has(RECORD));
}

/// If a file cannot be read, `status` must not claim that there is no cause.
#[test]
fn status_names_the_files_that_it_could_not_check() {
    let looks = [
        ("/etc/network/interfaces.d/eth0", "read"),
        ("/run/network/interfaces.d", "openat"),
        ("/usr/lib/systemd/systemd", "statx"),
        ("/sys/bus/pci/devices/0000:00:09.0/class", "read"),
        ("/sys/bus/pci/devices", "openat"),
        ("/lib/modules/6.1.0/modules.alias", "read"),
    ];
    for (path, calls) in looks {
        let machine = machine();
        machine.write(
            "/context/context.sh",
            format!("ETH0_MAC='{MAC}'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n"),
        );
        machine.write("/usr/lib/systemd/systemd", "");
        machine.write("/etc/network/interfaces.d/eth0", "iface eth1 inet dhcp\n");
        machine.write("/run/network/interfaces.d/a", "");
        machine.write("/proc/sys/kernel/osrelease", "6.1.0\n");
        machine.write("/lib/modules/6.1.0/modules.alias", "");
        for (name, text) in [
            ("class", "0x020000\n"),
            ("vendor", "0x15b3\n"),
            ("device", "0x1018\n"),
            ("modalias", "pci:v000015B3d00001018\n"),
        ] {
            machine.write(&format!("/sys/bus/pci/devices/0000:00:09.0/{name}"), text);
        }
        let status = ["status", "--backend", "interfaces"];
        let read = run(&machine, &status);
        assert!(
            !read.stdout.contains("could not be checked"),
            "{}",
            read.stdout
        );
        let outcome = run_while(&machine, path, calls, "EIO", &status);
        let expected = "warning: some causes could not be checked: failed to read '";
        let line = outcome
            .stdout
            .lines()
            .find(|line| line.starts_with(expected));
        assert!(
            line.is_some_and(|line| line.contains(&format!("{path}': "))),
            "{path}: {}",
            outcome.stdout
        );
    }
}

#[test]
fn a_file_that_is_not_utf8_is_still_read() {
    let machine = machine();
    machine.write(
        "/etc/network/interfaces",
        b"# the caf\xe9's network\nsource /etc/network/interfaces.d/*\n",
    );
    let outcome = run(&machine, &BACKEND);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
}
