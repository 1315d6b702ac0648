//! Causes of "my NIC has no address": each must be named in the first lines.

use one_sriov_tests::{Machine, Nic, Outcome, Tool, image, infiniband, run, virtio};

use super::{Status, status, status_of};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:0c'\nETH0_IP='10.0.0.12'\n";
const INFINIBAND: &str = "ETH1_MAC='02:00:c0:a8:07:07'\nETH1_IP='192.168.7.7'\n";

fn nic() -> Nic {
    virtio("eth0", "02:00:0a:00:00:0c", 3)
}

/// A guest with a NIC and with files for networkd, which is enabled.
const WRITTEN: &str = "link eth0 02:00:0a:00:00:0c
enable systemd-networkd.service
agent apply
";

/// The status of such a guest on the real kernel after `setup`.
fn with_nic(setup: &str) -> Option<Status> {
    status(CONTEXT, &[nic()], &format!("{WRITTEN}{setup}"))
}

#[test]
fn a_stack_that_is_disabled_masked_or_stopped() {
    let wants = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service";
    let who = "problem: systemd-networkd, which reads the files of networkd, is";
    let table = [
        (
            "true".to_owned(),
            "stack-stopped",
            format!("{who} enabled by '{wants}', but not running"),
        ),
        (
            format!("rm {wants}"),
            "stack-disabled",
            format!("{who} not enabled"),
        ),
        (
            format!("rm {wants}; ln -s /dev/null /etc/systemd/system/systemd-networkd.service"),
            "stack-masked",
            format!("{who} masked by '/etc/systemd/system/systemd-networkd.service'"),
        ),
    ];
    for (setup, code, text) in table {
        let setup = format!(
            "mkdir -p /etc/one-sriov; echo 'backend = networkd' > /etc/one-sriov/agent.conf; {setup}"
        );
        let Some(status) = with_nic(&setup) else {
            return;
        };
        assert_eq!(
            (status.code.as_str(), status.codes()),
            ("3", vec![code]),
            "{}",
            status.text
        );
        status.assert_reason(&text);
    }
    let missing = status(
        CONTEXT,
        &[nic()],
        "link eth0 02:00:0a:00:00:0c; mkdir -p /etc/one-sriov; echo 'backend = ifcfg-suse' > /etc/one-sriov/agent.conf; agent apply",
    );
    let missing = missing.expect("root");
    assert_eq!(missing.codes(), ["stack-missing"]);
}

#[test]
fn two_stacks() {
    let Some(status) = with_nic("enable NetworkManager.service") else {
        return;
    };
    assert!(status.codes().contains(&"two-stacks"), "{}", status.text);
    status.assert_reason(
        "warning: more than one network stack is active: NetworkManager (enabled by '/etc/systemd/system/multi-user.target.wants/NetworkManager.service'), systemd-networkd (enabled by ",
    );
}

#[test]
fn a_stale_foreign_file_that_the_stack_reads() {
    let setup = "printf '[Match]\\nName=eth0\\n[Network]\\nAddress=10.9.9.9/24\\n' > /etc/systemd/network/00-old.network
networkd
/lib/systemd/systemd-networkd-wait-online --timeout=60 --operational-state=routable -i eth0";
    let Some(status) = with_nic(setup) else {
        return;
    };
    assert_eq!(status.code, "3");
    assert_eq!(
        status.codes(),
        ["stack-other-file", "foreign-file"],
        "{}",
        status.text
    );
    status.assert_reason(
        "problem: systemd-networkd configures 'eth0' by '/etc/systemd/network/00-old.network', not by a file of the agent",
    );
    status.assert_reason("warning: '/etc/systemd/network/00-old.network' also configures 'eth0'");
    status.assert_reason("differs: ETH0: 'eth0' lacks address 10.0.0.12/24 (it has 10.9.9.9/24)");
}

#[test]
fn a_nic_that_networkd_leaves_unmanaged() {
    let setup = "printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' > /etc/systemd/network/00-old.network
networkd
link=/run/systemd/netif/links/$(cat /sys/class/net/eth0/ifindex)
grep -q ADMIN_STATE=unmanaged < <(timeout 60 tail --lines=+1 --follow=name --retry \"$link\" 2> /dev/null)";
    let Some(status) = with_nic(setup) else {
        return;
    };
    let codes = status.codes();
    let names_it = codes
        .iter()
        .any(|code| ["stack-unmanaged", "stack-other-file"].contains(code));
    assert!(names_it, "{}", status.text);
}

#[test]
fn a_nic_that_network_manager_does_not_manage_or_gives_another_profile() {
    // With no-auto-default, NetworkManager leaves the other end of the link alone.
    let nm = "link eth0 02:00:0a:00:00:0c
enable NetworkManager.service
agent apply
printf '[main]\\nno-auto-default=*\\n' > /etc/NetworkManager/conf.d/zz-no-auto.conf
";
    let unmanaged = format!(
        "{nm}printf '[keyfile]\\nunmanaged-devices=interface-name:eth0\\n' > /etc/NetworkManager/conf.d/zz-old.conf
network_manager
nm-online -s -q -t 60"
    );
    let Some(found) = status(CONTEXT, &[nic()], &unmanaged) else {
        return;
    };
    assert_eq!(found.codes(), ["stack-unmanaged"], "{}", found.text);
    found.assert_reason("problem: NetworkManager does not manage 'eth0'");
    assert!(found.reasons()[1].contains("'/etc/NetworkManager/conf.d/zz-old.conf' line 2 says"));

    let other = format!(
        "{nm}printf '[connection]\\nid=old\\nuuid=11111111-1111-1111-1111-111111111111\\ntype=ethernet\\ninterface-name=eth0\\nautoconnect-priority=999\\n[ipv4]\\nmethod=manual\\naddresses=10.9.9.9/24\\n' > /etc/NetworkManager/system-connections/old.nmconnection
chmod 600 /etc/NetworkManager/system-connections/old.nmconnection
network_manager
nm-online -s -q -t 60"
    );
    let found = status(CONTEXT, &[nic()], &other).expect("root");
    assert_eq!(
        found.codes(),
        ["stack-other-file", "foreign-file"],
        "{}",
        found.text
    );
    found.assert_reason("problem: NetworkManager configures 'eth0' by '/etc/NetworkManager/system-connections/old.nmconnection'");
}

/// The status of a guest with an InfiniBand VF and its dummy NIC; `port` has the files of the VF's port in sysfs.
fn with_port(guid: &str, port: &[(&str, &str)]) -> Option<Status> {
    let nics = [
        virtio("eth1", "aa:00:c0:a8:07:07", 4),
        infiniband("ib0", guid, "0000:00:05.0"),
    ];
    let machine = Machine::new(INFINIBAND, &nics);
    for (name, value) in port {
        let of_port = "/sys/devices/pci0000:00/0000:00:05.0/infiniband/mlx5_0/ports/1";
        machine.write(&format!("{of_port}/{name}"), format!("{value}\n"));
    }
    status_of(
        &machine,
        "link eth1 aa:00:c0:a8:07:07
link ib0 infiniband
enable systemd-networkd.service
agent apply
ip link set ib0 up
ip address add 192.168.7.7/24 dev ib0",
    )
}

#[test]
fn an_infiniband_port_that_is_not_active() {
    const GUID: &str = "00:00:aa:00:c0:a8:07:07";
    let table = [
        ("4: ACTIVE", "0x1", "5: LinkUp", None),
        (
            "2: INIT",
            "0x0",
            "5: LinkUp",
            Some("INIT, not ACTIVE: no subnet manager has found it (sm_lid 0)"),
        ),
        (
            "2: INIT",
            "0x1f",
            "5: LinkUp",
            Some("INIT, not ACTIVE: the subnet manager at LID 31 has not activated it"),
        ),
        (
            "1: DOWN",
            "0x0",
            "2: Polling",
            Some("DOWN, not ACTIVE: its link is down (physical state 'Polling')"),
        ),
    ];
    for (state, manager, physical, expected) in table {
        let port = [
            ("state", state),
            ("sm_lid", manager),
            ("phys_state", physical),
        ];
        let Some(status) = with_port(GUID, &port) else {
            return;
        };
        let Some(expected) = expected else {
            assert_eq!(
                (status.code.as_str(), status.codes()),
                ("0", vec!["stack-stopped"]),
                "{}",
                status.text
            );
            continue;
        };
        assert_eq!(
            (status.code.as_str(), status.codes()),
            ("3", vec!["port-state", "stack-stopped"]),
            "{}",
            status.text
        );
        status.assert_reason(&format!(
            "problem: InfiniBand port 1 of 'mlx5_0' ('ib0') is {expected}"
        ));
    }
}

#[test]
fn a_port_without_guid() {
    let port = [
        ("state", "1: DOWN"),
        ("sm_lid", "0x0"),
        ("phys_state", "3: Disabled"),
    ];
    let Some(status) = with_port("00:00:00:00:00:00:00:00", &port) else {
        return;
    };
    assert_eq!(
        (status.code.as_str(), status.codes()),
        ("3", vec!["port-guid", "stack-stopped"]),
        "{}",
        status.text
    );
    status.assert_reason(
        "problem: 'ib0' has no port GUID (it is all zeroes): the host has not set one",
    );
}

fn assert_named(outcome: &Outcome, code: i32, first: &str) {
    let lines: Vec<&str> = outcome.stdout.lines().take(3).collect();
    let is_named = lines.iter().any(|line| line.starts_with(first));
    assert!(
        is_named && outcome.code == code,
        "{}: {}",
        outcome.code,
        outcome.stdout
    );
}

#[test]
fn no_cd_or_the_cd_of_another_cloud() {
    let machine = Machine::new("", &[virtio("eth1", "aa:00:c0:a8:07:07", 4)]);
    std::fs::remove_dir_all(machine.path("/context")).expect("a context");
    let none = "problem: no context medium: no drive has a volume labelled 'CONTEXT' (this machine has no CD drive and no disk), \
                but the NICs are those of an OpenNebula VM ('eth1' has dummy MAC aa:00:c0:a8:07:07)";
    assert_named(&run(&machine, &["status"]), 3, none);
    for (label, what) in [
        ("config-2", "OpenStack's config drive"),
        ("cidata", "a NoCloud seed of cloud-init"),
    ] {
        let cd = image(machine.root(), Tool::Genisoimage, Some(label), "A='b'\n");
        machine.write("/dev/sr0", std::fs::read(cd).expect("an image"));
        let seen = format!(
            "problem: no context medium: no drive has a volume labelled 'CONTEXT' ('/dev/sr0' is an ISO 9660 volume labelled '{label}')"
        );
        let status = run(&machine, &["status"]);
        assert_named(&status, 3, &seen);
        assert_named(
            &status,
            3,
            &format!("warning: '/dev/sr0' is labelled '{label}', which is {what}"),
        );
        for command in ["plan", "apply"] {
            let verbose = run(&machine, &[command, "-v"]);
            let tried = format!("\nchecked '/dev/sr0': an ISO 9660 volume labelled '{label}'\n");
            assert!(verbose.stdout.contains(&tried), "{}", verbose.stdout);
        }
    }
    // The image may boot elsewhere, where the device is missing.
    machine.unplug("eth1");
    let elsewhere = run(&machine, &["status"]);
    assert_eq!(elsewhere.code, 0, "{}", elsewhere.stdout);
}

#[test]
fn dummies_and_guids_with_another_prefix() {
    let table = [
        (
            virtio("eth1", "a6:00:c0:a8:07:07", 4),
            "the MAC a6:00:c0:a8:07:07 of 'eth1'",
        ),
        (
            infiniband("ib0", "00:07:a6:00:c0:a8:07:07", "0000:00:05.0"),
            "the port GUID 00:07:a6:00:c0:a8:07:07 of 'ib0'",
        ),
    ];
    for (nic, what) in table {
        let machine = Machine::new(INFINIBAND, &[nic]);
        let expected = format!(
            "problem: ETH1 has no device, but {what} ends in its key c0:a8:07:07 and begins with a6, not with the prefix aa: \
             set 'prefix = a6' in '/etc/one-sriov/agent.conf'"
        );
        assert_named(&run(&machine, &["status"]), 3, &expected);
        // The remedy of the message.
        machine.write("/etc/one-sriov/agent.conf", "prefix = a6\n");
        let cured = run(&machine, &["status"]).stdout;
        assert!(!cured.contains("has no device"), "{cured}");
    }
}

#[test]
fn a_card_whose_driver_is_missing() {
    let machine = Machine::new(INFINIBAND, &[virtio("eth1", "aa:00:c0:a8:07:07", 4)]);
    let modalias = "pci:v000015B3d00001018sv000015B3sd00000001bc02sc07i00";
    let card = "/sys/bus/pci/devices/0000:00:05.0";
    for (name, value) in [
        ("class", "0x020700"),
        ("vendor", "0x15b3"),
        ("device", "0x1018"),
        ("modalias", modalias),
    ] {
        machine.write(&format!("{card}/{name}"), format!("{value}\n"));
    }
    let who = "problem: network card '0000:00:05.0' (15b3:1018) has no driver; ";
    let none = format!("{who}no installed kernel module supports it: install its driver");
    assert_named(&run(&machine, &["status"]), 3, &none);
    machine.write("/proc/sys/kernel/osrelease", "6.1.0\n");
    machine.write(
        "/lib/modules/6.1.0/modules.alias",
        "# Aliases\nalias pci:v000015B3d00001018sv*sd*bc*sc*i* mlx5_core\n",
    );
    assert_named(
        &run(&machine, &["status"]),
        3,
        &format!("{who}load it: 'modprobe mlx5_core'"),
    );
    // Now the card has its driver, but IP over InfiniBand is missing.
    machine.write("/sys/bus/pci/drivers/mlx5_core/bind", "");
    machine.link(&format!("{card}/driver"), "../../drivers/mlx5_core");
    machine.write(&format!("{card}/infiniband/mlx5_0/node_guid"), "");
    let ipoib = "problem: InfiniBand card '0000:00:05.0' (15b3:1018, driver mlx5_core) has no network device: IP over \
                 InfiniBand is missing; load it: 'modprobe ib_ipoib'";
    assert_named(&run(&machine, &["status"]), 3, ipoib);
    machine.write(&format!("{card}/net/ib0/address"), "");
    assert!(!run(&machine, &["status"]).stdout.contains("network card"));
}

#[test]
fn the_cd_of_another_vm() {
    let machine = Machine::new(
        "ETH0_MAC='02:00:0a:00:00:99'\nETH0_IP='10.0.0.99'\n",
        &[nic()],
    );
    let expected = "problem: this machine has none of the context's NICs, so '/context/context.sh' may be the CD of \
        another VM or cloud: it has ETH0 02:00:0a:00:00:99; MACs here: 'eth0' 02:00:0a:00:00:0c; port GUIDs here: none";
    assert_named(&run(&machine, &["status"]), 3, expected);
}
