//! DHCPv6: requested by `IP6_METHOD`, or implied by `METHOD`, which applies to both families.

use one_sriov_tests::{Machine, run, virtio};

use crate::status::status;

const NIC: &str = "ETH0_MAC='02:00:0a:00:00:05'\n";
const FILE: &str = "/etc/network/interfaces.d/60-one-sriov-eth0.cfg";

/// `dhclient -6` never gives up, so it must run only on request.
#[test]
fn ifupdown_runs_dhclient_for_ipv6_only_if_ip6_method_requests_it() {
    let left_out = "one-sriov-agent: warning: ETH0: DHCPv6 is not requested, only router advertisements are used, \
        because 'dhclient -6' waits for a server forever; IP6_METHOD='dhcp' requests it\n";
    let waits = "one-sriov-agent: warning: ETH0: 'dhclient -6' waits forever if no DHCPv6 server answers, and the \
        boot waits with it\n";
    let table = [
        ("ETH0_METHOD='dhcp'\n", "auto", left_out),
        ("ETH0_METHOD='dhcp'\nETH0_IP6_METHOD=''\n", "auto", left_out),
        (
            "ETH0_METHOD='dhcp'\nETH0_IP6_METHOD='dhcp'\n",
            "dhcp",
            waits,
        ),
        (
            "ETH0_IP='10.0.0.5'\nETH0_IP6_METHOD='dhcp'\n",
            "dhcp",
            waits,
        ),
        ("ETH0_METHOD='dhcp'\nETH0_IP6_METHOD='auto'\n", "auto", ""),
    ];
    for (variables, method, warning) in table {
        let machine = Machine::new(
            &format!("{NIC}{variables}"),
            &[virtio("eth0", "02:00:0a:00:00:05", 3)],
        );
        machine.write(
            "/etc/network/interfaces",
            "source /etc/network/interfaces.d/*\n",
        );
        let outcome = run(&machine, &["apply", "--backend", "interfaces"]);
        assert_eq!(
            (outcome.code, &*outcome.stderr),
            (0, warning),
            "{variables}"
        );
        let text = machine.read(FILE);
        assert!(
            text.contains(&format!("iface eth0 inet6 {method}\n")),
            "{variables}: {text}"
        );
    }
}

/// Most networks with DHCPv4 have no DHCPv6, so a guest without a DHCPv6 address is fine.
#[test]
fn status_reports_a_missing_dhcpv6_address_only_if_ip6_method_requests_it() {
    let setup = "link eth0 02:00:0a:00:00:05
enable systemd-networkd.service
agent apply
ip link set eth0 up
ip address add 10.0.0.5/24 dev eth0";
    let nics = [virtio("eth0", "02:00:0a:00:00:05", 3)];
    for (variables, differences) in [
        ("ETH0_METHOD='dhcp'\n", &[][..]),
        (
            "ETH0_METHOD='dhcp'\nETH0_IP6_METHOD='dhcp'\n",
            &["address-not-assigned"],
        ),
    ] {
        let Some(status) = status(&format!("{NIC}{variables}"), &nics, setup) else {
            return;
        };
        assert_eq!(
            status.differences(),
            differences,
            "{variables}: {}",
            status.text
        );
    }
}
