//! Every way in which the kernel's state can differ from the context, on the real kernel.

use one_sriov_tests::{Nic, infiniband, virtio};

use super::status;

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:0c'\nETH0_IP='10.0.0.12'\nETH0_MASK='255.255.255.0'\n\
    ETH0_GATEWAY='10.0.0.1'\nETH0_MTU='1400'\nETH0_ROUTES='172.16.0.0/12 via 10.0.0.254'\n\
    ETH0_IP6='2001:db8::12'\nETH0_GATEWAY6='2001:db8::1'\n";

fn nic() -> Vec<Nic> {
    vec![virtio("eth0", "02:00:0a:00:00:0c", 3)]
}

/// A guest whose files are written, and whose kernel has the same settings.
const RIGHT: &str = "link eth0 02:00:0a:00:00:0c
enable systemd-networkd.service
agent apply
ip link set eth0 up mtu 1400
ip address add 10.0.0.12/24 dev eth0
ip address add 2001:db8::12/64 dev eth0 nodad
ip route add default via 10.0.0.1
ip route add 172.16.0.0/12 via 10.0.0.254
ip route add default via 2001:db8::1
";

#[test]
fn each_difference_is_found() {
    let table = [
        ("", "", ""),
        (
            "ip address del 10.0.0.12/24 dev eth0",
            "address-missing route-missing route-missing",
            "'eth0' lacks address 10.0.0.12/24 (it has none)",
        ),
        (
            "ip address add 10.0.0.13/24 dev eth0 && ip address del 2001:db8::12/64 dev eth0 && ip -6 route replace default via 2001:db8::1 dev eth0 onlink",
            "address-missing",
            "'eth0' lacks address 2001:db8::12/64 (it has none)",
        ),
        (
            "ip address add 10.0.0.12/16 dev eth0; ip address del 10.0.0.12/24 dev eth0; ip route replace default via 10.0.0.1; ip route replace 172.16.0.0/12 via 10.0.0.254",
            "address-prefix",
            "'eth0' has 10.0.0.12/16, the context asks for 10.0.0.12/24",
        ),
        (
            "ip link set eth0 mtu 1500",
            "mtu",
            "'eth0' has MTU 1500, the context asks for 1400",
        ),
        (
            "ip route del default; ip route add default via 10.0.0.9",
            "route-missing",
            "'eth0' lacks route default via 10.0.0.1 (it has default via 10.0.0.9)",
        ),
        (
            "ip route del 172.16.0.0/12",
            "route-missing",
            "'eth0' lacks route 172.16.0.0/12 via 10.0.0.254",
        ),
        (
            "ip -6 route del default",
            "route-missing",
            "'eth0' lacks route default via 2001:db8::1",
        ),
        ("ip link del eth0", "no-interface", "'eth0' does not exist"),
    ];
    for (change, codes, text) in table {
        let Some(status) = status(CONTEXT, &nic(), &format!("{RIGHT}{change}")) else {
            return;
        };
        assert_eq!(
            status.differences().join(" "),
            codes,
            "{change}: {}",
            status.text
        );
        if codes.is_empty() {
            assert_eq!(status.code, "0", "{}", status.text);
            assert_eq!(status.reasons()[0], "status: up-to-date");
        } else {
            assert_eq!(status.code, "3", "{}", status.text);
            assert_eq!(status.reasons()[0], "status: drifted");
            status.assert_reason(&format!("differs: ETH0: {text}"));
        }
    }
}

#[test]
fn a_nic_that_is_down_and_wrong_metrics_are_found() {
    let context = CONTEXT.to_owned() + "ETH0_METRIC='70'\n";
    let down = format!("{RIGHT}ip link set eth0 down");
    let Some(down) = status(CONTEXT, &nic(), &down) else {
        return;
    };
    assert_eq!(down.differences()[0], "interface-down");
    let metric = status(&context, &nic(), RIGHT).expect("root");
    let both = ["route-metric", "route-metric"];
    assert_eq!(metric.differences(), both, "{}", metric.text);
    metric.assert_reason(
        "differs: ETH0: 'eth0' has route default via 10.0.0.1 with metric 0, the context asks for 70",
    );
}

#[test]
fn an_address_that_another_host_has_is_found() {
    // The other end has the address already, and answers the duplicate address detection.
    let setup = "link eth0 02:00:0a:00:00:0c
enable systemd-networkd.service
agent apply
ip address add 2001:db8::12/64 dev peer-eth0 nodad
coproc monitor { exec ip -6 monitor address; }
ip link set eth0 up
ip address add 2001:db8::12/64 dev eth0
while read -r line <&\"${monitor[0]}\"; do [[ $line != *dadfailed* ]] || break; done
kill \"$monitor_PID\"";
    let context = "ETH0_MAC='02:00:0a:00:00:0c'\nETH0_IP6='2001:db8::12'\n";
    let Some(status) = status(context, &nic(), setup) else {
        return;
    };
    assert_eq!(status.differences(), ["address-taken"], "{}", status.text);
    status.assert_reason(
        "differs: ETH0: 'eth0' cannot use 2001:db8::12: another host on the link has it",
    );
}

/// Some devices refuse connected mode (enhanced IPoIB).
#[test]
fn another_ipoib_mode_is_found() {
    let nics = [
        virtio("eth1", "aa:00:c0:a8:07:07", 4),
        infiniband("ib0", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0").with("mode", "datagram"),
    ];
    let context = "ETH1_MAC='02:00:c0:a8:07:07'\nETH1_IP='192.168.7.7'\nIB0_MODE='connected'\n";
    let setup = "link eth1 aa:00:c0:a8:07:07
link ib0 infiniband
enable systemd-networkd.service
agent apply
echo datagram > \"$dir/sys/class/net/ib0/mode\"
ip link set ib0 up
ip address add 192.168.7.7/24 dev ib0";
    let Some(status) = status(context, &nics, setup) else {
        return;
    };
    assert_eq!(status.differences(), ["mode"], "{}", status.text);
    status.assert_reason(
        "differs: ETH1: 'ib0' runs in datagram mode, the context asks for connected",
    );
}

#[test]
fn status_finds_no_difference_after_networkd_has_loaded_the_files() {
    let setup = "link eth0 02:00:0a:00:00:0c
enable systemd-networkd.service
agent apply
networkd
/lib/systemd/systemd-networkd-wait-online --timeout=60 --operational-state=routable -i eth0
coproc monitor { exec ip -6 monitor address; }
until [ -z \"$(ip -6 address show dev eth0 tentative)\" ]; do read -r _ <&\"${monitor[0]}\"; done
kill \"$monitor_PID\"";
    let Some(status) = status(CONTEXT, &nic(), setup) else {
        return;
    };
    assert_eq!(status.code, "0", "{}", status.text);
    assert_eq!(status.reasons(), ["status: up-to-date"]);
    let has = &status.json["kernel"][0]["found"];
    assert_eq!(has["addresses"][0], "10.0.0.12/24");
    assert_eq!(has["mtu"], 1400);
}
