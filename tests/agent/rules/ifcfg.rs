//! Rules of the programs that read `ifcfg` files: initscripts, NetworkManager and wicked.

use std::collections::BTreeSet;

use regex::Regex;

use super::{File, RED_HAT, rule};

/// NetworkManager's reader checks `TYPE` before `VLAN` (`nms-ifcfg-rh-reader.c`); initscripts check `VLAN`.
#[test]
fn a_vlan_has_the_type_that_its_reader_expects() {
    for (backend, kind) in [("ifcfg-nm", "Vlan"), ("ifcfg-initscripts", "Ethernet")] {
        rule(
            |file| file.is_ifcfg(&[backend]) && file.has("VLAN=yes"),
            |file| file.value("TYPE") == Some(kind),
        );
    }
}

/// `ifup-ipv6` accepts router advertisements before it reads the setting, and with `IPV6INIT=no` leaves that to the kernel.
#[test]
fn initscripts_get_sysctl_files_for_ipv6() {
    let is_settings = |file: &File| {
        file.backend == "ifcfg-initscripts" && file.path.starts_with("/etc/sysctl.d/90-one-sriov-")
    };
    for (scenario, expected) in [
        ("dual", "net/ipv6/conf/eth0/accept_ra = 0"),
        ("no-ipv6", "net/ipv6/conf/eth0/disable_ipv6 = 1"),
    ] {
        rule(
            |file| is_settings(file) && file.scenario == scenario,
            |file| file.has(expected),
        );
    }
}

/// initscripts compare the type case-sensitively (`network-functions`, `source_config`).
#[test]
fn the_type_is_spelled_as_initscripts_expect() {
    let known = [Some("Ethernet"), Some("InfiniBand"), Some("Vlan")];
    rule(
        |file| file.is_ifcfg(RED_HAT),
        |file| known.contains(&file.value("TYPE")),
    );
    rule(
        |file| file.is_ifcfg(RED_HAT) && file.name().contains("ib"),
        File::is_infiniband,
    );
}

/// NetworkManager ignores a device with `NM_CONTROLLED=no`. Without that line, initscripts leave the device to NetworkManager.
#[test]
fn only_files_for_initscripts_have_nm_controlled_no() {
    rule(
        |file| file.is_ifcfg(&["ifcfg-initscripts"]),
        |file| file.value("NM_CONTROLLED") == Some("no"),
    );
    rule(
        |file| file.is_ifcfg(&["ifcfg-nm"]),
        |file| !file.has("NM_CONTROLLED"),
    );
}

/// NetworkManager reads a non-contiguous mask as /32, and ignores addresses after a gap in their numbers.
#[test]
fn addresses_have_a_prefix_and_consecutive_numbers() {
    rule(
        |file| file.is_ifcfg(RED_HAT) && file.has("IPADDR"),
        |file| {
            let numbers = |key: &str| -> BTreeSet<String> {
                let lines = file.text.lines().filter_map(|line| line.split_once('='));
                let own = lines.filter_map(|(name, _)| name.strip_prefix(key));
                own.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
                    .map(str::to_owned)
                    .collect()
            };
            let addresses = numbers("IPADDR");
            let wanted: BTreeSet<String> = (0..addresses.len())
                .map(|nth| {
                    if nth == 0 {
                        String::new()
                    } else {
                        nth.to_string()
                    }
                })
                .collect();
            addresses == wanted && numbers("PREFIX") == addresses
        },
    );
}

/// With `ARPCHECK=no`, `ifup-ib` takes the failed test of that value for a duplicate address, and stops.
#[test]
fn arpcheck_is_never_set() {
    rule(|file| file.is_ifcfg(RED_HAT), |file| !file.has("ARPCHECK"));
}

/// `ifup-ib` exits with 1 unless the partition's name is that of the parent and the P_Key with full membership. It reads a number
/// without `0x` as decimal.
#[test]
fn a_partition_has_the_name_that_ifup_ib_expects() {
    rule(
        |file| file.is_ifcfg(RED_HAT) && file.has("PKEY="),
        |file| {
            let id = file.value("PKEY_ID").unwrap().strip_prefix("0x").unwrap();
            let number = u16::from_str_radix(id, 16).unwrap();
            let name = format!("{}.{:04x}", file.value("PHYSDEV").unwrap(), number | 0x8000);
            number & 0x8000 != 0 && file.value("DEVICE") == Some(&name) && file.is_infiniband()
        },
    );
}

/// NetworkManager's reader does not know `METRIC`.
#[test]
fn each_reader_gets_the_metric_in_its_own_key() {
    rule(
        |file| file.is_ifcfg(&["ifcfg-nm"]),
        |file| !file.has("METRIC="),
    );
    rule(
        |file| {
            file.is_ifcfg(&["ifcfg-nm"]) && file.scenario == "three" && file.name() == "ifcfg-eth1"
        },
        |file| file.value("IPV4_ROUTE_METRIC") == Some("200"),
    );
    rule(
        |file| {
            file.is_ifcfg(&["ifcfg-initscripts"])
                && file.scenario == "three"
                && file.name() == "ifcfg-eth1"
        },
        |file| file.value("METRIC") == Some("200"),
    );
}

/// A single line of the other kind makes the reader ignore the lines of this kind.
#[test]
fn route_files_use_one_syntax() {
    let route = Regex::new("^(default|[0-9a-f.:/]+) (via [0-9a-f.:]+ )?dev [a-z0-9.]+( scope link)?( onlink)?( metric [0-9]+)?$").unwrap();
    rule(
        |file| RED_HAT.contains(&file.backend) && file.name().starts_with("route"),
        |file| file.text.lines().skip(1).all(|line| route.is_match(line)),
    );
}

/// `ifup-eth` adds a default route only for a gateway in the network of the first address.
#[test]
fn a_gateway_off_the_link_is_written_as_a_route() {
    rule(
        |file| file.is_ifcfg(&["ifcfg-initscripts"]) && file.scenario == "off-link",
        |file| !file.has("GATEWAY"),
    );
    rule(
        |file| {
            file.backend == "ifcfg-initscripts"
                && file.scenario == "off-link"
                && file.name() == "route-eth0"
        },
        |file| file.has("default via 169.254.1.1 dev eth0"),
    );
}

/// wicked takes `BOOTPROTO=none` as no addresses at all, doesn't start a device by default, and doesn't know these keys.
#[test]
fn files_for_wicked_use_its_own_dialect() {
    let is_nic =
        |file: &File| file.is_ifcfg(&["ifcfg-suse"]) && file.value("STARTMODE") != Some("off");
    rule(is_nic, |file| file.value("STARTMODE") == Some("auto"));
    rule(is_nic, |file| {
        ["static", "dhcp", "dhcp4", "dhcp6"].contains(&file.value("BOOTPROTO").unwrap())
    });
    rule(
        |file| file.is_ifcfg(&["ifcfg-suse"]),
        |file| {
            let foreign = [
                "ONBOOT",
                "TYPE",
                "NM_CONTROLLED",
                "GATEWAY",
                "DNS",
                "DEVICE",
                "PREFIX",
            ];
            !foreign.iter().any(|key| file.has(key))
        },
    );
    let with_prefix = Regex::new("^IPADDR(_[0-9A-Z]+)?=[0-9a-f.:]+/[0-9]+$").unwrap();
    rule(
        |file| file.is_ifcfg(&["ifcfg-suse"]) && file.has("IPADDR"),
        |file| {
            file.text
                .lines()
                .filter(|line| line.starts_with("IPADDR"))
                .all(|line| with_prefix.is_match(line))
        },
    );
}

/// Without `IPOIB=yes` wicked treats the device as a plain link, unless its name is `ib<N>`.
#[test]
fn files_for_wicked_say_which_devices_are_infiniband() {
    rule(
        |file| file.is_ifcfg(&["ifcfg-suse"]) && file.name().starts_with("ifcfg-ib"),
        |file| file.value("IPOIB") == Some("yes"),
    );
    rule(
        |file| file.is_ifcfg(&["ifcfg-suse"]) && file.has("IPOIB_PKEY="),
        |file| {
            file.name()
                .starts_with(&format!("ifcfg-{}.", file.value("IPOIB_DEVICE").unwrap()))
        },
    );
    let route = Regex::new("^(default|[0-9a-f.:/]+) ([0-9a-f.:]+|-) - [a-z0-9.]+( .*)?$").unwrap();
    rule(
        |file| file.name().starts_with("ifroute-"),
        |file| file.text.lines().skip(1).all(|line| route.is_match(line)),
    );
}
