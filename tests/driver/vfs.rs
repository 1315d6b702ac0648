//! `vfs`, which `one-sriov-vfs@.service` runs at boot.
//!
//! A fake sysfs accepts any write, so the tests get the writes and their order from strace.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use one_sriov_tests::host::{Host, Pf, run};

const NUMBER: &str = "/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs";
const AUTOPROBE: &str = "/sys/bus/pci/devices/0000:81:00.0/sriov_drivers_autoprobe";

/// A PF with four of its eight possible VFs. The file in vfs/ has the text `wanted`.
fn host(wanted: &str) -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 4)]);
    let total = "/sys/bus/pci/devices/0000:81:00.0/sriov_totalvfs";
    host.write(total, "8\n");
    host.write(AUTOPROBE, "1\n");
    host.write("/etc/one-sriov/vfs/ib0", wanted);
    host
}

/// A PF that has just appeared, without VFs.
fn fresh(wanted: &str) -> Host {
    let host = host(wanted);
    host.write(NUMBER, "0\n");
    for number in 0..4 {
        let link = format!("/sys/bus/pci/devices/0000:81:00.0/virtfn{number}");
        fs::remove_file(host.path(link)).unwrap();
    }
    host
}

/// The writes to the card, in order, as `<attribute> <value>`.
fn written(host: &Host) -> Vec<String> {
    let log = host.path("/strace");
    let mut strace = Command::new("strace");
    let driver = host.driver(&["vfs", "ib0"]);
    strace
        .args(["-f", "-y", "-e", "trace=write", "-o"])
        .arg(&log)
        .arg(driver.get_program())
        .args(driver.get_args())
        .env("ONE_SRIOV_ROOT", host.root());
    let done = run(&mut strace, "");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let text = fs::read_to_string(log).unwrap();
    let writes = text.lines().filter_map(|line| {
        // write(3</tmp/x/sys/bus/pci/devices/0000:81:00.0/sriov_numvfs>, "8", 1) = 1
        let (_, rest) = line.split_once("/sriov_")?;
        let (name, rest) = rest.split_once(">, \"")?;
        Some(format!("{name} {}", rest.split_once('"')?.0))
    });
    writes.collect()
}

#[test]
fn a_card_without_vfs_gets_the_number_in_its_file() {
    let host = fresh("8\n");
    let done = host.operator(&["vfs", "ib0"]);
    assert_eq!(
        (done.code, &*done.stdout, &*done.stderr),
        (0, "'ib0' has 8 VFs now; it had 0\n", "")
    );
    assert_eq!(written(&fresh("8\n")), ["numvfs 8"]);
    let json = fresh("8 # all of them\n")
        .operator(&["vfs", "ib0", "--json"])
        .stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "pf": "ib0", "before": 0, "now": 8 })
    );
}

#[test]
fn a_different_number_is_written_after_a_zero() {
    assert_eq!(written(&host("8\n")), ["numvfs 0", "numvfs 8"]);
    assert_eq!(written(&host("0\n")), ["numvfs 0"]);
}

#[test]
fn the_same_number_changes_nothing_even_while_a_vm_runs() {
    let host = host("4\n");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    let done = host.operator(&["vfs", "ib0"]);
    assert_eq!(
        (done.code, &*done.stdout),
        (0, "'ib0' has 4 VFs already\n"),
        "{}",
        done.stderr
    );
    assert_eq!(written(&host), [""; 0]);
}

#[test]
fn autoprobe_is_turned_off_before_the_vfs_are_created() {
    let asked = "8 autoprobe=off\n";
    assert_eq!(written(&fresh(asked)), ["drivers_autoprobe 0", "numvfs 8"]);
    assert_eq!(
        written(&host(asked)),
        ["numvfs 0", "drivers_autoprobe 0", "numvfs 8"]
    );
}

/// Asserts that the command fails with this message, and changes nothing.
#[track_caller]
fn assert_refused(host: &Host, message: &str) {
    let before = host.read(NUMBER);
    let refused = host.operator(&["vfs", "ib0"]);
    assert_eq!(
        (refused.code, &*refused.stdout, refused.stderr),
        (1, "", format!("one-sriov-driver: {message}\n"))
    );
    assert_eq!(host.read(NUMBER), before);
}

#[test]
fn a_change_while_a_vm_has_a_vf_is_refused() {
    let host = host("8\n");
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    let of_vm = "refused to change the VFs of 'ib0' from 4 to 8: '0000:81:00.1' is in use by a VM; \
                 power off these VMs first";
    assert_refused(&host, of_vm);
    host.write("/etc/one-sriov/vfs/ib0", "0\n");
    assert_refused(&host, &of_vm.replace("to 8", "to 0"));
    // The VM has stopped, but its lease cannot be released.
    host.switch("ip-fails", "Device or resource busy");
    host.power_off(7);
    let leased = "refused to change the VFs of 'ib0' from 4 to 0: '0000:81:00.1' is leased to a VM; \
                  power off these VMs first";
    assert_refused(&host, leased);
    host.switch_off("ip-fails");
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(host.operator(&["vfs", "ib0"]).code, 0);
}

#[test]
fn leases_of_an_earlier_boot_do_not_block_a_change() {
    let host = host("8\n");
    host.write(
        "/run/one-sriov/boot-id",
        "00000000-0000-0000-0000-000000000000\n",
    );
    host.write("/run/one-sriov/.devices/0000:81:00.1", "ib0/0 7.18b2f0c4\n");
    assert_eq!(host.operator(&["vfs", "ib0"]).code, 0);
}

#[test]
fn a_vf_that_the_host_uses_is_not_removed() {
    let host = host("8\n");
    let netdev = "/sys/class/net/ib0v2";
    host.write(&format!("{netdev}/ifindex"), "9\n");
    symlink("../br0", host.path(format!("{netdev}/master"))).unwrap();
    let net = host.path("/sys/bus/pci/devices/0000:81:00.3/net");
    fs::create_dir_all(&net).unwrap();
    symlink("../../../../../class/net/ib0v2", net.join("ib0v2")).unwrap();
    let message = "refused to change the VFs of 'ib0' from 4 to 8: '0000:81:00.3' is in use by this host \
                   ('ib0v2' belongs to 'br0'); power off these VMs first";
    assert_refused(&host, message);
}

#[test]
fn invalid_files_and_unsuitable_cards_are_reported() {
    // The text of the file, another change of the host, and the message.
    type Case = (&'static str, fn(&Host), &'static str);
    let table: [Case; 5] = [
        (
            "eight\n",
            |_| {},
            "failed to read '/etc/one-sriov/vfs/ib0': line 1: expected a number of VFs, and optionally \
             autoprobe=on or autoprobe=off, found 'eight'",
        ),
        (
            "9\n",
            |_| {},
            "failed to create 9 VFs of 'ib0': the card allows 8; allow more in its firmware, or write a \
             smaller number",
        ),
        (
            "",
            |host| fs::remove_file(host.path("/etc/one-sriov/vfs/ib0")).unwrap(),
            "failed to find the number of VFs of 'ib0': '/etc/one-sriov/vfs/ib0' is missing; write a \
             number there: echo 8 > /etc/one-sriov/vfs/ib0",
        ),
        (
            "8\n",
            |host| {
                let total = "/sys/bus/pci/devices/0000:81:00.0/sriov_totalvfs";
                fs::remove_file(host.path(total)).unwrap();
            },
            "failed to create VFs of 'ib0' (0000:81:00.0): it does not support SR-IOV; enable it in the card's firmware",
        ),
        (
            "8\n",
            |host| fs::remove_dir_all(host.path("/sys/class/net/ib0")).unwrap(),
            "failed to find 'ib0': no network device of that name",
        ),
    ];
    for (wanted, make, message) in table {
        let host = host(wanted);
        make(&host);
        assert_refused(&host, message);
    }
}

/// A real kernel attribute, in a network namespace, accepts 0, 1 and 2, but not 8.
#[test]
fn if_the_kernel_refuses_the_number_the_old_vfs_are_created_again() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let host = host("8\n");
    let script = "number=/proc/sys/net/ipv4/tcp_ecn; echo 2 >$number && mount --bind $number \"$0\" &&\n\
                  \"$@\"; echo \"code $?, $(cat $number) VFs\"";
    let mut unshare = Command::new("unshare");
    let driver = host.driver(&["vfs", "ib0"]);
    unshare
        .args(["--net", "--mount", "sh", "-c", script])
        .arg(host.path(NUMBER))
        .arg(driver.get_program())
        .args(driver.get_args())
        .env("ONE_SRIOV_ROOT", host.root());
    let done = run(&mut unshare, "");
    let message = "one-sriov-driver: failed to write 8 to 'sriov_numvfs' of 'ib0': Invalid argument (os error 22); \
                   see the kernel's log; its 2 VFs have been created again\n";
    assert_eq!((&*done.stdout, &*done.stderr), ("code 1, 2 VFs\n", message));
}
