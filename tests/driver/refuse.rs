//! Actions that VMs with VFs don't support.

use one_sriov_tests::host::{Host, Pf};

fn host() -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 4)]);
    assert_eq!(host.deploy(7, &["sriov_ib0", "sriov_ib0"]).code, 0);
    host
}

#[test]
fn a_vm_that_already_holds_vfs_is_not_restored() {
    let host = host();
    host.stock("restore", ": >\"$DIR/state/touched\"\n");
    let refused = host.action(
        "restore",
        &["/checkpoint", "host", "one-7", "7", "host"],
        "",
    );
    let expected = "failed to restore VM 7: it already holds VFs 'ib0/0', 'ib0/1' on this host.\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (1, expected));
    assert_eq!(host.read("/state/touched"), None);
}

#[test]
fn a_vm_that_has_stopped_is_restored() {
    let host = host();
    host.power_off(7);
    host.stock("restore", "echo restored\n");
    let arguments = ["/checkpoint", "host", "one-7", "7", "host"];
    assert_eq!(host.action("restore", &arguments, "").stdout, "restored\n");
}

#[test]
fn other_nics_are_attached_and_detached_by_the_stock_actions() {
    let host = host();
    host.stock("attach_nic", "echo attached\n");
    host.stock("detach_nic", "echo detached\n");
    for bridge in ["br0", "sriov_br"] {
        let mac = "02:00:c0:a8:07:05";
        let tap = "one-7-2";
        let arguments = ["one-7", mac, bridge, "virtio", "dummy", tap, "7", "host"];
        let attached = host.action("attach_nic", &arguments, "");
        assert_eq!(attached.stdout, "attached\n", "{bridge}");
    }
    let detached = host.action(
        "detach_nic",
        &["one-7", "02:00:c0:a8:07:09", "7", "host"],
        "",
    );
    assert_eq!(detached.stdout, "detached\n");
    // An invalid document makes no difference either.
    host.write("/var/tmp/one/VERSION", "7.0.0\n");
    let nic = "<NIC><ATTACH>YES</ATTACH><BRIDGE>br0</BRIDGE><MAC>02:00:c0:a8:07:09</MAC><VLAN_ID>x</VLAN_ID></NIC>";
    let number = format!("<VM><TEMPLATE>{nic}</TEMPLATE></VM>");
    let bridge = number
        .replace("br0", "sriov_not a pool")
        .replace(">x<", "><");
    for document in ["", "<VM>", &number, &bridge] {
        let arguments = ["one-7", "02:00:c0:a8:07:09", "7", "host"];
        let detached = host.action("detach_nic", &arguments, document);
        assert_eq!(
            detached.stdout, "detached\n",
            "{document}: {}",
            detached.stderr
        );
    }
}

#[test]
fn migrate_local_is_refused_only_if_the_document_has_an_sriov_nic() {
    let host = host();
    host.stock("migrate_local", "cat\n");
    let migrate = |stdin: &str| {
        host.action(
            "migrate_local",
            &["one-9", "other", "host", "9", "host"],
            stdin,
        )
    };
    // base64 of <VM><NIC><BRIDGE><![CDATA[sriov_ib0]]></BRIDGE></NIC></VM>
    let sriov =
        "PFZNPjxOSUM+PEJSSURHRT48IVtDREFUQVtzcmlvdl9pYjBdXT48L0JSSURHRT48L05JQz48L1ZN\nPg==";
    let refused = migrate(sriov);
    assert_eq!(
        refused.stderr,
        "failed to migrate VM 9: it holds a VF on bridge 'sriov_ib0', which cannot be moved.\n"
    );
    for passed in ["", "PFZNLz4=", "<VM><NIC><BRIDGE>br0</BRIDGE></NIC></VM>"] {
        assert_eq!(migrate(passed).stdout, passed);
    }
}

#[test]
fn invalid_settings_or_unsafe_leases_do_not_affect_vms_without_vfs() {
    let break_settings: fn(&Host) = |host| host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=soon\n");
    let open_leases: fn(&Host) = |host| {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(host.path("/run/one-sriov"), mode).unwrap();
    };
    for make in [break_settings, open_leases] {
        let host = host();
        make(&host);
        for (action, arguments) in [
            ("save", &["one-9", "/checkpoint", "host", "9", "host"][..]),
            ("restore", &["/checkpoint", "host", "one-9", "9", "host"]),
            ("migrate", &["one-9", "other", "host", "9", "host"]),
            ("detach_nic", &["one-9", "02:00:0a:00:00:01", "9", "host"]),
        ] {
            let outcome = host.action(action, arguments, "");
            assert_eq!(outcome.code, 0, "{action}: {}", outcome.stderr);
            assert!(outcome.stdout.starts_with("stock "), "{action}");
        }
    }
}
