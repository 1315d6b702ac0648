//! `doctor` on a healthy host, and on hosts with one problem each.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use one_sriov_tests::host::{Host, Pf};
use one_sriov_tests::{driver_path, install_remotes};
use serde_json::Value;

use crate::suspend::lacking;

/// A healthy host.
fn host() -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 4)]);
    fs::create_dir_all(host.path("/sys/class/iommu/dmar0")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let binary = (std::env::consts::ARCH, driver_path() as &Path);
    install_remotes(&host.path("/var/tmp/one"), version, &[binary]);
    for file in ["kvm/kvmrc", "lib/kvm/opennebula_vm.rb"] {
        host.write(&format!("/var/tmp/one/vmm/{file}"), "");
    }
    host
}

/// The exit code and the findings: check, `severity: text` without the scratch directory, whether there is a remedy.
fn findings(host: &Host) -> (i32, Vec<(String, String, bool)>) {
    let shown = host.operator(&["doctor", "--json"]);
    let root = host.root().display().to_string();
    let json: Value = serde_json::from_str(&shown.stdout).unwrap();
    let finding = |finding: &Value| {
        let text = |name: &str| {
            finding[name]
                .as_str()
                .unwrap_or_default()
                .replace(&root, "")
        };
        let line = format!("{}: {}", text("severity"), text("text"));
        (text("check"), line, finding["remedy"].is_string())
    };
    let findings = json["findings"].as_array().unwrap().iter().map(finding);
    (shown.code, findings.collect())
}

#[test]
fn a_healthy_host_has_no_problems_or_warnings() {
    let host = host();
    let (code, findings) = findings(&host);
    assert_eq!(code, 0, "{findings:?}");
    let bad = |(_, line, _): &&(String, String, bool)| {
        line.starts_with("problem") || line.starts_with("warning")
    };
    assert_eq!(findings.iter().find(bad), None);
    let mut checks: Vec<&str> = findings.iter().map(|(check, ..)| &**check).collect();
    checks.dedup();
    let all = [
        "iommu",
        "vfio",
        "memlock",
        "cards",
        "settings",
        "pools",
        "guids",
        "pci-probe",
        "bridge",
        "libvirt",
        "remotes",
        "leases",
        "sudo",
    ];
    assert_eq!(checks, all);
}

#[test]
fn a_vm_that_lacks_a_vf_is_named() {
    let message = "warning: VM 7 may run without VFs that it should have".to_owned();
    let finding = ("leases".to_owned(), message, true);
    let (host, _) = lacking();
    assert!(findings(&host).1.contains(&finding));
    assert_eq!(host.operator(&["repair", "7"]).code, 0);
    assert!(!findings(&host).1.contains(&finding));
}

#[test]
fn the_text_output_shows_findings_and_remedies() {
    let host = host();
    fs::remove_dir_all(host.path("/sys/class/iommu")).unwrap();
    let shown = host.operator(&["doctor"]);
    assert_eq!(shown.code, 3);
    let mut lines = shown.stdout.lines();
    assert_eq!(
        lines.next(),
        Some("PROBLEM  failed to find an IOMMU: VFs cannot be passed through to VMs")
    );
    let remedy = lines.next().unwrap();
    assert!(remedy.starts_with("         enable VT-d"), "{remedy}");
    assert!(
        shown.stdout.contains("ok       pool 'ib0' has 4 VFs\n"),
        "{}",
        shown.stdout
    );
}

/// A problem, the change of the host that causes it, the check that finds it, and the start of the finding.
type Case = (&'static str, fn(&Host), &'static str, &'static str);

const CASES: &[Case] = &[
    (
        "no IOMMU",
        |host| fs::remove_dir_all(host.path("/sys/class/iommu")).unwrap(),
        "iommu",
        "problem: failed to find an IOMMU",
    ),
    (
        "QEMU may not open /dev/vfio",
        |host| {
            let conf = "user = \"daemon\"\ngroup = \"daemon\"\ndynamic_ownership = 0\n";
            host.write("/etc/libvirt/qemu.conf", conf);
        },
        "vfio",
        "warning: QEMU runs as 'daemon', and no udev rule gives it access to future /dev/vfio/<group>",
    ),
    (
        "the limit of locked memory is low",
        |host| {
            let conf = "[Service]\nLimitMEMLOCK=64M\n";
            host.write("/etc/systemd/system/libvirtd.service.d/limits.conf", conf);
        },
        "memlock",
        "note: '/etc/systemd/system/libvirtd.service.d/limits.conf': line 2: LimitMEMLOCK=64M is low",
    ),
    (
        "an invalid kvmrc",
        |host| host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=soon\n"),
        "settings",
        "problem: failed to read '/etc/one-sriov/kvmrc': line 1: LEASE_GRACE",
    ),
    (
        "a setting of the driver of 2013",
        |host| host.write("/etc/one-sriov/kvmrc", "HPC_MODE=on\n"),
        "settings",
        "note: '/etc/one-sriov/kvmrc': line 1: HPC_MODE has no effect",
    ),
    (
        "a map with a missing device",
        |host| {
            host.write(
                "/var/tmp/one/vmm/kvm-sriov/vf_maps/ib0",
                "0x81 0x00 0x1\n0x99 0x00 0x1\n",
            );
        },
        "pools",
        "warning: ",
    ),
    (
        "an invalid map",
        |host| host.write("/var/tmp/one/vmm/kvm-sriov/vf_maps/ib0", "0x81 0x00\n"),
        "pools",
        "problem: failed to read VF map",
    ),
    (
        "OpenNebula's own probe offers the VFs",
        |host| {
            for vf in 1..=4 {
                for (name, value) in [
                    ("vendor", "0x15b3"),
                    ("device", "0x101e"),
                    ("class", "0x020700"),
                ] {
                    let path = format!("/sys/bus/pci/devices/0000:81:00.{vf}/{name}");
                    host.write(&path, format!("{value}\n"));
                }
            }
            let conf = ":filter:\n  - '15b3:*'\n";
            host.write("/var/tmp/one/etc/im/kvm-probes.d/pci.conf", conf);
        },
        "pci-probe",
        "note: OpenNebula's PCI probe also offers VFs of pool 'ib0'",
    ),
    (
        "the bridge is connected to a network card",
        |host| {
            fs::create_dir_all(host.path("/sys/class/net/sriov_br/brif/eno1")).unwrap();
            Pf::ethernet("eno1", "0000:02:00", 0).plug_into(host);
        },
        "bridge",
        "warning: bridge 'sriov_br' of the dummy NICs is connected to network cards",
    ),
    (
        "libvirt does not answer",
        |host| host.switch("virsh-fails", "failed to connect to the hypervisor"),
        "libvirt",
        "problem: failed to query libvirt at 'qemu:///system'",
    ),
    (
        "the stock driver is missing",
        |host| fs::remove_dir_all(host.path("/var/tmp/one/vmm/kvm")).unwrap(),
        "remotes",
        "problem: ",
    ),
    (
        "an action is missing",
        |host| fs::remove_file(host.home().join("restore")).unwrap(),
        "remotes",
        "problem: actions in '/var/tmp/one/vmm/kvm-sriov' are missing or not executable: 'restore'",
    ),
    (
        "the lease directory is missing",
        |host| fs::remove_dir_all(host.path("/run/one-sriov")).unwrap(),
        "leases",
        "problem: failed to open lease directory",
    ),
    (
        "anybody may write leases",
        |host| {
            fs::set_permissions(host.path("/run/one-sriov"), Permissions::from_mode(0o777))
                .unwrap();
        },
        "leases",
        "problem: failed to open lease directory",
    ),
    (
        "a lease is corrupt",
        |host| host.write("/run/one-sriov/ib0/3", "rubbish"),
        "leases",
        "warning: failed to read lease",
    ),
    (
        "sudo asks for a password",
        |host| host.switch("sudo-refuses", ""),
        "sudo",
        "problem: user ",
    ),
];

#[test]
fn each_check_finds_its_problem_and_offers_a_remedy() {
    for (what, make, check, beginning) in CASES {
        let host = host();
        make(&host);
        let (code, findings) = findings(&host);
        let found = findings
            .iter()
            .find(|(of, line, _)| of == check && line.starts_with(beginning));
        let Some((_, line, has_remedy)) = found else {
            panic!("{what}: {findings:?}");
        };
        // The messages of these checks contain the remedy.
        assert!(
            *has_remedy || matches!(*check, "pools" | "leases" | "settings"),
            "{what}: {line}"
        );
        let is_problem = beginning.starts_with("problem");
        assert_eq!(code, if is_problem { 3 } else { 0 }, "{what}: {findings:?}");
    }
}
