//! Values of InfiniBand NICs: MTU, transport mode, partition.

use one_sriov_tests::{Machine, infiniband, virtio};

use crate::scenario::{SCRIPTS, address_of, apply};

/// A machine with an InfiniBand NIC at position 0.
fn one_infiniband(variables: &str) -> Machine {
    let context = format!("ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n{variables}\n");
    let nics = [
        virtio("eth0", "aa:00:0a:00:00:05", 3),
        infiniband("ib0", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
    ];
    Machine::new(&context, &nics)
}

#[test]
fn mtu_and_mode_of_an_infiniband_nic() {
    let table = [
        ("ETH0_MTU='2044'", &["MTU=2044"][..]),
        ("ETH0_MTU='4092'", &["MTU=4092"]),
        (
            "IB0_MODE='datagram'\nETH0_MTU='4092'",
            &["MTU=4092", "CONNECTED_MODE=no"],
        ),
        ("IB0_MODE='Connected'", &["CONNECTED_MODE=yes"]),
        (
            "IB0_MODE='connected'\nIB0_MTU='65520'",
            &["MTU=65520", "CONNECTED_MODE=yes"],
        ),
        // Only connected mode supports this MTU, so the mode is implied.
        ("ETH0_MTU='65520'", &["MTU=65520", "CONNECTED_MODE=yes"]),
    ];
    for (variables, expected) in table {
        let machine = one_infiniband(variables);
        assert_eq!(apply(&machine).code, 0, "{variables}");
        let text = machine.read(&format!("{SCRIPTS}/ifcfg-ib0"));
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("MTU") || line.starts_with("CONN"))
            .collect();
        assert_eq!(lines, expected, "{variables}");
    }
    let table = [
        (
            "ETH0_MTU='65521'",
            "ETH0_MTU '65521' is above 65520, the largest MTU of InfiniBand",
        ),
        (
            "IB0_MODE='fast'",
            "IB0_MODE 'fast' is neither 'datagram' nor 'connected'",
        ),
        ("IB0_PKEY='0x8000'", "IB0_PKEY '0x8000' is not a P_Key"),
        (
            "ETH0_VLAN_ID='99999'",
            "ETH0_VLAN_ID '99999' is not a P_Key",
        ),
    ];
    let bare = one_infiniband("");
    assert_eq!(apply(&bare).code, 0);
    for (variables, expected) in table {
        let machine = one_infiniband(variables);
        let outcome = apply(&machine);
        assert_eq!(
            outcome.stderr,
            format!(
                "one-sriov-agent: error: ETH0 is configured, but a value is ignored: {expected}\n"
            )
        );
        assert_eq!(outcome.code, 4);
        assert_eq!(machine.etc(), bare.etc(), "{variables}");
    }
}

/// A doubtful value is written with a warning: enhanced IPoIB supports larger datagrams, and four digits are read as decimal.
#[test]
fn a_doubtful_value_is_written_with_a_warning() {
    let table = [
        (
            "IB0_MODE='datagram'\nETH0_MTU='9000'",
            "ifcfg-ib0",
            "MTU=9000\nCONNECTED_MODE=no\n",
            &[
                "MTU 9000 is above 4092, the largest MTU of datagram mode on most devices; the kernel may refuse it",
                "'ifup-ib' sets an MTU of 2044 in datagram mode, not 9000",
            ][..],
        ),
        (
            "IB0_PKEY='8001'",
            "ifcfg-ib0.9f41",
            "PKEY_ID=0x9f41\n",
            &[
                "IB0_PKEY is read as decimal, which is P_Key 0x9f41; write 0x8001 if it is hexadecimal",
            ],
        ),
        (
            "ETH0_VLAN_ID='8001'",
            "ifcfg-ib0.9f41",
            "PKEY_ID=0x9f41\n",
            &[
                "ETH0_VLAN_ID is read as decimal, which is P_Key 0x9f41; write 0x8001 if it is hexadecimal",
            ],
        ),
        (
            "IB0_PKEY='8abc'",
            "ifcfg-ib0.8abc",
            "PKEY_ID=0x8abc\n",
            &["IB0_PKEY is read as hexadecimal; write 0x8abc"],
        ),
    ];
    for (variables, file, written, warnings) in table {
        let machine = one_infiniband(variables);
        let outcome = apply(&machine);
        assert_eq!(outcome.code, 0, "{variables}");
        let line = |warning: &&str| format!("one-sriov-agent: warning: ETH0: {warning}\n");
        let expected: String = warnings.iter().map(line).collect();
        assert_eq!(outcome.stderr, expected);
        let text = machine.read(&format!("{SCRIPTS}/{file}"));
        assert!(text.contains(written), "{text}");
    }
}

#[test]
fn partitions_in_hex_or_decimal_are_children_except_the_default_one() {
    let table = [
        ("ETH0_VLAN_ID='32769'", "ib0.8001"),
        ("ETH0_VLAN_ID='1'", "ib0.8001"),
        ("IB0_PKEY='0x8001'", "ib0.8001"),
        ("IB0_PKEY='0x8003'\nETH0_VLAN_ID='5'", "ib0.8003"),
        ("IB0_PKEY='0xffff'", "ib0"),
        ("ETH0_VLAN_ID='32767'", "ib0"),
        ("ETH0_VLAN_ID='0'", "ib0"),
        ("ETH0_VLAN_ID=''", "ib0"),
    ];
    for (variables, device) in table {
        let machine = one_infiniband(variables);
        assert_eq!(apply(&machine).code, 0, "{variables}");
        assert_eq!(
            address_of(&machine, device).as_deref(),
            Some("10.0.0.5"),
            "{variables}"
        );
        assert_eq!(
            device == "ib0",
            address_of(&machine, "ib0").is_some(),
            "{variables}"
        );
    }
}

#[test]
fn a_device_name_too_long_for_a_partition_is_refused() {
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nIB0_PKEY='0x8001'\n";
    let nics = [
        virtio("eth0", "aa:00:0a:00:00:05", 3),
        infiniband("ibp129s0f0v12", "24:8a:07:03:00:aa:bb:01", "0000:81:00.0"),
    ];
    let outcome = apply(&Machine::new(context, &nics));
    assert_eq!(outcome.code, 4);
    assert_eq!(
        outcome.stderr,
        "one-sriov-agent: error: ETH0 is not configured: 'ibp129s0f0v12' is too long a name for a child interface of \
         P_Key 0x8001\n"
    );
}
