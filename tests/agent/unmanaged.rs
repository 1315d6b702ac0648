//! Rules of others that keep NetworkManager from everything: what the agent writes against them.

use one_sriov_tests::{Machine, infiniband, run, virtio};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:0a:00:05'\nETH0_IP='10.10.0.5'\nETH0_VLAN_ID='5'\n";
const RULE: &str = "/usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf";
const OURS: &str = "/etc/NetworkManager/conf.d/90-one-sriov-ib0.conf";

#[test]
fn a_rule_for_everything_gets_an_exception_as_long_as_it_is_there() {
    let nics = [
        virtio("ens7", "aa:00:0a:0a:00:05", 4),
        infiniband("ib0", "00:12:aa:00:0a:0a:00:05", "0000:00:05.0"),
    ];
    let machine = Machine::new(CONTEXT, &nics);
    let apply = |backend| assert_eq!(run(&machine, &["apply", "--backend", backend]).code, 0);
    apply("keyfile");
    assert!(!machine.has(OURS), "nothing keeps NetworkManager from it");

    machine.write(RULE, "[keyfile]\nunmanaged-devices=*,except:type:wifi\n");
    apply("keyfile");
    let text = machine.read(OURS);
    let exceptions =
        "\nunmanaged-devices+=except:interface-name:=ib0;except:interface-name:=ib0.8005;";
    assert!(text.contains(exceptions), "{text}");
    assert!(
        text.ends_with(";interface-name:=one-sriov-is-no-device\n"),
        "an exception alone would be one to everything: {text}"
    );

    // As netplan does it where its renderer is NetworkManager.
    machine.write(
        "/run/NetworkManager/conf.d/10-globally-managed-devices.conf",
        "",
    );
    apply("keyfile");
    assert!(!machine.has(OURS), "the rule is hidden");
    std::fs::remove_dir_all(machine.path("/run/NetworkManager")).expect("a directory");
    machine.write(RULE, "[keyfile]\nunmanaged-devices=type:infiniband\n");
    apply("netplan-nm");
    assert!(machine.has(OURS), "below netplan, too");
    apply("networkd");
    assert!(!machine.has(OURS), "it is nothing to another network stack");
}
