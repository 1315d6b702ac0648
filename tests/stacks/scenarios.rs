//! The guests: their boot and later stages, and the expected state of the kernel.

use one_sriov_tests::{Nic, ethernet, infiniband, virtio};

use crate::{Scenario, Stage};

fn eth0() -> Nic {
    virtio("eth0", "02:00:0a:00:00:05", 3)
}

/// `eth0`, and an Ethernet VF with its dummy NIC.
fn with_vf() -> Vec<Nic> {
    vec![
        eth0(),
        virtio("eth1", "aa:00:c0:a8:07:05", 4),
        ethernet("ens9", "02:00:c0:a8:07:05", "0000:01:01.0", "mlx5_core"),
    ]
}

impl Stage {
    /// The boot of a guest with one NIC.
    fn boot(context: &'static str) -> Self {
        Self {
            context,
            nics: vec![eth0()],
            links: &["eth0=02:00:0a:00:00:05"],
            ..Self::default()
        }
    }

    /// A later stage of the same guest, without new links.
    fn later(context: &'static str) -> Self {
        Self {
            links: &[],
            ..Self::boot(context)
        }
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = boots();
    all.extend(gateways());
    all.extend(changes());
    all
}

/// Guests with all kinds of NICs.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn boots() -> Vec<Scenario> {
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

/// `eth0`, and a second NIC in another network.
fn with_eth1() -> Vec<Nic> {
    vec![eth0(), virtio("eth1", "02:00:0a:01:00:05", 4)]
}

const ETH0_AND_ETH1: &[&str] = &["eth0=02:00:0a:00:00:05", "eth1=02:00:0a:01:00:05"];

/// Guests with gateways off the link, and with several gateways.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn gateways() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "routes through gateways off the link",
            vec![Stage {
                addresses: &[("eth0", &["203.0.113.237/32", "2001:db8::5/128"])],
                routes: &[
                    "default via 203.0.113.232 dev eth0",
                    "default via 2001:db8:ffff::1 dev eth0",
                    "10.0.0.0/8 via 203.0.113.232 dev eth0",
                    "172.16.0.0/12 via 203.0.113.233 dev eth0",
                    "2001:db8:9::/48 via 2001:db8:ffff::1 dev eth0",
                    "2001:db8:a::/48 via 2001:db8:ffff::2 dev eth0",
                ],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='203.0.113.237'\nETH0_MASK='255.255.255.255'\n\
                     ETH0_GATEWAY='203.0.113.232'\nETH0_IP6='2001:db8::5'\nETH0_IP6_PREFIX_LENGTH='128'\n\
                     ETH0_IP6_GATEWAY='2001:db8:ffff::1'\nETH0_ROUTES='10.0.0.0/8 via 203.0.113.232,\
                     172.16.0.0/12 via 203.0.113.233,2001:db8:9::/48 via 2001:db8:ffff::1,2001:db8:a::/48 via 2001:db8:ffff::2'\n",
                )
            }],
        ),
        Scenario::new(
            "routes through a gateway off the link, and no default route",
            vec![Stage {
                addresses: &[("eth0", &["203.0.113.237/32", "2001:db8::5/64"])],
                routes: &[
                    "10.0.0.0/8 via 203.0.113.232 dev eth0",
                    "2001:db8:9::/48 via fe80::9 dev eth0",
                    "2001:db8:a::/48 via 2001:db8:ffff::2 dev eth0",
                ],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='203.0.113.237'\nETH0_MASK='255.255.255.255'\n\
                     ETH0_IP6='2001:db8::5'\nETH0_ROUTES='10.0.0.0/8 via 203.0.113.232,\
                     2001:db8:9::/48 via fe80::9,2001:db8:a::/48 via 2001:db8:ffff::2'\n",
                )
            }],
        ),
        Scenario::new(
            "routes of NICs whose addresses come by DHCP and by a router",
            vec![Stage {
                nics: with_eth1(),
                links: &[
                    "eth0=dhcp:02:00:0a:00:00:05",
                    "eth1=router:02:00:0a:01:00:05",
                ],
                addresses: &[
                    ("eth0", &["10.99.0.50/24"]),
                    ("eth1", &["2001:db8:99::aff:fe01:5/64"]),
                ],
                routes: &[
                    "default via 10.99.0.1 dev eth0",
                    "default via fe80::1 dev eth1",
                    "172.16.0.0/12 via 10.99.0.254 dev eth0",
                    "2001:db8:9::/48 via 2001:db8:99::fe dev eth1",
                ],
                dns: &["10.99.0.53"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_METHOD='dhcp'\nETH0_ROUTES='172.16.0.0/12 via 10.99.0.254'\n\
                     ETH1_MAC='02:00:0a:01:00:05'\nETH1_IP6_METHOD='auto'\n\
                     ETH1_ROUTES='2001:db8:9::/48 via 2001:db8:99::fe'\n",
                )
            }],
        ),
        Scenario::new(
            "several gateways without a metric",
            vec![Stage {
                nics: with_eth1(),
                links: ETH0_AND_ETH1,
                addresses: &[
                    ("eth0", &["10.0.0.5/24", "2001:db8::5/64"]),
                    ("eth1", &["10.1.0.5/24", "10.1.1.5/24", "2001:db8:1::5/64"]),
                ],
                routes: &[
                    "default via 10.0.0.1 dev eth0",
                    "default via 10.1.0.1 dev eth1",
                    "default via 2001:db8::1 dev eth0",
                    "default via fe80::1 dev eth1",
                    "172.16.0.0/12 via 10.1.0.254 dev eth1",
                ],
                default_routes: &["eth0", "eth1"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\nETH0_IP6='2001:db8::5'\n\
                     ETH0_IP6_GATEWAY='2001:db8::1'\nETH1_MAC='02:00:0a:01:00:05'\nETH1_IP='10.1.0.5'\nETH1_GATEWAY='10.1.0.1'\n\
                     ETH1_ALIAS0_IP='10.1.1.5'\nETH1_IP6='2001:db8:1::5'\nETH1_IP6_GATEWAY='fe80::1'\n\
                     ETH1_ROUTES='172.16.0.0/12 via 10.1.0.254'\n",
                )
            }],
        ),
        Scenario::new(
            "a gateway of the context before one by DHCP",
            vec![Stage {
                nics: with_eth1(),
                links: &["eth0=02:00:0a:00:00:05", "eth1=dhcp:02:00:0a:01:00:05"],
                addresses: &[("eth0", &["10.0.0.5/24"]), ("eth1", &["10.99.0.50/24"])],
                routes: &[
                    "default via 10.0.0.1 dev eth0",
                    "default via 10.99.0.1 dev eth1",
                ],
                default_routes: &["eth0", "eth1"],
                dns: &["10.99.0.53"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\n\
                     ETH1_MAC='02:00:0a:01:00:05'\nETH1_METHOD='dhcp'\n",
                )
            }],
        ),
        Scenario::new(
            "a gateway by DHCP before one of the context",
            vec![Stage {
                nics: with_eth1(),
                links: &["eth0=dhcp:02:00:0a:00:00:05", "eth1=02:00:0a:01:00:05"],
                addresses: &[("eth0", &["10.99.0.50/24"]), ("eth1", &["10.1.0.5/24"])],
                routes: &[
                    "default via 10.99.0.1 dev eth0",
                    "default via 10.1.0.1 dev eth1",
                ],
                default_routes: &["eth0", "eth1"],
                dns: &["10.99.0.53"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_METHOD='dhcp'\n\
                     ETH1_MAC='02:00:0a:01:00:05'\nETH1_IP='10.1.0.5'\nETH1_GATEWAY='10.1.0.1'\n",
                )
            }],
        ),
        Scenario::new(
            "metrics 0 and 1 in both families",
            vec![Stage {
                nics: with_eth1(),
                links: ETH0_AND_ETH1,
                addresses: &[
                    ("eth0", &["10.0.0.5/24", "2001:db8::5/64"]),
                    ("eth1", &["10.1.0.5/24", "2001:db8:1::5/64"]),
                ],
                routes: &[
                    "default via 10.0.0.1 dev eth0",
                    "default via 10.1.0.1 dev eth1",
                    "default via 2001:db8::1 dev eth0",
                    "default via fe80::1 dev eth1",
                ],
                default_routes: &["eth0", "eth1"],
                ..Stage::boot(
                    "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\nETH0_IP6='2001:db8::5'\n\
                     ETH0_IP6_GATEWAY='2001:db8::1'\nETH0_METRIC='0'\nETH1_MAC='02:00:0a:01:00:05'\nETH1_IP='10.1.0.5'\n\
                     ETH1_GATEWAY='10.1.0.1'\nETH1_IP6='2001:db8:1::5'\nETH1_IP6_GATEWAY='fe80::1'\nETH1_METRIC='1'\n",
                )
            }],
        ),
    ]
}

const ONE: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\n";
const TWO: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\n\
                       ETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.5'\n";
const OTHER: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.0.1'\n\
                         ETH1_MAC='02:00:c0:a8:07:05'\nETH1_IP='192.168.7.9'\nETH1_IP6='2001:db8::9'\n\
                         ETH1_MTU='1300'\nETH1_ROUTES='172.16.0.0/12 via 192.168.7.1'\n";
const DEFAULT: &str = "default via 10.0.0.1 dev eth0";

const FURTHER: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_GATEWAY='10.0.1.1'\n\
                       ETH0_ALIAS0_IP='10.0.1.5'\nETH0_IP6='2001:db8::5'\nETH0_IP6_ULA='fd00::5'\n";

/// A NIC appears while netplan is applied in the background.
pub(crate) fn background() -> Scenario {
    Scenario::new(
        "a NIC comes while netplan is applied in the background",
        vec![
            Stage {
                addresses: &[("eth0", &["10.0.0.5/24"])],
                routes: &[DEFAULT],
                ..Stage::boot(ONE)
            },
            Stage {
                nics: with_vf(),
                links: &["ens9=02:00:c0:a8:07:05", "eth1=aa:00:c0:a8:07:05"],
                addresses: &[("eth0", &["10.0.0.5/24"]), ("ens9", &["192.168.7.5/24"])],
                routes: &[DEFAULT],
                untouched: &["eth1"],
                activated: &["ens9"],
                background: true,
                ..Stage::later(TWO)
            },
        ],
    )
}

/// Guests whose context changes while they run.
fn changes() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "further addresses, one of them in the network of the gateway, go",
            vec![
                Stage {
                    addresses: &[(
                        "eth0",
                        &["10.0.0.5/24", "10.0.1.5/24", "2001:db8::5/64", "fd00::5/64"],
                    )],
                    routes: &["default via 10.0.1.1 dev eth0"],
                    ..Stage::boot(FURTHER)
                },
                Stage {
                    addresses: &[("eth0", &["10.0.0.5/24"])],
                    routes: &[DEFAULT],
                    activated: &["eth0"],
                    ..Stage::later(ONE)
                },
            ],
        ),
        Scenario::new(
            "a NIC comes with its dummy, changes, and goes",
            vec![
                Stage {
                    addresses: &[("eth0", &["10.0.0.5/24"])],
                    routes: &[DEFAULT],
                    ..Stage::boot(ONE)
                },
                Stage {
                    nics: with_vf(),
                    links: &["ens9=02:00:c0:a8:07:05", "eth1=aa:00:c0:a8:07:05"],
                    addresses: &[
                        ("eth0", &["10.0.0.5/24"]),
                        ("ens9", &["192.168.7.5/24"]),
                        ("eth1", &[]),
                    ],
                    routes: &[DEFAULT],
                    untouched: &["eth1"],
                    activated: &["ens9"],
                    ..Stage::later(TWO)
                },
                Stage {
                    nics: with_vf(),
                    addresses: &[
                        ("eth0", &["10.0.0.5/24"]),
                        ("ens9", &["192.168.7.9/24", "2001:db8::9/64"]),
                        ("eth1", &[]),
                    ],
                    routes: &[DEFAULT, "172.16.0.0/12 via 192.168.7.1 dev ens9"],
                    mtus: &[("ens9", 1300)],
                    untouched: &["eth1"],
                    activated: &["ens9"],
                    ..Stage::later(OTHER)
                },
                Stage {
                    nics: with_vf(),
                    addresses: &[("eth0", &["10.0.0.5/24"]), ("ens9", &[])],
                    routes: &[DEFAULT],
                    activated: &["ens9"],
                    ..Stage::later(ONE)
                },
            ],
        ),
    ]
}
