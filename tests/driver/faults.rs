//! Failing system calls, full outputs, oversized inputs: the driver must not act on incomplete information.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf, deployment_file, domain, hostdev, pci_nic, run};

fn host() -> Host {
    Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 2),
        Pf::ethernet("ens1f0", "0000:82:00", 3),
    ])
}

/// Prepares the driver with system calls that fail, on this path only if one is given.
fn faulty(host: &Host, calls: &str, fault: &str, path: Option<&str>, words: &[&str]) -> Command {
    let driver = host.driver(words);
    let mut strace = host.command(Path::new("strace"));
    strace.args(["-qq", "-o"]).arg(host.path("/state/strace"));
    if let Some(path) = path {
        strace.arg("-P").arg(host.path(path));
    }
    strace
        .args(["-e", &format!("trace={calls}")])
        .args(["-e", &format!("inject={calls}:{fault}")])
        .arg(driver.get_program())
        .args(driver.get_args());
    strace
}

/// Whether strace made a call fail.
fn has_failed(host: &Host) -> bool {
    let log = host.read("/state/strace").unwrap_or_default();
    log.contains("(INJECTED)")
}

fn deploy<'a>(file: &'a str, vm: &'a str) -> [&'a str; 7] {
    ["action", "--", "deploy", file, "host", vm, "host"]
}

#[test]
fn a_pool_with_an_unreadable_sysfs_link_has_no_free_vfs() {
    let host = host();
    let link = "/sys/bus/pci/devices/0000:81:00.0/virtfn1";
    for error in ["EIO", "EACCES"] {
        let fault = format!("error={error}");
        let mut probe = faulty(&host, "readlink", &fault, Some(link), &["probe"]);
        let probed = run(&mut probe, "");
        assert!(has_failed(&host), "{error}");
        let others = "SRIOV_ENS1F0_TOTAL=3\nSRIOV_ENS1F0_USED=0\nSRIOV_ENS1F0_FREE=3\n";
        let expected = format!("{others}SRIOV_IB0_FREE=0\n");
        assert_eq!((probed.code, probed.stdout), (0, expected), "{error}");
        assert!(probed.stderr.contains(link), "{}", probed.stderr);
        // The state of the VF is unknown, so the VM doesn't get another one instead.
        let file = deployment_file(7);
        let mut driver = faulty(&host, "readlink", &fault, Some(link), &deploy(&file, "7"));
        let refused = run(&mut driver, &domain(7, &["sriov_ib0"; 2]));
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
        assert!(refused.stderr.contains(link), "{}", refused.stderr);
        assert_eq!(host.leased("ib0"), [""; 0]);
    }
    // A link that has just gone is not an error: the pool has a VF less.
    let mut probe = faulty(&host, "readlink", "error=ENOENT", Some(link), &["probe"]);
    let probed = run(&mut probe, "");
    let expected = "SRIOV_IB0_TOTAL=1\nSRIOV_IB0_USED=0\nSRIOV_IB0_FREE=1\n";
    assert!(probed.stdout.ends_with(expected), "{}", probed.stdout);
}

#[test]
fn a_document_with_a_stale_file_handle_counts_as_missing() {
    let host = host();
    host.write("/var/lib/one/datastores/0/7/vm.xml", "<VM/>");
    let file = deployment_file(7);
    let path = Some("/var/lib/one/datastores/0/7/vm.xml");
    let words = deploy(&file, "7");
    let mut driver = faulty(&host, "open,openat", "error=ESTALE", path, &words);
    let deployed = run(&mut driver, &domain(7, &["sriov_ib0"]));
    assert!(has_failed(&host));
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let words = deploy(&file, "8");
    let mut driver = faulty(&host, "open,openat", "error=EIO", path, &words);
    let refused = run(&mut driver, &domain(8, &["sriov_ib0"]));
    assert_eq!(refused.code, 1);
    let expected = "failed to read '/var/lib/one//datastores/0/7/vm.xml': ";
    assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
}

#[test]
fn a_pci_nic_is_refused_if_its_holder_is_unreadable_but_not_if_its_document_is() {
    let host = host();
    let nic = pci_nic(7, 0, "0000:81:00.1", "");
    let document = "/var/lib/one/datastores/0/7/vm.xml";
    host.write(document, format!("<VM><TEMPLATE>{nic}</TEMPLATE></VM>"));
    let text = domain(7, &[]).replace(
        "\t</devices>",
        &(hostdev("0000:81:00.1") + "\n\t</devices>"),
    );
    let file = deployment_file(7);
    let words = deploy(&file, "7");
    let mut driver = faulty(&host, "open,openat", "error=EIO", Some(document), &words);
    let deployed = run(&mut driver, &text);
    assert!(has_failed(&host));
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert!(
        deployed.stderr.contains("are not managed"),
        "{}",
        deployed.stderr
    );
    assert_eq!(host.domain(7).unwrap(), text);
    assert_eq!(host.cancel(7).code, 0);

    let physfn = "/sys/bus/pci/devices/0000:81:00.1/physfn";
    let claim = "/run/one-sriov/.devices/0000:81:00.1";
    // A claim left by an earlier deployment.
    host.write(claim, "ib0/0 3.1f\n");
    let boot = host.read("/proc/sys/kernel/random/boot_id").unwrap();
    host.write("/run/one-sriov/boot-id", boot);
    for (calls, path) in [("readlink", physfn), ("open,openat", claim)] {
        let mut driver = faulty(&host, calls, "error=EIO", Some(path), &words);
        let refused = run(&mut driver, &text);
        assert!(has_failed(&host), "{path}");
        assert_eq!(refused.code, 1, "{path}");
        assert!(refused.stderr.contains(path), "{}", refused.stderr);
        assert_eq!(host.domain(7), None);
    }
    assert!(host.changed_vfs().is_empty());
}

#[test]
fn a_running_vm_is_reported_even_if_system_calls_fail_during_its_start() {
    for (calls, fault) in [
        // The first poll(2) is part of the start of every Rust program.
        ("poll", "error=ENOMEM:when=2+3"),
        ("wait4", "error=ENOMEM:when=1+2"),
    ] {
        let host = host();
        let file = deployment_file(7);
        let mut driver = faulty(&host, calls, fault, None, &deploy(&file, "7"));
        let deployed = run(&mut driver, &domain(7, &["sriov_ib0"]));
        assert!(has_failed(&host), "{calls}");
        assert_eq!(deployed.code, 0, "{calls}: {}", deployed.stderr);
        assert_eq!(deployed.stdout, "00000000-0000-4000-a000-000000000007\n");
        assert_eq!(host.lease("ib0/0").unwrap()["state"], "active", "{calls}");
    }
}

#[test]
fn a_deploy_id_that_cannot_be_printed_is_an_error_and_the_vm_keeps_its_vf() {
    let host = host();
    let file = deployment_file(7);
    host.write("/state/sent", domain(7, &["sriov_ib0"]));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = host
        .driver(&deploy(&file, "7"))
        .stdin(File::open(host.path("/state/sent")).unwrap())
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    let outcome = Outcome::from(output);
    let expected = "failed to print deploy ID '00000000-0000-4000-a000-000000000007' of VM 7, which is running: No space left";
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.starts_with(expected), "{}", outcome.stderr);
    assert!(host.domain(7).is_some());
    assert_eq!(host.lease("ib0/0").unwrap()["state"], "active");
    // libvirt shows that the VM runs.
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(host.leased("ib0"), ["0"]);
}

#[test]
fn a_driver_that_cannot_start_processes_still_ends_a_vm() {
    for action in ["cancel", "shutdown"] {
        let host = host();
        assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
        let words = ["action", "--", action, "one-7", "host", "7", "host"];
        let mut driver = faulty(&host, "signalfd4", "error=EMFILE", None, &words);
        let ended = run(&mut driver, "");
        assert!(has_failed(&host), "{action}");
        assert_eq!(ended.code, 0, "{action}: {}", ended.stderr);
        assert_eq!(host.domain(7), None, "{action}");
        let expected = format!("INFO: {action}: failed to run '");
        assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
        assert_eq!(host.operator(&["probe"]).code, 0);
        assert_eq!(host.leased("ib0"), [""; 0], "{action}");
    }
}

#[test]
fn a_stock_action_that_fails_without_a_message_is_logged() {
    let host = host();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    for action in [
        "cancel",
        "shutdown",
        "reboot",
        "snapshot_delete",
        "attach_disk",
    ] {
        let call = || host.action(action, &["one-7", "x", "7", "host"], "");
        host.stock(action, "exit 3\n");
        let failed = call();
        let expected = format!(
            "INFO: {action}: the stock '{action}' failed with exit code 3 and no message\n"
        );
        assert_eq!((failed.code, failed.stderr), (3, expected));
        host.stock(action, "echo its-own >&2; exit 3\n");
        assert_eq!(call().stderr, "its-own\n", "{action}");
        host.stock(action, "echo done\n");
        let done = call();
        assert_eq!(
            (done.code, &*done.stdout, &*done.stderr),
            (0, "done\n", ""),
            "{action}"
        );
    }
    host.stock("deploy", "cat >/dev/null; exit 3\n");
    let failed = host.deploy(8, &["sriov_ib0"]);
    let expected = "INFO: deploy: the stock 'deploy' failed with exit code 3 and no message\n";
    assert_eq!((failed.code, &*failed.stderr), (3, expected));
}

/// Runs the driver with a file as its input and with little memory.
fn with_little_memory(host: &Host, words: &[&str], stdin: File) -> Outcome {
    let driver = host.driver(words);
    let mut shell = host.command(Path::new("sh"));
    // In KiB: enough for the program, its libraries and stacks, and a document of 16 MiB.
    shell.args(["-c", "ulimit -v 98304; exec \"$@\"", "sh"]);
    shell.arg(driver.get_program()).args(driver.get_args());
    let output = shell.stdin(stdin).output().unwrap();
    Outcome::from(output)
}

#[test]
fn input_larger_than_memory_still_reaches_the_stock_action() {
    const SIZE: u64 = 128 << 20;
    let host = host();
    let path = host.path("/state/large");
    let large = File::create(&path).unwrap();
    large.set_len(SIZE).unwrap();
    let file = deployment_file(7);
    for words in [
        &deploy(&file, "7")[..],
        &["action", "--", "migrate_local", "one-7", "b", "a", "7", "a"],
    ] {
        host.stock(words[2], "wc -c >\"$DIR/state/size\"; echo one-7\n");
        let passed = with_little_memory(&host, words, File::open(&path).unwrap());
        assert_eq!(
            (passed.code, &*passed.stdout),
            (0, "one-7\n"),
            "{}",
            passed.stderr
        );
        let size = host.read("/state/size").unwrap();
        assert_eq!(size.trim().parse(), Ok(SIZE), "{words:?}");
    }
}

#[test]
fn a_domain_with_vfs_larger_than_16_mib_is_refused() {
    let host = host();
    host.stock("deploy", ": >\"$DIR/state/touched\"\n");
    let blanks = " ".repeat(17 << 20);
    let large = domain(7, &["sriov_ib0"]).replace("<vcpu>", &format!("{blanks}<vcpu>"));
    host.write("/state/large", large);
    let file = deployment_file(7);
    let large = File::open(host.path("/state/large")).unwrap();
    let refused = with_little_memory(&host, &deploy(&file, "7"), large);
    let expected = "failed to read the document of the VM: it is larger than 16 MiB.\n";
    assert_eq!((refused.code, &*refused.stderr), (1, expected));
    assert_eq!(host.read("/state/touched"), None);
}

#[test]
fn the_remedy_is_within_the_first_hundred_characters() {
    let table: [(&str, &str, &str, &str); 4] = [
        (
            "virsh-fails",
            "failed to connect to the hypervisor",
            "",
            "see 'one-sriov",
        ),
        ("sudo-refuses", "", "", "see 'one-sriov"),
        (
            "ip-unsupported",
            "ib0\n",
            "VF_IDENTITY=guid\n",
            "set VF_IDENTITY",
        ),
        ("ip-fails", "Device or resource busy", "", "see 'one-sriov"),
    ];
    for (switch, text, settings, remedy) in table {
        let host = host();
        host.switch(switch, text);
        host.write("/etc/one-sriov/kvmrc", settings);
        let failed = host.deploy(7, &["sriov_ib0"]);
        assert_eq!(failed.code, 1, "{switch}");
        let shown: String = failed.stderr.chars().take(100).collect();
        assert!(shown.contains(remedy), "{switch}: {}", failed.stderr);
        assert!(failed.stderr.ends_with(".\n"), "{}", failed.stderr);
    }
}

#[test]
fn an_error_about_a_guid_in_use_names_its_holder() {
    // Neither domain has a lease; OpenNebula may not know VM 31.
    for (name, expected) in [
        ("one-31", "VM 31 has it (VF 1 of 'ib0'); end VM 31, "),
        ("stranger", "domain 'stranger' has it (VF 1 of 'ib0'); end "),
    ] {
        let host = host();
        let guid = "00:00:aa:00:c0:a8:07:01";
        host.set_vfs(
            "ib0",
            &format!("0 state auto\n1 node_guid {guid} port_guid {guid} state auto\n"),
        );
        host.foreign_domain(name, &["0000:81:00.2"]);
        let refused = host.deploy(7, &["sriov_ib0"]);
        let expected = format!("failed to use GUID '{guid}': {expected}");
        assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
        assert!(expected.len() < 100, "{expected}");
        assert_eq!(refused.code, 1);
    }
}
