//! Other programs' rules that make all devices unmanaged for NetworkManager, and the agent's exceptions.

use one_sriov_tests::{Machine, infiniband, run, virtio};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:0a:00:05'\nETH0_IP='10.10.0.5'\nETH0_VLAN_ID='5'\n";
const RULE: &str = "/usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf";
/// The operator's file.
const SITE: &str = "/etc/NetworkManager/conf.d/50-site.conf";
const OURS: &str = "/etc/NetworkManager/conf.d/90-one-sriov-ib0.conf";

#[test]
fn a_rule_for_all_devices_gets_an_exception_while_it_exists() {
    let nics = [
        virtio("ens7", "aa:00:0a:0a:00:05", 4),
        infiniband("ib0", "00:12:aa:00:0a:0a:00:05", "0000:00:05.0"),
    ];
    let machine = Machine::new(CONTEXT, &nics);
    let apply = |backend| assert_eq!(run(&machine, &["apply", "--backend", backend]).code, 0);
    apply("keyfile");
    assert!(!machine.has(OURS), "no rule makes the NIC unmanaged");

    machine.write(RULE, "[keyfile]\nunmanaged-devices=*,except:type:wifi\n");
    apply("keyfile");
    let text = machine.read(OURS);
    let exceptions =
        "\nunmanaged-devices+=except:interface-name:=ib0;except:interface-name:=ib0.8005;";
    assert!(text.contains(exceptions), "{text}");
    assert!(
        text.ends_with(";interface-name:=one-sriov-is-no-device\n"),
        "an exception alone would make all other devices unmanaged: {text}"
    );

    // netplan hides the rule like this with renderer NetworkManager.
    machine.write(
        "/run/NetworkManager/conf.d/10-globally-managed-devices.conf",
        "",
    );
    apply("keyfile");
    assert!(!machine.has(OURS), "the rule is hidden");
    std::fs::remove_dir_all(machine.path("/run/NetworkManager")).expect("a directory");
    machine.write(RULE, "[keyfile]\nunmanaged-devices=type:infiniband\n");
    apply("netplan-nm");
    assert!(machine.has(OURS), "also with netplan");
    apply("networkd");
    assert!(
        !machine.has(OURS),
        "another network stack needs no exception"
    );
}

/// A rule that names the NIC is intentional.
#[test]
fn a_rule_that_names_a_nic_gets_no_exception_and_is_reported() {
    let nics = [
        virtio("eth0", "02:00:0a:00:00:05", 3),
        virtio("eth1", "02:00:0a:00:00:06", 4),
    ];
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.0.6'\n";
    for (text, shown) in [
        (
            "[keyfile]\nunmanaged-devices=interface-name:eth1\n",
            "interface-name:eth1",
        ),
        (
            "[keyfile]\nunmanaged-devices=interface-name:*1\n",
            "interface-name:*1",
        ),
        ("[keyfile]\nunmanaged-devices=eth1\n", "eth1"),
        (
            "[keyfile]\nunmanaged-devices=*;mac:02:00:0A:00:00:06\n",
            "mac:02:00:0A:00:00:06",
        ),
        (
            "[keyfile]\nunmanaged-devices=mac:02:00:0A:00:00:06\n",
            "mac:02:00:0A:00:00:06",
        ),
        (
            "[device-site]\nmatch-device=interface-name:eth1\nmanaged=0\n",
            "managed=0 in [device-site]",
        ),
    ] {
        let machine = Machine::new(context, &nics);
        machine.write(SITE, text);
        let outcome = run(&machine, &["apply", "--backend", "keyfile"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let has = |device: &str| {
            machine.has(&format!(
                "/etc/NetworkManager/conf.d/90-one-sriov-{device}.conf"
            ))
        };
        let is_general = text.contains("=*;");
        assert_eq!((has("eth0"), has("eth1")), (is_general, false), "{text}");
        let warning = format!(
            "one-sriov-agent: warning: ETH1: NetworkManager leaves 'eth1' unmanaged by '{shown}' in '{SITE}', so it gets no \
             address; remove that rule\n"
        );
        assert_eq!(outcome.stderr, warning, "{text}");
    }
}

#[test]
fn rules_for_drivers_and_sections_get_exceptions_too() {
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n";
    for rule in ["driver:virtio_net", "type:ethernet"] {
        let machine = Machine::new(context, &[virtio("eth0", "02:00:0a:00:00:05", 3)]);
        machine.write(SITE, format!("[keyfile]\nunmanaged-devices={rule}\n"));
        let outcome = run(&machine, &["apply", "--backend", "keyfile"]);
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
        assert!(
            machine.has("/etc/NetworkManager/conf.d/90-one-sriov-eth0.conf"),
            "{rule}"
        );
    }
    let machine = Machine::new(context, &[virtio("eth0", "02:00:0a:00:00:05", 3)]);
    machine.write(SITE, "[device]\nmanaged=0\n");
    let outcome = run(&machine, &["apply", "--backend", "keyfile"]);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""));
    let text = machine.read("/etc/NetworkManager/conf.d/90-one-sriov-eth0.conf");
    assert!(
        text.ends_with("[device-one-sriov-eth0]\nmatch-device=interface-name:=eth0\nmanaged=1\n"),
        "{text}"
    );
}
