//! The probe: numbers for the scheduler, and never an error.

use one_sriov_tests::host::{Host, Pf, run};

fn host() -> Host {
    Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 2),
        Pf::ethernet("ens1f0", "0000:82:00", 3),
    ])
}

fn probe(host: &Host) -> String {
    let probed = host.operator(&["probe"]);
    assert_eq!(probed.code, 0);
    probed.stdout
}

fn ib0(total: u32, used: u32, free: u32) -> String {
    format!("SRIOV_IB0_TOTAL={total}\nSRIOV_IB0_USED={used}\nSRIOV_IB0_FREE={free}\n")
}

#[test]
fn every_pool_reports_total_used_and_free_vfs() {
    let host = host();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    host.foreign_domain("stranger", &["0000:82:00.3"]);
    let expected = format!(
        "SRIOV_ENS1F0_TOTAL=3\nSRIOV_ENS1F0_USED=1\nSRIOV_ENS1F0_FREE=2\n{}",
        ib0(2, 1, 1)
    );
    assert_eq!(probe(&host), expected);
}

#[test]
fn a_full_pool_shows_free_vfs_again_when_guests_have_powered_themselves_off() {
    let host = host();
    assert_eq!(host.deploy(7, &["sriov_ib0", "sriov_ib0"]).code, 0);
    assert!(probe(&host).ends_with(&ib0(2, 2, 0)));
    host.power_off(7);
    assert!(probe(&host).ends_with(&ib0(2, 0, 2)));
    assert_eq!(host.leased("ib0"), [""; 0]);
    assert!(host.vf("ib0", 0).ends_with("state disable"));
}

#[test]
fn a_removed_pool_has_no_free_vfs() {
    let host = host();
    assert_eq!(host.deploy(7, &["sriov_ib0"]).code, 0);
    for number in 0..2 {
        let link = format!("/sys/bus/pci/devices/0000:81:00.0/virtfn{number}");
        std::fs::remove_file(host.path(link)).unwrap();
    }
    assert!(probe(&host).ends_with(&ib0(0, 0, 0)));
}

#[test]
fn vfs_in_an_unknown_state_are_not_reported_as_free() {
    let host = host();
    host.switch("virsh-fails", "no");
    assert!(probe(&host).ends_with(&ib0(2, 2, 0)));
    host.switch_off("virsh-fails");
    std::fs::remove_dir_all(host.path("/run/one-sriov")).unwrap();
    assert!(probe(&host).ends_with(&ib0(2, 2, 0)));
    host.write("/etc/one-sriov/kvmrc", "LEASE_GRACE=x\n");
    // The front-end must not keep old numbers.
    assert!(probe(&host).ends_with(&ib0(2, 2, 0)));
    host.write("/etc/one-sriov/kvmrc", "");
    host.write("/var/tmp/one/vmm/kvm-sriov/vf_maps/ib0", "rubbish\n");
    // With a corrupt map only the free VFs are reset, so that the front-end keeps the total.
    assert!(probe(&host).ends_with("\nSRIOV_IB0_FREE=0\n"));
    assert!(!probe(&host).contains("SRIOV_IB0_TOTAL"));
}

#[test]
fn pools_have_no_free_vfs_while_the_maps_cannot_be_listed() {
    let host = host();
    let maps = host.home().join("vf_maps");
    host.write(
        "/var/tmp/one/vmm/kvm-sriov/vf_maps/spare",
        "0x82 0x00 0x1\n",
    );
    assert_eq!(host.deploy(7, &["sriov_spare"]).code, 0);
    std::fs::remove_dir_all(&maps).unwrap();
    // A symbolic link to itself, which not even root can follow.
    std::os::unix::fs::symlink("vf_maps", &maps).unwrap();
    let probed = host.operator(&["probe"]);
    let none = |pool| format!("SRIOV_{pool}_FREE=0\n");
    let expected = ["ENS1F0", "IB0", "SPARE"].map(none).concat();
    assert_eq!((probed.code, probed.stdout), (0, expected));
    let expected = format!(
        "one-sriov-driver: failed to list the VF maps in '{}': ",
        maps.display()
    );
    assert!(probed.stderr.starts_with(&expected), "{}", probed.stderr);
}

#[test]
fn a_probe_that_cannot_become_the_owner_of_the_leases_reports_no_free_vfs() {
    let host = host();
    let leases = host.path("/run/one-sriov");
    std::os::unix::fs::chown(leases, Some(65534), Some(65534)).unwrap();
    let mut probe = host.command(std::path::Path::new("setpriv"));
    probe.args(["--bounding-set", "-setuid,-setgid"]);
    let driver = host.driver(&["probe"]);
    probe.arg(driver.get_program()).args(driver.get_args());
    let probed = run(&mut probe, "");
    assert_eq!(probed.code, 0);
    // Root must not read the owner's maps, which may list fewer VFs.
    assert_eq!(probed.stdout, "SRIOV_ENS1F0_FREE=0\nSRIOV_IB0_FREE=0\n");
    let expected = "one-sriov-driver: refused to run as root: failed to become user 'nobody': ";
    assert!(probed.stderr.starts_with(expected), "{}", probed.stderr);
}

#[test]
fn a_host_without_pools_reports_nothing() {
    assert_eq!(probe(&Host::new(&[])), "");
}
