//! First boots: one scenario per kind of NIC and address.

use one_sriov_tests::{ethernet, infiniband, virtio};

use super::{eth0, with_vf};
use crate::{Scenario, Stage};

/// Guests with all kinds of NICs.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn boots() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "plain",
            vec![Stage {
                addresses: &[("eth0", &["10.0.0.5/24"])],
                routes: &["default via 10.0.0.1 dev eth0"],
                dns: &["10.0.0.2", "10.0.0.3"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.0'\n\
                     ETH0_GATEWAY='10.0.0.1'\nETH0_DNS='10.0.0.2'\nDNS='10.0.0.2 10.0.0.3'\n",
                )
            }],
        ),
        Scenario::new(
            "everything",
            vec![Stage {
                addresses: &[(
                    "eth0",
                    &["10.0.0.5/24", "10.0.1.5/24", "2001:db8::5/64", "fd00::5/64"],
                )],
                routes: &[
                    "default via 10.0.0.1 dev eth0 metric 77",
                    "default via 2001:db8::1 dev eth0 metric 78",
                    "172.16.0.0/12 via 10.0.0.254 dev eth0",
                    "2001:db8:9::/48 via 2001:db8::fe dev eth0",
                ],
                mtus: &[("eth0", 1400)],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\n\
                     ETH0_METRIC='77'\nETH0_MTU='1400'\nETH0_IP6='2001:db8::5'\nETH0_IP6_ULA='fd00::5'\n\
                     ETH0_IP6_GATEWAY='2001:db8::1'\nETH0_IP6_METRIC='78'\nETH0_ALIAS0_IP='10.0.1.5'\n\
                     ETH0_ROUTES='172.16.0.0/12 via 10.0.0.254, 2001:db8:9::/48 via 2001:db8::fe'\n",
                )
            }],
        ),
        Scenario::new(
            "gateways off the link",
            vec![Stage {
                addresses: &[("eth0", &["10.0.0.5/32", "2001:db8::5/128"])],
                routes: &[
                    "default via 169.254.1.1 dev eth0",
                    "default via 2001:db8:ffff::1 dev eth0",
                ],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.255'\n\
                     ETH0_GATEWAY='169.254.1.1'\nETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='128'\n\
                     ETH0_IP6_GATEWAY='2001:db8:ffff::1'\n",
                )
            }],
        ),
        Scenario::new(
            "IPv6 only",
            vec![Stage {
                addresses: &[("eth0", &["2001:db8::5/56"])],
                routes: &["default via fe80::1 dev eth0"],
                dns: &["2001:db8::53"],
                mtus: &[("eth0", 1300)],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='56'\n\
                     ETH0_IP6_GATEWAY='fe80::1'\nETH0_MTU='1300'\nETH0_DNS='2001:db8::53'\n",
                )
            }],
        ),
        Scenario::new(
            "DHCP, with a dummy NIC that must not ask for it",
            vec![Stage {
                nics: with_vf(),
                links: &[
                    "eth0=dhcp:02:00:0a:00:00:05",
                    "eth1=aa:00:c0:a8:07:05",
                    "ens9=02:00:c0:a8:07:05",
                ],
                addresses: &[
                    ("eth0", &["10.99.0.50/24"]),
                    ("ens9", &["192.168.7.5/24"]),
                    ("eth1", &[]),
                ],
                routes: &["default via 10.99.0.1 dev eth0"],
                dns: &["10.99.0.53"],
                untouched: &["eth1"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_METHOD='dhcp'\n\
                     ETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.5'\n",
                )
            }],
        ),
        Scenario::new(
            "an address by router advertisements beside a static one",
            vec![Stage {
                links: &["eth0=router:02:00:0a:00:00:05"],
                addresses: &[("eth0", &["10.0.0.5/24", "2001:db8:99::aff:fe00:5/64"])],
                routes: &["default via fe80::1 dev eth0"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_IP6_METHOD='auto'\n",
                )
            }],
        ),
        Scenario {
            needs_dhcpv6: true,
            ..Scenario::new(
                "an address by DHCPv6 alone",
                vec![Stage {
                    links: &["eth0=dhcp6:02:00:0a:00:00:05"],
                    addresses: &[("eth0", &["2001:db8:99::50/128"])],
                    routes: &["default via fe80::1 dev eth0"],
                    ..Stage::boot("ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP6_METHOD='dhcp'\n")
                }],
            )
        },
        Scenario::new(
            "an Ethernet VF, its dummy NIC, and OneGate on the link",
            vec![Stage {
                nics: with_vf(),
                links: &[
                    "eth0=02:00:0a:00:00:05",
                    "eth1=aa:00:c0:a8:07:05",
                    "ens9=02:00:c0:a8:07:05",
                ],
                addresses: &[
                    ("eth0", &["10.0.0.5/24"]),
                    ("ens9", &["192.168.7.5/24"]),
                    ("eth1", &[]),
                ],
                routes: &["169.254.16.9 dev eth0"],
                untouched: &["eth1"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:c0:a8:07:05'\n\
                     ETH1_IP='192.168.7.5'\nONEGATE_ENDPOINT='http://169.254.16.9:5030'\n",
                )
            }],
        ),
        Scenario {
            has_infiniband: true,
            ..Scenario::new(
                // Without IPv6: the substitute for InfiniBand has no address that a DHCPv6 client could use.
                "InfiniBand by its GUID, and its dummy NIC",
                vec![Stage {
                    nics: vec![
                        eth0(),
                        virtio("eth1", "aa:00:c0:a8:07:05", 4),
                        infiniband("ib0", "00:04:aa:00:c0:a8:07:05", "0000:05:00.0"),
                    ],
                    links: &[
                        "eth0=02:00:0a:00:00:05",
                        "eth1=aa:00:c0:a8:07:05",
                        "ib0=infiniband",
                    ],
                    addresses: &[
                        ("eth0", &["10.0.0.5/24"]),
                        ("ib0", &["192.168.7.5/24"]),
                        ("eth1", &[]),
                    ],
                    routes: &["default via 192.168.7.1 dev ib0"],
                    mtus: &[("ib0", 65520)],
                    mode: Some("connected"),
                    untouched: &["eth1"],
                    ..Stage::boot(
                        "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH1_MAC='02:00:c0:a8:07:05'\n\
                         ETH1_IP='192.168.7.5'\nETH1_GATEWAY='192.168.7.1'\nETH1_MTU='65520'\n\
                         ETH1_IP6_METHOD='disable'\n",
                    )
                }],
            )
        },
    ]
}

/// A VLAN, which the kernel must support. A router advertises on the parent's network, but only the VLAN may get
/// addresses.
pub(crate) fn vlan() -> Scenario {
    Scenario::new(
        "a VLAN of a NIC that is passed through",
        vec![Stage {
            nics: vec![ethernet(
                "ens9",
                "02:00:0a:09:00:05",
                "0000:01:01.0",
                "mlx5_core",
            )],
            links: &["ens9=router:02:00:0a:09:00:05"],
            addresses: &[
                ("ens9", &[]),
                ("ens9.42", &["10.9.0.5/24", "2001:db8:9::5/64"]),
            ],
            routes: &[
                "default via 10.9.0.1 dev ens9.42",
                "default via 2001:db8:9::1 dev ens9.42",
            ],
            mtus: &[("ens9.42", 1400)],
            hears_router: true,
            ..Stage::boot(
                "PCI0_ADDRESS='01:01.0'\nPCI0_IP='10.9.0.5'\nPCI0_VLAN_ID='42'\nPCI0_MTU='1400'\n\
                 PCI0_GATEWAY='10.9.0.1'\nPCI0_IP6='2001:db8:9::5'\nPCI0_GATEWAY6='2001:db8:9::1'\n",
            )
        }],
    )
}
