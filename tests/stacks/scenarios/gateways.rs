//! Gateways and routes.

use one_sriov_tests::{Nic, virtio};

use super::eth0;
use crate::{Scenario, Stage};

/// `eth0`, and a second NIC in another network.
fn with_eth1() -> Vec<Nic> {
    vec![eth0(), virtio("eth1", "02:00:0a:01:00:05", 4)]
}

const ETH0_AND_ETH1: &[&str] = &["eth0=02:00:0a:00:00:05", "eth1=02:00:0a:01:00:05"];

/// Guests with gateways off the link, and with several gateways.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn gateways() -> Vec<Scenario> {
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
