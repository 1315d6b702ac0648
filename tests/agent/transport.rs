//! What a running machine needs besides files: transport modes that the network stack cannot set, and a second run of netplan,
//! which reads its files too early in the boot.

use one_sriov_tests::{Machine, agent_path, copy_program, infiniband, run};

use crate::live::{is_static, live, only_static};

const MODE: &str = "/sys/class/net/ib0/mode";

fn machine() -> Machine {
    let context = "ETH0_MAC='02:00:c0:a8:07:05'\nETH0_IP='192.168.7.5'\nETH0_MTU='65520'\n";
    let port = infiniband("ib0", "00:04:aa:00:c0:a8:07:05", "0000:05:00.0");
    Machine::new(context, &[port])
}

#[test]
fn on_a_running_machine_the_agent_sets_the_mode_if_the_stack_cannot() {
    if !is_static() {
        return only_static();
    }
    for backend in ["networkd", "netplan-networkd"] {
        let machine = machine();
        assert_eq!(machine.read(MODE), "datagram\n");
        let dry = live(&machine, &["apply", "--dry-run", "--backend", backend]);
        assert_eq!((dry.code, machine.read(MODE)), (0, "datagram\n".to_owned()));
        let outcome = live(&machine, &["apply", "--backend", backend]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert_eq!(machine.read(MODE), "connected\n", "{backend}");
    }
    // These network stacks set the mode themselves.
    for backend in ["keyfile", "interfaces", "ifcfg-initscripts"] {
        let machine = machine();
        assert_eq!(live(&machine, &["apply", "--backend", backend]).code, 0);
        assert_eq!(machine.read(MODE), "datagram\n", "{backend}");
    }
}

#[test]
fn a_device_that_refuses_the_mode_is_reported_and_still_configured() {
    if !is_static() {
        return only_static();
    }
    let machine = machine();
    // The file is not writable, as on a device that supports only one mode.
    std::fs::remove_file(machine.path(MODE)).expect("a file");
    std::fs::create_dir(machine.path(MODE)).expect("a directory");
    let outcome = live(&machine, &["apply", "--backend", "networkd"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let warning =
        "one-sriov-agent: warning: failed to set the transport mode of 'ib0' to connected: ";
    assert!(outcome.stderr.contains(warning), "{}", outcome.stderr);
    assert!(machine.has("/etc/systemd/network/05-one-sriov-ib0.network"));
}

#[test]
fn in_an_image_only_the_udev_rule_sets_the_mode() {
    let machine = machine();
    assert_eq!(run(&machine, &["apply", "--backend", "networkd"]).code, 0);
    assert_eq!(machine.read(MODE), "datagram\n");
    let rule = machine.read("/etc/udev/rules.d/99-one-sriov-ib0.rules");
    let expected = "ACTION==\"add|move\", SUBSYSTEM==\"net\", ATTR{type}==\"32\", KERNEL==\"ib0\", ATTR{mode}=\"connected\"\n";
    assert!(rule.ends_with(expected), "{rule}");
}

#[test]
fn netplan_runs_only_if_its_files_have_changed() {
    if !is_static() {
        return only_static();
    }
    let complaint = "one-sriov-agent: warning: failed to generate netplan's configuration: ";
    let machine = machine();
    // netplan is not installed here, and the warning shows that the agent tried to run it.
    let first = live(&machine, &["apply", "--backend", "netplan-networkd"]);
    assert_eq!(first.code, 0);
    let missing = format!("{complaint}failed to run 'netplan': not found in PATH\n");
    assert!(first.stderr.contains(&missing), "{}", first.stderr);
    let second = live(&machine, &["apply", "--backend", "netplan-networkd"]);
    assert!(!second.stderr.contains("netplan"), "{}", second.stderr);
    let other = live(&machine, &["apply", "--backend", "networkd"]);
    assert!(
        other.stderr.contains(complaint),
        "its files are gone: {}",
        other.stderr
    );
    let third = live(&machine, &["apply", "--backend", "networkd"]);
    assert!(!third.stderr.contains("netplan"), "{}", third.stderr);
    // The agent doesn't run netplan in an image.
    let resting = self::machine();
    let outcome = run(&resting, &["apply", "--backend", "netplan-networkd"]);
    assert!(!outcome.stderr.contains("failed"), "{}", outcome.stderr);
}

#[test]
fn a_failure_of_netplan_is_reported_and_does_not_fail_the_run() {
    if !is_static() {
        return only_static();
    }
    // A copy of the agent takes netplan's place, and fails because it doesn't know the command.
    let machine = machine();
    copy_program(agent_path(), &machine.path("/usr/sbin/netplan"));
    let outcome = live(&machine, &["apply", "--backend", "netplan-networkd"]);
    assert_eq!(outcome.code, 0);
    assert!(
        outcome
            .stderr
            .contains("failed to generate netplan's configuration: "),
        "{}",
        outcome.stderr
    );
}

/// Returns the warnings of a run with these variables and with this library of systemd.
fn warnings_with(more: &str, backend: &str, library: &str) -> String {
    let machine = machine();
    let context = machine.read("/context/context.sh") + more;
    machine.write("/context/context.sh", context);
    machine.write(library, "");
    let outcome = run(&machine, &["apply", "--backend", backend]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stderr
}

#[test]
fn a_networkd_without_support_for_partitions_is_reported() {
    let warnings =
        |backend: &str, library: &str| warnings_with("IB0_PKEY='0x8003'\n", backend, library);
    let old = "/lib/systemd/libsystemd-shared-247.so";
    let warning = "one-sriov-agent: warning: ETH0: 'ib0.8003' will not come up; systemd-networkd creates P_Key \
        children from 250 on, and this is 247\n";
    for backend in ["networkd", "netplan-networkd"] {
        assert_eq!(warnings(backend, old), warning, "{backend}");
        let el10 = "/usr/lib/systemd/libsystemd-shared-257-13.el10.so";
        assert_eq!(warnings(backend, el10), "", "{backend}");
        assert_eq!(warnings(backend, "/usr/bin/networkctl"), "", "{backend}");
    }
    assert_eq!(warnings("keyfile", old), "");
}

/// systemd supports this since 247 (pull request 17444); Ubuntu 20.04 has 245.
#[test]
fn a_networkd_without_dhcp_on_infiniband_is_reported() {
    let dhcp = "ETH0_METHOD='dhcp'\n";
    let warnings = |version: &str| {
        let library = format!("/usr/lib/systemd/libsystemd-shared-{version}.so");
        warnings_with(dhcp, "networkd", &library)
    };
    assert_eq!(
        warnings("245"),
        "one-sriov-agent: warning: ETH0: 'ib0' will get no address; systemd-networkd supports DHCP on InfiniBand from \
         247 on, and this is 245\n"
    );
    assert_eq!(warnings("247"), "");
    let old = "/usr/lib/systemd/libsystemd-shared-245.so";
    assert_eq!(warnings_with("", "networkd", old), "");
}

#[test]
fn a_network_manager_that_cannot_disable_ipv6_is_reported() {
    let warnings = |more: &str, plugin: &str| {
        let machine = machine();
        let context = machine.read("/context/context.sh") + more;
        machine.write("/context/context.sh", context);
        let directory = format!(
            "/usr/lib/{}-linux-gnu/NetworkManager",
            std::env::consts::ARCH
        );
        machine.write(&format!("{directory}/{plugin}"), "");
        let outcome = run(&machine, &["apply", "--backend", "keyfile"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stderr
    };
    let warning = "one-sriov-agent: warning: ETH0: 'ib0' will not come up; NetworkManager supports a device without \
        IPv6 from 1.20 on, and this is 1.14\n";
    for more in ["IB0_PKEY='0x8003'\n", "ETH0_IP6_METHOD='disable'\n"] {
        assert_eq!(warnings(more, "1.14.6/libnm-wwan.so"), warning, "{more}");
        assert_eq!(warnings(more, "1.42.4/libnm-wwan.so"), "", "{more}");
        let older = warning.replace("this is 1.14", "this one is older");
        assert_eq!(warnings(more, "libnm-wwan.so"), older, "{more}");
    }
    assert_eq!(warnings("", "1.14.6/libnm-wwan.so"), "");
}

#[test]
fn a_conflicting_interfaces_file_is_reported() {
    let path = "/etc/network/interfaces";
    let notes = |backend: &str, text: Option<&str>| {
        let machine = machine();
        if let Some(text) = text {
            machine.write(path, text);
        }
        let outcome = run(&machine, &["apply", "--backend", backend]);
        assert_eq!(outcome.code, 0);
        // The file isn't the agent's, so it stays unchanged.
        assert_eq!(
            machine.has(path).then(|| machine.read(path)).as_deref(),
            text
        );
        outcome.stderr.replace("one-sriov-agent: warning: ", "")
    };
    let pattern = "source /etc/network/interfaces.d/*";
    let directory = "source-directory /etc/network/interfaces.d";
    let unread = format!("'{path}' has no line '{pattern}', so the files there are not read\n");
    let unread_by_all = format!(
        "'{path}' has no line '{directory}', so busybox and ifupdown-ng do not read the files there\n"
    );
    let both = format!("'{path}' also configures 'ib0': remove its stanza there\n");
    for (backend, its, others, unread) in [
        ("interfaces", pattern, directory, unread),
        ("interfaces-alpine", directory, pattern, unread_by_all),
    ] {
        let notes = |text: Option<&str>| notes(backend, text);
        let lo = "auto lo\niface lo inet loopback\n";
        assert_eq!(notes(Some(&format!("{lo}{its}\n"))), "");
        assert_eq!(notes(Some(&format!("{lo}{others}\n"))), unread);
        assert_eq!(notes(None), unread);
        assert_eq!(
            notes(Some("auto ib0\niface ib0 inet dhcp\n")),
            format!("{unread}{both}")
        );
        assert_eq!(notes(Some(&format!("{its}\niface ib0 inet dhcp\n"))), both);
    }
}
