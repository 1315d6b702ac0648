//! When no VF is involved, the driver executes the stock action.

use std::fs;

use one_sriov_tests::host::{Host, Pf, domain, run};

fn host() -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    // Without VFs, the driver needs no lease directory, and doesn't query libvirt.
    fs::remove_dir_all(host.path("/run/one-sriov")).unwrap();
    host.switch("virsh-fails", "not today");
    host
}

#[test]
fn a_plain_vm_is_deployed_by_the_stock_action_with_the_same_bytes() {
    let host = host();
    host.stock(
        "deploy",
        "cat >\"$DIR/state/stdin\"; echo \"$@\" >\"$DIR/state/argv\"; echo some-id; exit 7\n",
    );
    let big = "x".repeat(300_000);
    let odd = format!("{}<!-- {big} -->\n\n\n", domain(7, &["br0", "sriov"]));
    for text in [&*odd, "", "not a domain at all \0", &domain(7, &[])] {
        let deployed = host.deploy_domain(7, text);
        assert_eq!((deployed.code, &*deployed.stdout), (7, "some-id\n"));
        assert_eq!(deployed.stderr, "");
        assert_eq!(
            fs::read(host.path("/state/stdin")).unwrap(),
            text.as_bytes()
        );
        let argv = host.read("/state/argv").unwrap();
        assert_eq!(
            argv,
            "/var/lib/one//datastores/0/7/deployment.0 host 7 host\n"
        );
    }
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn a_vm_that_only_mentions_sriov_in_text_is_passed_on_unchanged() {
    let host = host();
    host.stock("deploy", "cat >\"$DIR/state/stdin\"\n");
    let text = domain(7, &["br0"]).replace(
        "<name>",
        "<title><![CDATA[my sriov_ib0 <test>]]></title><!-- <source bridge='sriov_ib0'/> --><name>",
    );
    assert_eq!(host.deploy_domain(7, &text).code, 0);
    assert_eq!(host.read("/state/stdin").unwrap(), text);
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn all_other_actions_are_passed_on_without_querying_libvirt() {
    let host = host();
    for action in [
        "cancel",
        "shutdown",
        "save",
        "restore",
        "migrate",
        "reboot",
        "poll",
        "attach_nic",
        "detach_nic",
    ] {
        host.stock(
            action,
            "cat >\"$DIR/state/stdin\"; printf '<%s>' \"$@\"; exit 3\n",
        );
        let arguments = ["one-7", "02:00:c0:a8:07:01", "br0", "-x y", "7", "host"];
        let passed = host.action(action, &arguments, "the document\n");
        assert_eq!(passed.code, 3, "{action}: {}", passed.stderr);
        assert_eq!(
            passed.stdout, "<one-7><02:00:c0:a8:07:01><br0><-x y><7><host>",
            "{action}"
        );
        assert_eq!(
            host.read("/state/stdin").unwrap(),
            "the document\n",
            "{action}"
        );
    }
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn a_stream_that_never_ends_is_not_read() {
    // In 4.x the stdin of all actions but deploy is the ssh stream itself.
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 2)]);
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    for (action, vm) in [
        ("reboot", "8"),
        ("cancel", "8"),
        ("save", "8"),
        ("attach_nic", "8"),
        ("cancel", "7"),
    ] {
        host.stock(action, "echo done\n");
        let arguments = ["one-9", "02:00:c0:a8:07:01", "br0", "-", vm, "host"];
        let mut command = host.driver(&["action", "--", action]);
        command.args(arguments);
        // The writer keeps the pipe open.
        let (reader, writer) = std::io::pipe().unwrap();
        let output = command.stdin(reader).output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "done\n",
            "{action}"
        );
        drop(writer);
    }
}

#[test]
fn a_missing_stock_action_is_named() {
    let host = host();
    let failed = run(
        &mut host.driver(&["action", "--", "resize", "x", "7", "host"]),
        "",
    );
    assert_eq!(failed.code, 1);
    let expected = "failed to run the stock 'resize': failed to run '";
    assert!(failed.stderr.starts_with(expected), "{}", failed.stderr);
    assert_eq!(failed.stderr.lines().count(), 1);
    assert!(failed.stderr.ends_with('\n'));
}

#[test]
fn the_dummy_bridge_requests_a_vf_only_if_it_is_also_a_pools_bridge() {
    let host = host();
    host.stock("deploy", "cat >/dev/null; echo passed\n");
    assert_eq!(host.deploy(7, &["sriov_br"]).stdout, "passed\n");
    // Old configurations use the bridge of the pool for dummy NICs, too.
    host.write("/etc/one-sriov/kvmrc", "DUMMY_BRIDGE=sriov_ib0\n");
    let failed = host.deploy(7, &["sriov_ib0"]);
    assert!(
        failed.stderr.starts_with("failed to open lease directory"),
        "{}",
        failed.stderr
    );
}
