//! Routes and metrics.

use super::{PLAIN, check_plans, check_plans_with_address};

#[test]
fn metrics() {
    check_plans(
        PLAIN,
        &[
            (
                "ETH0_METHOD='dhcp'\nETH0_METRIC='300'",
                "ip=dhcp metric=300 ip6=dhcp metric6=300",
            ),
            (
                "ETH0_METHOD='skip'\nETH0_IP6_METHOD='dhcp'\nETH0_METRIC='300'",
                "metric=300 ip6=dhcp metric6=300",
            ),
            (
                "ETH0_METHOD='dhcp'\nETH0_METRIC='300'\nETH0_IP6_METRIC='5'",
                "ip=dhcp metric=300 ip6=dhcp metric6=5",
            ),
            (
                "ETH0_METRIC='300'\nETH0_IP6_METHOD='auto'",
                "ip=192.168.1.92/24 metric=300 ip6=auto metric6=300",
            ),
            (
                "ETH0_METRIC='300'\nETH0_IP6='2001:db8::1'\nETH0_IP6_GATEWAY='fe80::1'",
                "ip=192.168.1.92/24 metric=300 ip6=2001:db8::1/64 gw6=fe80::1 metric6=300",
            ),
            (
                "ETH0_METRIC='300'\nETH0_IP6='2001:db8::1'\nETH0_IP6_GATEWAY='fe80::1'\nETH0_METRIC6='8'",
                "ip=192.168.1.92/24 metric=300 ip6=2001:db8::1/64 gw6=fe80::1 metric6=8",
            ),
            ("ETH0_METRIC='often'", "ip=192.168.1.92/24 bad=ETH0_METRIC"),
            (
                "ETH0_IP6_METHOD='auto'\nETH0_IP6_METRIC='-1'",
                "ip=192.168.1.92/24 ip6=auto bad=ETH0_IP6_METRIC",
            ),
        ],
    );
}

#[test]
fn routes() {
    check_plans_with_address(&[
        ("ETH0_ROUTES=''", ""),
        ("ETH0_ROUTES='   ,  ,  '", ""),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1'",
            "route=10.0.0.0/8>192.168.1.1",
        ),
        (
            "ETH0_ROUTES='10.1.2.0/8 via 192.168.1.1'",
            "route=10.0.0.0/8>192.168.1.1",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 200'",
            "route=10.0.0.0/8>192.168.1.1*200",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 metric 200'",
            "route=10.0.0.0/8>192.168.1.1*200",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 dev eth0'",
            "route=10.0.0.0/8>192.168.1.1",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 dev eth0,172.16.0.0/12 via 192.168.1.1 dev eth0 metric 50'",
            "route=10.0.0.0/8>192.168.1.1 route=172.16.0.0/12>192.168.1.1*50",
        ),
        (
            "ETH0_ROUTES='10.0.0.0 255.0.0.0 192.168.1.1'",
            "route=10.0.0.0/8>192.168.1.1",
        ),
        (
            "ETH0_ROUTES='172.16.0.0 255.255.0.0 192.168.1.1 500'",
            "route=172.16.0.0/16>192.168.1.1*500",
        ),
        (
            "ETH0_ROUTES='10.0.0.0 255.0.0.0 192.168.1.1, 172.16.0.0 255.255.0.0 192.168.1.1 500'",
            "route=10.0.0.0/8>192.168.1.1 route=172.16.0.0/16>192.168.1.1*500",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 172.16.0.0/12 via 192.168.1.2'",
            "route=10.0.0.0/8>192.168.1.1 route=172.16.0.0/12>192.168.1.2",
        ),
        ("ETH0_ROUTES='10.0.0.0/8 via notanip'", "bad=ETH0_ROUTES"),
        (
            "ETH0_ROUTES='notaprefix/8 via 192.168.1.1'",
            "bad=ETH0_ROUTES",
        ),
        (
            "ETH0_ROUTES='notanip 255.0.0.0 192.168.1.1'",
            "bad=ETH0_ROUTES",
        ),
        (
            "ETH0_ROUTES='10.0.0.0/8 via 192.168.1.1 notanumber'",
            "bad=ETH0_ROUTES",
        ),
        ("ETH0_ROUTES='10.0.0.0/8 via'", "bad=ETH0_ROUTES"),
        ("ETH0_ROUTES='10.0.0.0 255.0.0.0'", "bad=ETH0_ROUTES"),
        // Only the bad route is ignored.
        (
            "ETH0_ROUTES='10.0.0.0/8 via gw, 172.16.0.0/12 via 192.168.1.1'",
            "route=172.16.0.0/12>192.168.1.1 bad=ETH0_ROUTES",
        ),
    ]);
}
