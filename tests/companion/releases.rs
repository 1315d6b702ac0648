//! Releases of one-context differ in the order of renderers, and in the names that they refuse.

use std::path::Path;

use super::{Guest, RENDERERS, names, sorted};

/// Whether all tools are installed, as they are in CI.
fn has_all_tools() -> bool {
    super::renderers().count() == RENDERERS.len()
}

/// Boots a guest. Asserts that one-context uses the expected renderer, and the agent the same.
fn assert_agrees(guest: &Guest, expected: &str, what: &str) {
    let life = guest.run(&["local", "online", "network"]);
    assert_eq!(life.chosen(2), expected, "{what}");
    let (_, theirs, ours) = RENDERERS
        .iter()
        .find(|(name, ..)| *name == expected)
        .unwrap();
    let mut files = life.steps[2].clone();
    files.remove(Path::new(super::CHOSEN));
    assert_eq!(
        names(&files),
        sorted(&[theirs, ours]),
        "{what}: {}",
        life.said
    );
}

#[test]
fn each_release_has_its_own_order_of_renderers() {
    if !has_all_tools() {
        return;
    }
    let table = [
        ("6.6", "debian", "12", "interfaces"),
        ("7.0", "debian", "12", "netplan"),
        ("7.2", "debian", "12", "netplan"),
        ("7.2", "debian", "13", "interfaces"),
        ("6.6", "ubuntu", "22.04", "interfaces"),
        ("7.2", "ubuntu", "24.04", "netplan"),
        ("6.6", "rocky", "9.4", "nm"),
        ("7.2", "rocky", "9.4", "nm"),
        ("6.6", "altlinux", "10", "networkd"),
    ];
    for (release, id, version, expected) in table {
        let mut guest = Guest::of(id, version, "");
        guest.release = release;
        assert_agrees(&guest, expected, &format!("{release}, {id} {version}"));
    }
    // The service of initscripts is enabled: 6.6 prefers it, later releases only if NetworkManager is missing.
    for (release, expected) in [("6.6", "scripts"), ("7.2", "nm")] {
        let mut guest = Guest::of("rocky", "8.9", "");
        guest.release = release;
        for file in [
            "/etc/sysconfig/network-scripts/ifup",
            "/etc/systemd/system/multi-user.target.wants/network.service",
        ] {
            guest.machine.write(file, "");
        }
        assert_agrees(&guest, expected, &format!("{release}, Rocky 8"));
    }
}

#[test]
fn netcfg_type_selects_the_first_known_and_installed_renderer() {
    if !has_all_tools() {
        return;
    }
    let table = [
        ("7.2", " NetworkManager ", "nm"),
        ("7.2", "systemd", "networkd"),
        ("7.2", "Networkd NM", "networkd"),
        ("6.6", "networkd wicked", "networkd"),
        ("7.2", "scripts interfaces", "interfaces"),
    ];
    for (release, asked, expected) in table {
        let mut guest = Guest::of("debian", "12", &format!("NETCFG_TYPE='{asked}'\n"));
        guest.release = release;
        assert_agrees(&guest, expected, &format!("{release}, {asked}"));
    }
}

/// For such a name one-context reports that it does nothing, and the agent doesn't write for another network stack, either.
#[test]
fn the_agent_refuses_the_renderers_that_one_context_refuses() {
    if !has_all_tools() {
        return;
    }
    let table = [
        ("7.2", "wicked networkd", "wicked"),
        ("7.2", "NetworkManager networkd", "networkmanager"),
        ("6.6", "NetworkManager", "NetworkManager"),
        ("7.2", "keyfile", "keyfile"),
    ];
    for (release, asked, refused) in table {
        let mut guest = Guest::of("debian", "12", &format!("NETCFG_TYPE='{asked}'\n"));
        guest.release = release;
        let life = guest.run(&["local"]);
        assert_eq!(life.chosen(0), "", "{release}, {asked}");
        assert!(
            life.said
                .contains(&format!("one-context refuses {refused}\n"))
        );
        let warning = format!("NETCFG_TYPE: one-context has no renderer '{refused}'");
        assert!(life.said.contains(&warning), "{asked}: {}", life.said);
        let files = names(&life.steps[0]).join(" ");
        assert!(
            !files.contains("networkd/") && !files.contains("05-one-sriov"),
            "{asked}: {files}"
        );
        assert!(
            files.contains("60-one-sriov-ib0.cfg"),
            "the enabled stack is used: {files}"
        );
    }
}
