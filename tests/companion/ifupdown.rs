//! The agent with one-context on a guest with ifupdown and real links: the final state of the kernel.

use std::path::Path;

use super::Guest;

const LINKS: &str =
    "eth0=02:00:0a:00:00:05 eth1=aa:00:c0:a8:07:05 ib0=02:00:00:00:00:01 ens9=02:00:0a:09:00:05";

/// A guest with links; `None` if ifupdown is not installed.
fn guest(more: &str) -> Option<Guest> {
    if !Path::new("/sbin/ifup").exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no ifupdown; 'make setup' installs it there"
        );
        return None;
    }
    let mut guest = Guest::of("debian", "11", &format!("NETCFG_TYPE='interfaces'\n{more}"));
    guest.links = LINKS;
    Some(guest)
}

/// The addresses of a device that are not link-local.
fn addresses(kernel: &str, device: &str) -> Vec<String> {
    let of_device = kernel.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        (words.next()? == device && words.next()?.starts_with("inet")).then(|| words.next())?
    });
    of_device.map(str::to_owned).collect()
}

#[test]
fn a_nic_that_already_has_its_address_comes_up() {
    let gateway = "PCI0_GATEWAY='10.9.0.1'\nPCI0_ROUTES='172.16.0.0/12 via 10.9.0.2'\n";
    let Some(guest) = guest(gateway) else {
        return;
    };
    let life = guest.run(&["local", "networking"]);
    assert_eq!(
        addresses(&life.kernel[0], "ens9"),
        ["10.9.0.5/24"],
        "one-context's script has set it"
    );
    let kernel = &life.kernel[1];
    assert_eq!(addresses(kernel, "ens9"), ["10.9.0.5/24"], "{}", life.said);
    assert_eq!(addresses(kernel, "eth0"), ["10.0.0.5/24"]);
    assert_eq!(addresses(kernel, "ib0"), ["192.168.7.5/24"]);
    for route in [
        "default via 10.9.0.1 dev ens9",
        "172.16.0.0/12 via 10.9.0.2 dev ens9",
    ] {
        assert!(kernel.contains(route), "{route}: {kernel}{}", life.said);
    }
}

#[test]
fn a_changed_address_replaces_the_old_one_at_once() {
    let Some(guest) = guest("") else { return };
    let life = guest.run(&["all", "networking", "context:other.sh", "all:reconfigure"]);
    assert_eq!(addresses(&life.kernel[1], "ib0"), ["192.168.7.5/24"]);
    assert_eq!(
        addresses(&life.kernel[3], "ib0"),
        ["192.168.7.9/24"],
        "{}",
        life.said
    );
    assert_eq!(addresses(&life.kernel[3], "eth0"), ["10.0.0.5/24"]);
}

/// Before releases up to 6.0 call the hook at boot, they run `ifdown` and `ifup` with the agent's files of the previous boot.
#[test]
fn an_address_that_changed_while_the_vm_was_off_is_set() {
    let Some(guest) = guest("") else { return };
    let life = guest.run(&["old:", "networking"]);
    assert_eq!(
        addresses(&life.kernel[1], "ib0"),
        ["192.168.7.5/24"],
        "{}",
        life.said
    );
    guest.shut_down();
    let life = guest.run(&["context:other.sh", "old:"]);
    assert_eq!(
        addresses(&life.kernel[1], "ib0"),
        ["192.168.7.9/24"],
        "{}",
        life.said
    );
}

/// one-context's package removes files of the agent; the next boot restores them.
#[test]
fn files_removed_by_an_upgrade_of_one_context_return_at_the_next_boot() {
    for (renderer, ..) in super::renderers() {
        let guest = Guest::new(renderer);
        let first = guest.files_after_each(&["all"]).pop().unwrap();
        let upgraded = guest.files_after_each(&["postinst"]).pop().unwrap();
        assert!(
            upgraded.len() < first.len() || renderer == "networkd",
            "{renderer}"
        );
        guest.shut_down();
        let later = guest.files_after_each(&["all"]).pop().unwrap();
        assert_eq!(later, first, "{renderer}");
    }
}
