//! Contexts that change between two runs.

use super::with_vf;
use crate::{Scenario, Stage};

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
        "a NIC appears while netplan is applied in the background",
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
pub(super) fn changes() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "additional addresses, one in the network of the gateway, are removed",
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
            "a NIC appears with its dummy, changes, and is removed",
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
