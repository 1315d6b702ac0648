#![allow(clippy::unwrap_used)]

use std::time::Duration;

use hwaddr::MacAddress;

use super::*;
use crate::fake_host::FakeHost;
use crate::lease::{OriginalState, Store};
use crate::libvirt::RunningDomain;
use crate::libvirt::RunningDomains;

/// A host with a card that has four VFs, and their map.
fn tree() -> FakeHost {
    let tree = FakeHost::new();
    tree.pf("ib0", "0000:81:00", 4);
    let line = |function| format!("0x81 0x00 0x{function}\n");
    let map: String = (1..=4).map(line).collect();
    tree.write("one/vmm/kvm-sriov/vf_maps/ib0", &map);
    tree
}

fn store(tree: &FakeHost) -> Store {
    tree.host().leases().unwrap()
}

/// Imports the VFs of these domains, each of which has dummy NICs with these MACs.
fn run_import(
    tree: &FakeHost,
    domains: &[(&str, &[&str])],
    macs: &[&str],
    dry_run: bool,
) -> Import {
    let host = tree.host();
    let store = host.leases().unwrap();
    let guard = store.lock(Duration::ZERO, "import-legacy").unwrap();
    let domains = domains.iter().map(|(name, devices)| RunningDomain {
        name: (*name).to_owned(),
        uuid: format!("uuid-of-{name}"),
        devices: devices
            .iter()
            .map(|device| device.parse().unwrap())
            .collect(),
    });
    let running = RunningDomains::new(domains.collect());
    let macs: Vec<MacAddress> = macs.iter().map(|mac| mac.parse().unwrap()).collect();
    let prefix = host.config.dummy_prefix;
    let work = TakeOver {
        host: &host,
        guard: &guard,
        running: &running,
        dry_run,
        dummies: &|_| Ok(dummies(macs.iter().copied(), prefix)),
    };
    let settings = LegacySettings::read(&host.root, &host.home).unwrap();
    let entries = entries(&host, &LegacySources::default()).unwrap();
    let mut import = work.run(&settings, entries).unwrap();
    let dir = tree.dir.path().display().to_string();
    for lines in [
        &mut import.failed,
        &mut import.stale,
        &mut import.not_imported,
    ] {
        for line in lines {
            *line = line.replace(&dir, "");
        }
    }
    import
}

/// Lease, VM, position, MAC, dummy MAC, and whether the original state is known.
fn imported(import: &Import) -> Vec<String> {
    let line = |imported: &Imported| {
        let Adopted {
            mac,
            position,
            dummy_mac,
            original,
            ..
        } = &imported.adopted;
        let is_known = *original == OriginalState::Untouched;
        format!(
            "{} {} {position} {mac} {dummy_mac} {is_known}",
            imported.place(),
            imported.vm
        )
    };
    import.imported.iter().map(line).collect()
}

#[test]
fn entries_of_the_old_driver_become_leases() {
    let tree = tree();
    tree.write(
        "one/vmm/kvm-sriov/kvmrc",
        "DRIVER_MODE=mlnx_ofed2\nHPC_MODE=on\nSM_HOST=sm\n",
    );
    tree.write("dev/shm/vf_interfaces/lock", "");
    tree.write("dev/shm/vf_interfaces/ib0/1", "AA:00:C0:A8:07:05\n");
    tree.write("dev/shm/vf_interfaces/ib0/2", "AA:010:C0:A8:07:06\n");
    let domains: [(&str, &[&str]); 1] = [("one-7", &["0000:81:00.2", "0000:81:00.3"])];

    let dry_run = run_import(&tree, &domains, &[], true);
    assert_eq!(store(&tree).pools().unwrap(), []);
    let import = run_import(&tree, &domains, &[], false);
    let expected = [
        "ib0/1 7 0 02:00:c0:a8:07:05 aa:00:c0:a8:07:05 false",
        "ib0/2 7 10 02:00:c0:a8:07:06 aa:10:c0:a8:07:06 false",
    ];
    assert_eq!(imported(&import), expected);
    assert_eq!(imported(&dry_run), expected);
    assert_eq!((import.failed.len(), import.stale.len()), (0, 0));
    let left: Vec<_> = import
        .not_imported
        .iter()
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

    let leases = store(&tree).leases_of("7".parse().unwrap()).unwrap();
    assert_eq!(leases.len(), 2);
    assert_eq!(leases[0].deployment, leases[1].deployment);
    assert_eq!(leases[0].deploy_id.as_deref(), Some("uuid-of-one-7"));

    let again = run_import(&tree, &domains, &[], false);
    assert_eq!(imported(&again), [""; 0]);
    let had = ["VF '0000:81:00.2' of VM 7", "VF '0000:81:00.3' of VM 7"];
    assert_eq!(again.leased, had);
    assert_eq!(
        store(&tree).leases_of("7".parse().unwrap()).unwrap(),
        leases
    );
}

#[test]
fn an_empty_entry_gets_the_dummy_mac_of_the_domain() {
    let tree = tree();
    tree.write("tmp/vf_interfaces/ib0/0", "");
    tree.write("tmp/vf_interfaces/ib0/3", "");
    let domains: [(&str, &[&str]); 1] =
        [("one-7", &["0000:81:00.4", "0000:05:00.0", "0000:81:00.1"])];
    let macs = [
        "02:00:0a:00:00:01",
        "aa:00:c0:a8:07:05",
        "aa:01:c0:a8:07:06",
    ];
    let import = run_import(&tree, &domains, &macs, false);
    let expected = [
        "ib0/3 7 0 02:00:c0:a8:07:05 aa:00:c0:a8:07:05 true",
        "ib0/0 7 1 02:00:c0:a8:07:06 aa:01:c0:a8:07:06 true",
    ];
    assert_eq!(imported(&import), expected);
    assert_eq!(import.not_imported, [""; 0]);
}

#[test]
fn an_unidentified_nic_is_reported_and_not_guessed() {
    let tree = tree();
    tree.write("tmp/vf_interfaces/ib0/0", "");
    tree.write("tmp/vf_interfaces/ib0/1", "aa:01:c0:a8:07:06");
    let domains: [(&str, &[&str]); 1] = [("one-7", &["0000:81:00.1", "0000:81:00.2"])];
    let import = run_import(&tree, &domains, &["aa:00:c0:a8:07:05"], false);
    assert_eq!(
        imported(&import),
        ["ib0/1 7 1 02:00:c0:a8:07:06 aa:01:c0:a8:07:06 false"]
    );
    let failed = "VF '0000:81:00.1' of VM 7: its dummy NIC cannot be identified: the domain has 1 dummy NICs and 2 \
        VFs; the VF stays busy without a lease until the domain ends";
    assert_eq!(import.failed, [failed]);
}

#[test]
fn entries_that_no_vm_uses_are_kept_and_reported() {
    let tree = tree();
    for index in [0, 1, 9] {
        tree.write(
            &format!("tmp/vf_interfaces/ib0/{index}"),
            "aa:00:c0:a8:07:05",
        );
    }
    let domains: [(&str, &[&str]); 1] = [("stranger", &["0000:81:00.2"])];
    let import = run_import(&tree, &domains, &[], false);
    let stale = [
        "'/tmp/vf_interfaces/ib0/0': no running domain uses VF '0000:81:00.1'",
        "'/tmp/vf_interfaces/ib0/1': VF '0000:81:00.2' is used by domain 'stranger', which is not an OpenNebula VM",
        "'/tmp/vf_interfaces/ib0/9': VF map 'ib0' has no VF 9",
    ];
    assert_eq!(import.stale, stale);
    assert_eq!((imported(&import).len(), import.failed.len()), (0, 0));
    assert!(tree.dir.path().join("tmp/vf_interfaces/ib0/0").exists());
}

#[test]
fn a_lease_of_another_vm_is_not_overwritten() {
    let tree = tree();
    tree.write("tmp/vf_interfaces/ib0/0", "aa:00:c0:a8:07:05");
    let device = "0000:81:00.1";
    run_import(&tree, &[("one-7", &[device])], &[], false);
    let import = run_import(&tree, &[("one-8", &[device])], &[], false);
    let failed = "VF '0000:81:00.1' of VM 8: VM 7 has a lease on it; run 'reconcile', then this command again";
    assert_eq!(import.failed, [failed]);
    assert_eq!(
        store(&tree).leases_of("7".parse().unwrap()).unwrap().len(),
        1
    );
}

#[test]
fn the_old_drivers_own_maps_are_used() {
    let tree = tree();
    tree.write("old/maps/ib0", "0x81 0x00 0x4\n0x81 0x00 0x3\n");
    tree.write(
        "one/vmm/kvm-sriov/kvmrc",
        "export VF_MAPS_PATH=\"/old/maps\"\n",
    );
    tree.write("tmp/vf_interfaces/ib0/1", "aa:00:c0:a8:07:05");
    tree.write("old/maps/ib0_pkeys", "");
    let import = run_import(&tree, &[("one-7", &["0000:81:00.3"])], &[], false);
    // Both drivers read the same maps, so the old driver's second VF is the second here, too.
    assert_eq!(
        imported(&import),
        ["ib0/1 7 0 02:00:c0:a8:07:05 aa:00:c0:a8:07:05 false"]
    );
    assert!(
        import.not_imported[0].starts_with("ib0_pkeys: "),
        "{import:?}"
    );
}
