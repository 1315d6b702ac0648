#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use hwaddr::MacAddress;
use one_sriov_system::Root;
use tempfile::TempDir;

use super::*;
use crate::config::Config;
use crate::lease::{OriginalState, Store};
use crate::libvirt::RunningDomain;
use crate::libvirt::RunningDomains;

/// A host with a card of four VFs, and files of the old driver.
struct Tree {
    dir: TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Self {
            dir: TempDir::new().unwrap(),
        };
        tree.write("proc/sys/kernel/random/boot_id", "boot-1\n");
        let leases = tree.make("run/one-sriov");
        fs::set_permissions(leases, fs::Permissions::from_mode(0o700)).unwrap();
        let pf = "sys/bus/pci/devices/0000:81:00.0";
        tree.make(&format!("{pf}/net"));
        tree.write("sys/class/net/ib0/type", "32\n");
        tree.link(
            "../../../bus/pci/devices/0000:81:00.0",
            "sys/class/net/ib0/device",
        );
        tree.link("../../../../../class/net/ib0", &format!("{pf}/net/ib0"));
        let mut map = String::new();
        for number in 0..4 {
            let vf = format!("0000:81:00.{}", number + 1);
            tree.make(&format!("sys/bus/pci/devices/{vf}"));
            tree.link(
                "../0000:81:00.0",
                &format!("sys/bus/pci/devices/{vf}/physfn"),
            );
            tree.link(&format!("../{vf}"), &format!("{pf}/virtfn{number}"));
            map += &format!("0x81 0x00 0x{}\n", number + 1);
        }
        tree.write("one/vmm/kvm-sriov/vf_maps/ib0", &map);
        tree
    }

    fn make(&self, path: &str) -> PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.dir.path().join(path)).unwrap();
    }

    fn host(&self) -> Host {
        let root = Root::new(self.dir.path());
        let home = self.dir.path().join("one/vmm/kvm-sriov");
        let config = Config::read(&root, &home).unwrap();
        Host { root, home, config }
    }

    fn store(&self) -> Store {
        self.host().leases().unwrap()
    }

    /// Imports the VFs of these domains, each of which has dummy NICs with these MACs.
    fn import(&self, domains: &[(&str, &[&str])], macs: &[&str], dry_run: bool) -> Import {
        let host = self.host();
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
        let dir = self.dir.path().display().to_string();
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
fn what_the_old_driver_wrote_down_becomes_a_lease() {
    let tree = Tree::new();
    tree.write(
        "one/vmm/kvm-sriov/kvmrc",
        "DRIVER_MODE=mlnx_ofed2\nHPC_MODE=on\nSM_HOST=sm\n",
    );
    tree.write("dev/shm/vf_interfaces/lock", "");
    tree.write("dev/shm/vf_interfaces/ib0/1", "AA:00:C0:A8:07:05\n");
    tree.write("dev/shm/vf_interfaces/ib0/2", "AA:010:C0:A8:07:06\n");
    let domains: [(&str, &[&str]); 1] = [("one-7", &["0000:81:00.2", "0000:81:00.3"])];

    let only_said = tree.import(&domains, &[], true);
    assert_eq!(tree.store().pools().unwrap(), []);
    let import = tree.import(&domains, &[], false);
    let expected = [
        "ib0/1 7 0 02:00:c0:a8:07:05 aa:00:c0:a8:07:05 false",
        "ib0/2 7 10 02:00:c0:a8:07:06 aa:10:c0:a8:07:06 false",
    ];
    assert_eq!(imported(&import), expected);
    assert_eq!(imported(&only_said), expected);
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

    let leases = tree.store().leases_of("7".parse().unwrap()).unwrap();
    assert_eq!(leases.len(), 2);
    assert_eq!(leases[0].deployment, leases[1].deployment);
    assert_eq!(leases[0].deploy_id.as_deref(), Some("uuid-of-one-7"));

    let again = tree.import(&domains, &[], false);
    assert_eq!(imported(&again), [""; 0]);
    let had = ["VF '0000:81:00.2' of VM 7", "VF '0000:81:00.3' of VM 7"];
    assert_eq!(again.leased, had);
    assert_eq!(
        tree.store().leases_of("7".parse().unwrap()).unwrap(),
        leases
    );
}

#[test]
fn an_empty_entry_takes_the_dummy_nic_of_the_domain() {
    let tree = Tree::new();
    tree.write("tmp/vf_interfaces/ib0/0", "");
    tree.write("tmp/vf_interfaces/ib0/3", "");
    let domains: [(&str, &[&str]); 1] =
        [("one-7", &["0000:81:00.4", "0000:05:00.0", "0000:81:00.1"])];
    let macs = [
        "02:00:0a:00:00:01",
        "aa:00:c0:a8:07:05",
        "aa:01:c0:a8:07:06",
    ];
    let import = tree.import(&domains, &macs, false);
    let expected = [
        "ib0/3 7 0 02:00:c0:a8:07:05 aa:00:c0:a8:07:05 true",
        "ib0/0 7 1 02:00:c0:a8:07:06 aa:01:c0:a8:07:06 true",
    ];
    assert_eq!(imported(&import), expected);
    assert_eq!(import.not_imported, [""; 0]);
}

#[test]
fn a_nic_that_nobody_knows_is_named_and_not_guessed() {
    let tree = Tree::new();
    tree.write("tmp/vf_interfaces/ib0/0", "");
    tree.write("tmp/vf_interfaces/ib0/1", "aa:01:c0:a8:07:06");
    let domains: [(&str, &[&str]); 1] = [("one-7", &["0000:81:00.1", "0000:81:00.2"])];
    let import = tree.import(&domains, &["aa:00:c0:a8:07:05"], false);
    assert_eq!(
        imported(&import),
        ["ib0/1 7 1 02:00:c0:a8:07:06 aa:01:c0:a8:07:06 false"]
    );
    let failed = "VF '0000:81:00.1' of VM 7: its dummy NIC cannot be identified: the domain has 1 dummy NICs and 2 \
        VFs; the VF stays busy without a lease until the domain ends";
    assert_eq!(import.failed, [failed]);
}

#[test]
fn entries_that_no_vm_has_stay_and_are_named() {
    let tree = Tree::new();
    for index in [0, 1, 9] {
        tree.write(
            &format!("tmp/vf_interfaces/ib0/{index}"),
            "aa:00:c0:a8:07:05",
        );
    }
    let domains: [(&str, &[&str]); 1] = [("stranger", &["0000:81:00.2"])];
    let import = tree.import(&domains, &[], false);
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
    let tree = Tree::new();
    tree.write("tmp/vf_interfaces/ib0/0", "aa:00:c0:a8:07:05");
    let device = "0000:81:00.1";
    tree.import(&[("one-7", &[device])], &[], false);
    let import = tree.import(&[("one-8", &[device])], &[], false);
    let failed = "VF '0000:81:00.1' of VM 8: VM 7 has a lease on it; run 'reconcile', then this command again";
    assert_eq!(import.failed, [failed]);
    assert_eq!(
        tree.store().leases_of("7".parse().unwrap()).unwrap().len(),
        1
    );
}

#[test]
fn the_old_drivers_own_maps_count() {
    let tree = Tree::new();
    tree.write("old/maps/ib0", "0x81 0x00 0x4\n0x81 0x00 0x3\n");
    tree.write(
        "one/vmm/kvm-sriov/kvmrc",
        "export VF_MAPS_PATH=\"/old/maps\"\n",
    );
    tree.write("tmp/vf_interfaces/ib0/1", "aa:00:c0:a8:07:05");
    tree.write("old/maps/ib0_pkeys", "");
    let import = tree.import(&[("one-7", &["0000:81:00.3"])], &[], false);
    // Both drivers read the same maps, so its second VF is the second here, too.
    assert_eq!(
        imported(&import),
        ["ib0/1 7 0 02:00:c0:a8:07:05 aa:00:c0:a8:07:05 false"]
    );
    assert!(
        import.not_imported[0].starts_with("ib0_pkeys: "),
        "{import:?}"
    );
}
