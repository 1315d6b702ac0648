//! `import-legacy`: takes over a host from the driver of 2013 while its VMs run.

use one_sriov_tests::host::{Host, Pf};
use serde_json::Value;

const DOMAIN: &str = "<domain type='kvm'>
  <name>one-7</name>
  <uuid>00000000-0000-4000-a000-000000000007</uuid>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x81' slot='0x00' function='0x2'/></source>
    </hostdev>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x0000' bus='0x81' slot='0x00' function='0x4'/></source>
    </hostdev>
    <interface type='bridge'>
      <source bridge='sriov_br'/>
      <mac address='aa:00:c0:a8:07:05'/>
    </interface>
    <interface type='bridge'>
      <source bridge='sriov_br'/>
      <mac address='aa:01:c0:a8:07:06'/>
    </interface>
  </devices>
</domain>
";

/// VM 7 runs with VFs 1 and 3 of four; the old driver has left a stale entry for VF 0.
pub(crate) fn host() -> Host {
    let host = Host::new(&[Pf::infiniband("ib0", "0000:81:00", 4)]);
    let map = "0x81 0x00 0x1\n0x81 0x00 0x2\n0x81 0x00 0x3\n0x81 0x00 0x4\n";
    host.write("/var/tmp/one/vmm/kvm-sriov/vf_maps/ib0", map);
    let kvmrc = "DUMMY_BRIDGE=sriov_br\nDUMMY_MAC_PREFIX=AA\nDRIVER_MODE=mlnx_ofed2\nHPC_MODE=on\nSM_HOST=sm01\n";
    host.write("/var/tmp/one/vmm/kvm-sriov/kvmrc", kvmrc);
    host.write("/state/domains/one-7.xml", DOMAIN);
    host.write("/dev/shm/vf_interfaces/lock", "");
    host.write("/dev/shm/vf_interfaces/ib0/0", "AA:00:C0:A8:07:01\n");
    host.write("/dev/shm/vf_interfaces/ib0/1", "AA:00:C0:A8:07:05\n");
    host.write("/dev/shm/vf_interfaces/ib0/3", "");
    host
}

#[test]
fn running_vms_keep_their_vfs_and_get_leases() {
    let host = host();
    // Even without an import, no VF is assigned twice.
    let pool = host.operator(&["pool"]).stdout;
    assert!(pool.starts_with("ib0: 2 of 4 free\n"), "{pool}");

    let said = host.operator(&["import-legacy", "--dry-run"]);
    assert_eq!((said.code, &*said.stderr), (0, ""));
    assert!(
        said.stdout.starts_with("would import:\n"),
        "{}",
        said.stdout
    );
    assert_eq!(host.leased("ib0"), [""; 0]);

    let done = host.operator(&["import-legacy"]);
    assert_eq!((done.code, &*done.stderr), (0, ""));
    let root = host.root().display().to_string();
    let expected = "\
imported:
LEASE  PCI ADDRESS   VM  POSITION  MAC                DUMMY MAC          ORIGINAL
ib0/1  0000:81:00.2  7   0         02:00:c0:a8:07:05  aa:00:c0:a8:07:05  unknown
ib0/3  0000:81:00.4  7   1         02:00:c0:a8:07:06  aa:01:c0:a8:07:06  unknown

stale entries, not changed:
'/dev/shm/vf_interfaces/ib0/0': no running domain uses VF '0000:81:00.1'

not imported:
";
    let said = done.stdout.replace(&root, "");
    let (head, left) = said.split_at(expected.len());
    assert_eq!(head, expected);
    let left: Vec<_> = left
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        left,
        [
            "HPC_MODE=on",
            "SM_HOST",
            "the original GUIDs of these VFs are unknown, so they are cleared when the VMs end"
        ]
    );
    assert_eq!(host.leased("ib0"), ["1", "3"]);
    assert_eq!(host.lease("ib0/3").unwrap()["state"], "active");

    // The VM keeps running, and no VF has changed.
    assert_eq!(host.domain(7).as_deref(), Some(DOMAIN));
    assert_eq!(host.changed_vfs(), [""; 0]);

    let again = host.operator(&["import-legacy", "--json"]);
    let json: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(
        (again.code, json["imported"].as_array().unwrap().len()),
        (0, 0)
    );
    assert_eq!(json["leased"].as_array().unwrap().len(), 2);
}

#[test]
fn imported_vfs_are_released_when_their_vm_ends() {
    let host = host();
    assert_eq!(host.operator(&["import-legacy"]).code, 0);
    let deployed = host.deploy(8, &["sriov_ib0", "sriov_ib0"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert_eq!(host.leased("ib0"), ["0", "1", "2", "3"]);
    assert_eq!(host.deploy(9, &["sriov_ib0"]).code, 1);

    let cancelled = host.cancel(7);
    assert_eq!(cancelled.code, 0, "{}", cancelled.stderr);
    assert_eq!(host.leased("ib0"), ["0", "2"]);
    // The original state is unknown, so the GUIDs are unset.
    let unset = "ff:ff:ff:ff:ff:ff:ff:ff";
    let vf = host.vf("ib0", 1);
    assert!(vf.contains(&format!("port_guid {unset}")), "{vf}");
    assert_eq!(host.deploy(9, &["sriov_ib0"]).code, 0);
}

#[test]
fn a_guid_shared_by_two_running_vms_is_reported() {
    let host = host();
    let guid = "00:00:aa:00:c0:a8:07:05";
    let other = "0c:42:a1:03:00:00:00:00";
    let vfs = [(0, other), (1, guid), (2, guid), (3, other)];
    let line =
        |(vf, guid): (u32, &str)| format!("{vf} node_guid {guid} port_guid {guid} state auto\n");
    // VFs 1 and 3 are in use. VF 2 is free, so its GUID is ignored.
    host.set_vfs("ib0", &vfs.map(line).concat());
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    host.foreign_domain("stranger", &["0000:81:00.3"]);
    let expected = format!(
        "port GUID '{guid}' is in use twice: VF '0000:81:00.2' of domain 'one-7' and VF '0000:81:00.3' of domain \
         'stranger'; power off one of the VMs\n"
    );
    let reconciled = host.operator(&["reconcile"]);
    assert_eq!(reconciled.code, 4);
    assert!(
        reconciled.stdout.contains(&expected),
        "{}",
        reconciled.stdout
    );
    let imported = host.operator(&["import-legacy"]);
    assert_eq!(imported.code, 4);
    assert!(imported.stdout.contains(&expected), "{}", imported.stdout);
}
