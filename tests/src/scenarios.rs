//! Scenarios for every network stack.

use crate::nic::{Nic, ethernet, infiniband, virtio};

const GUID: &str = "00:04:aa:00:c0:a8:07:05";
/// An InfiniBand NIC of the context; the MAC of its dummy NIC has the same last four octets.
const IB: &str = "ETH0_MAC='02:00:c0:a8:07:05'\nETH0_IP='192.168.7.5'\nETH0_MASK='255.255.255.0'\n";
/// An Ethernet NIC of the context.
const PLAIN: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.0'\n\
    ETH0_GATEWAY='10.0.0.1'\nETH0_DNS='10.0.0.2 10.0.0.3'\nETH0_SEARCH_DOMAIN='example.org'\n";

fn plain() -> Nic {
    virtio("eth0", "02:00:0a:00:00:05", 3)
}

fn port(name: &str, slot: u8) -> Nic {
    let guid = format!("24:8a:07:03:00:aa:bb:{slot:02x}");
    infiniband(name, &guid, &format!("0000:05:{slot:02x}.0"))
}

fn by_guid() -> Nic {
    infiniband("ib0", GUID, "0000:05:00.0")
}

fn dummy(position: u8, key: &str) -> Nic {
    let mac = format!("aa:{position:02x}:{key}");
    virtio(&format!("eth{}", position + 1), &mac, 4 + position)
}

/// All kinds of NICs, each with the scenario's name, context and NICs.
///
/// Each scenario is rendered for every network stack, and tested on the real stacks.
#[must_use]
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub fn scenarios() -> Vec<(&'static str, String, Vec<Nic>)> {
    let ib = |more: &str| format!("{IB}{more}\n");
    let of_plain = |more: &str| format!("{PLAIN}{more}\n");
    let three = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\n\
        ETH1_MAC='02:00:0a:01:00:05'\nETH1_IP='10.1.0.5'\nETH1_MASK='255.255.0.0'\nETH1_METRIC='200'\nETH1_GATEWAY='10.1.0.1'\n\
        ETH2_MAC='02:00:0a:02:00:05'\nETH2_METHOD='skip'\n";
    let mixed = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\nETH0_DNS='10.0.0.2'\n\
        ETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.5'\nETH1_MTU='2044'\n\
        ETH2_MAC='02:00:c0:a8:08:06'\nETH2_IP='192.168.8.6'\nDNS='10.0.0.2 10.0.0.9'\nSEARCH_DOMAIN='cloud.example.org'\n\
        ONEGATE_ENDPOINT='http://169.254.16.9:5030'\n";
    let ipv6 = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='56'\nETH0_IP6_GATEWAY='fe80::1'\n\
        ETH0_IP6_METRIC='50'\nETH0_MTU='1400'\nETH0_DNS='2001:db8::53'\nETH0_SEARCH_DOMAIN='six.example.org'\n";
    let dhcp = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_METHOD='dhcp'\nETH0_ROUTES='10.9.0.0/16 via 10.0.0.254'\nETH0_METRIC='300'\nETH0_IP6_METHOD='dhcp'\n\
        ETH1_MAC='02:00:0a:01:00:05'\nETH1_METHOD='dhcp'\nETH1_IP6_METHOD='auto'\nETH1_IP6_METRIC='301'\n";
    let metrics = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_METHOD='dhcp'\nETH0_METRIC='300'\nETH0_IP6_METHOD='dhcp'\nETH0_IP6_METRIC='301'\n\
        ETH1_MAC='02:00:0a:01:00:05'\nETH1_IP='10.1.0.5'\nETH1_GATEWAY='10.1.0.1'\nETH1_METRIC='302'\n\
        ETH1_ROUTES='172.16.0.0/12 via 10.1.0.254'\nETH1_IP6_METHOD='dhcp'\nETH1_IP6_METRIC='303'\n";
    let aliases = "ETH0_ALIAS0_MAC='02:00:0a:00:01:05'\nETH0_ALIAS0_IP='10.0.1.5'\nETH0_ALIAS0_MASK='255.255.255.0'\n\
        ETH0_ALIAS1_IP='10.0.2.5'\nETH0_ALIAS1_EXTERNAL='YES'\nETH0_ALIAS2_IP='10.0.3.5'\nETH0_ALIAS2_DETACH='YES'\n\
        ETH0_ALIAS3_IP6='2001:db8:3::5'";
    let routes = "ETH0_ROUTES='172.16.0.0/12 via 10.0.0.254, 10.9.0.0/16 via 10.0.0.253, 2001:db8:9::/48 via 2001:db8::fe'\n\
        ETH0_IP6='2001:db8::5'";
    let forms = "ETH0_ROUTES='172.16.0.0/12 via 10.0.0.254 dev eth0 metric 50,10.9.0.0 255.255.0.0 10.0.0.253'\n\
        ETH0_DNS='fe80::53%eth0, 10.0.0.2'\nETH0_SEARCH_DOMAIN='~example.org example.net .'\nETH0_IPV6='2001:db8::5'";
    let pci = "PCI0_ADDRESS='01:01.0'\nPCI0_MAC='02:00:0a:09:00:05'\nPCI0_IP='10.9.0.5'\nPCI0_VLAN_ID='42'\nPCI0_MTU='9000'\n\
        PCI0_GATEWAY='10.9.0.1'\nPCI0_IP6='2001:db8:9::5'\nPCI0_GATEWAY6='2001:db8:9::1'\n\
        PCI1_ADDRESS='01:02.0'\nPCI1_IP='10.10.0.5'\nPCI1_MASK='255.255.0.0'\nPCI1_VLAN_ID='5'\n";
    let shared = "ETH0_VROUTER_IP='10.0.0.250'\nETH0_VROUTER_IP6='2001:db8::fa'\nETH0_VROUTER_MANAGEMENT='YES'";
    let off_link = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.255'\nETH0_GATEWAY='169.254.1.1'\n\
        ETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='128'\nETH0_IP6_GATEWAY='2001:db8:ffff::1'\n\
        ETH0_ROUTES='10.8.0.0/16 via 169.254.1.1, 10.9.0.0/16 via 169.254.1.2, 2001:db8:9::/48 via 2001:db8:ffff::2'\n";
    let hostile = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_DNS='10.0.0.2\n[Network]\nDNS=6.6.6.6'\n\
        ETH1_MAC='02:00:0a:01:00:05'\nETH1_IP='10.1.0.5'\nETH1_GATEWAY='$(reboot)'\n\
        ETH2_MAC='02:00:0a:02:00:05'\nETH2_IP='10.2.0.5'\nETH2_SEARCH_DOMAIN='a;b \"c'\nDNS='`id`'\nONEGATE_ENDPOINT='http://169.254.1.1;reboot'\n";
    let further = [
        virtio("eth1", "02:00:0a:01:00:05", 4),
        virtio("eth2", "02:00:0a:02:00:05", 5),
    ];
    let [one, two] = further.clone();
    let passed = ethernet("ens9", "02:00:0a:09:00:05", "0000:01:01.0", "mlx5_core");
    let with_dummy = || vec![dummy(0, "c0:a8:07:05"), port("ib0", 0)];
    vec![
        ("plain", PLAIN.into(), vec![plain()]),
        (
            "three",
            three.into(),
            vec![plain(), one.clone(), two.clone()],
        ),
        (
            "infiniband-by-dummy",
            ib("ETH0_GATEWAY='192.168.7.1'"),
            with_dummy(),
        ),
        ("infiniband-by-guid", ib(""), vec![by_guid()]),
        (
            "mixed",
            mixed.into(),
            vec![
                plain(),
                dummy(0, "c0:a8:07:05"),
                dummy(1, "c0:a8:08:06"),
                port("ib0", 0),
                port("ib1", 1),
            ],
        ),
        (
            "pkey",
            ib("ETH0_VLAN_ID='5'\nETH0_MTU='2044'\nETH0_GATEWAY='192.168.7.1'"),
            vec![by_guid()],
        ),
        ("connected", ib("IB0_MODE='connected'"), vec![by_guid()]),
        (
            "connected-pkey",
            ib("IB0_MODE='connected'\nIB0_PKEY='0x8003'\nIB0_MTU='65520'"),
            vec![by_guid()],
        ),
        ("ipv6", ipv6.into(), vec![plain()]),
        (
            "dual",
            of_plain(
                "ETH0_IP6='2001:db8::5'\nETH0_IP6_ULA='fd00::5'\nETH0_IP6_GATEWAY='2001:db8::1'",
            ),
            vec![plain()],
        ),
        (
            "no-ipv6",
            of_plain("ETH0_IP6_METHOD='disable'"),
            vec![plain()],
        ),
        ("dhcp", dhcp.into(), vec![plain(), one.clone()]),
        ("metrics", metrics.into(), vec![plain(), one.clone()]),
        ("aliases", of_plain(aliases), vec![plain()]),
        ("routes", of_plain(routes), vec![plain()]),
        (
            "pci",
            pci.into(),
            vec![passed, port("ibp1s2", 9).at("0000:01:02.0")],
        ),
        ("virtual-router", of_plain(shared), vec![plain()]),
        ("off-link", off_link.into(), vec![plain()]),
        ("mtu-2044", ib("ETH0_MTU='2044'"), vec![by_guid()]),
        ("mtu-4092", ib("ETH0_MTU='4092'"), vec![by_guid()]),
        ("mtu-65520", ib("ETH0_MTU='65520'"), vec![by_guid()]),
        ("forms", of_plain(forms), vec![plain()]),
        ("hostile", hostile.into(), vec![plain(), one, two]),
    ]
}
