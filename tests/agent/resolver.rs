//! `/etc/resolv.conf`, for network stacks without a setting for name servers.

use one_sriov_tests::{Machine, run, virtio};

const PATH: &str = "/etc/resolv.conf";
const OURS: &str = "# Written by one-sriov-agent from the context of the VM. Do not edit: edited files are not updated.\n\
                    search a.example.org b.example.org\nnameserver 10.0.0.2\nnameserver 2001:db8::53\n";
const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_DNS='10.0.0.2'\n\
                       ETH0_SEARCH_DOMAIN='a.example.org'\nETH1_MAC='02:00:0a:00:00:06'\nETH1_IP='10.0.1.6'\n\
                       ETH1_DNS='2001:db8::53 10.0.0.2'\nETH1_SEARCH_DOMAIN='b.example.org'\n";

fn machine() -> Machine {
    let machine = Machine::new(
        CONTEXT,
        &[
            virtio("eth0", "02:00:0a:00:00:05", 3),
            virtio("eth1", "02:00:0a:00:00:06", 4),
        ],
    );
    machine.write(
        "/etc/network/interfaces",
        "source /etc/network/interfaces.d/*\nsource-directory /etc/network/interfaces.d\n",
    );
    machine
}

fn apply(machine: &Machine, backend: &str) -> String {
    let outcome = run(machine, &["apply", "--backend", backend]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stderr
}

#[test]
fn resolv_conf_has_the_name_servers_of_all_nics_without_duplicates() {
    for backend in ["interfaces", "interfaces-alpine"] {
        let machine = machine();
        assert_eq!(apply(&machine, backend), "");
        assert_eq!(machine.read(PATH), OURS, "{backend}");
        assert_eq!(apply(&machine, backend), "");
        // Other stacks have a setting for name servers.
        let _ = apply(&machine, "networkd");
        assert!(!machine.has(PATH));
    }
}

#[test]
fn an_existing_resolv_conf_is_backed_up() {
    let machine = machine();
    machine.write(PATH, "nameserver 192.0.2.1\n");
    let outcome = run(&machine, &["apply", "--backend", "interfaces"]);
    assert_eq!(outcome.code, 0);
    assert_eq!(machine.read(PATH), OURS);
    let moved = outcome
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("moved '/etc/resolv.conf' to '"));
    let backup = moved.unwrap().trim_end_matches('\'');
    assert_eq!(machine.read(backup), "nameserver 192.0.2.1\n");
}

/// The agent doesn't change other programs' files, so it replaces the link and keeps it in the backup.
#[test]
fn beside_wicked_resolv_conf_replaces_netconfigs_link() {
    let machine = machine();
    machine.write(
        "/etc/sysconfig/network/config",
        "NETCONFIG_DNS_POLICY=auto\n",
    );
    machine.link(PATH, "/run/netconfig/resolv.conf");
    assert_eq!(apply(&machine, "ifcfg-suse"), "");
    assert_eq!(machine.read(PATH), OURS);
    assert!(!machine.path(PATH).is_symlink());
    assert_eq!(apply(&machine, "ifcfg-suse"), "");
}

#[test]
fn resolv_conf_is_not_managed_if_another_program_writes_it() {
    let resolvconf = machine();
    resolvconf.write("/sbin/resolvconf", "");
    assert_eq!(apply(&resolvconf, "interfaces"), "");
    assert!(!resolvconf.has(PATH));
    let stanzas = resolvconf.read("/etc/network/interfaces.d/60-one-sriov-eth0.cfg");
    assert!(
        stanzas.contains("    dns-nameservers 10.0.0.2\n"),
        "resolvconf gets them: {stanzas}"
    );

    let link = machine();
    link.link(PATH, "../run/systemd/resolve/stub-resolv.conf");
    let told = apply(&link, "interfaces");
    assert!(
        told.contains("'/etc/resolv.conf' is a symbolic link that the agent did not create"),
        "{told}"
    );
    let target = std::fs::read_link(link.path(PATH)).unwrap();
    assert_eq!(
        target.to_str(),
        Some("../run/systemd/resolve/stub-resolv.conf")
    );

    let dhcp = machine();
    dhcp.write(
        "/context/context.sh",
        format!("{CONTEXT}ETH1_METHOD='dhcp'\n"),
    );
    let told = apply(&dhcp, "interfaces");
    assert!(
        told.contains("left to the DHCP client of 'eth1', which writes '/etc/resolv.conf'"),
        "{told}"
    );
    assert!(!dhcp.has(PATH));

    // one-context writes the name servers of all NICs.
    let beside = machine();
    beside.write("/etc/one-sriov/agent.conf", "role = companion\n");
    assert_eq!(apply(&beside, "interfaces"), "");
    assert!(!beside.has(PATH));
}

#[test]
fn name_servers_of_absent_nics_are_kept() {
    let machine = machine();
    let _ = apply(&machine, "interfaces");
    for name in ["eth0", "eth1"] {
        machine.unplug(name);
    }
    let _ = apply(&machine, "interfaces");
    assert_eq!(machine.read(PATH), OURS);
}
