//! Saving and restoring VMs with PCI NICs. OpenNebula reserves the VFs of a suspended VM; a stopped VM gets others.

use one_sriov_tests::Outcome;
use one_sriov_tests::host::{Host, Pf, domain, hostdev, pci_nic};

use crate::audit::Audit;
use crate::native::write_document;
use crate::suspend::{
    CHECKPOINT, SAVED, Scenario, at_every_call, install_stock_actions, raw, wait_for_stock_actions,
};

const GUID: &str = "00:04:aa:00:c0:a8:07:c8";
const VLAN: &str = "<VN_MAD>802.1Q</VN_MAD><VLAN_ID>100</VLAN_ID>";
/// The VFs of the first deployment, and the VFs that OpenNebula chooses after a stop.
const FIRST: [&str; 2] = ["0000:81:00.1", "0000:82:00.1"];
const OTHER: [&str; 2] = ["0000:81:00.3", "0000:82:00.4"];
const PLACE: &str =
    "<address type='pci' domain='0x0000' bus='0x01' slot='0x01' function='0x0'/></hostdev>";

fn empty() -> Host {
    let host = Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 4),
        Pf::ethernet("ens1f0", "0000:82:00", 4),
    ]);
    install_stock_actions(&host);
    host.write("/var/tmp/one/vnm/vf.rb", "");
    host
}

/// An InfiniBand NIC, and an Ethernet NIC whose VF OpenNebula's network driver sets up.
fn nics(devices: [&str; 2]) -> String {
    pci_nic(7, 0, devices[0], "<VN_MAD>dummy</VN_MAD>") + &pci_nic(7, 1, devices[1], VLAN)
}

fn document(devices: [&str; 2]) -> String {
    let nics = nics(devices);
    format!(
        "<VMM_DRIVER_ACTION_DATA><VM><ID>7</ID><TEMPLATE>{nics}</TEMPLATE></VM></VMM_DRIVER_ACTION_DATA>\n"
    )
}

fn host() -> Host {
    let host = empty();
    write_document(&host, 7, &nics(FIRST));
    let devices = FIRST.map(hostdev).concat();
    let devices = devices.replacen("</hostdev>", PLACE, 1);
    let domain = domain(7, &[]).replace("\t</devices>", &format!("{devices}\n\t</devices>"));
    let deployed = host.deploy_domain(7, &domain);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    host
}

fn save(host: &Host) -> Outcome {
    let arguments = ["one-7", CHECKPOINT, "host", "7", "host"];
    raw(host, "save", &arguments, &document(FIRST)).into()
}

fn restore(host: &Host, document: &str) -> Outcome {
    let arguments = [CHECKPOINT, "host", "one-7", "7", "host"];
    raw(host, "restore", &arguments, document).into()
}

fn saved() -> Host {
    let host = host();
    let saved = save(&host);
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    host
}

/// Lists what is wrong with the VM, which must have these VFs if it runs.
fn problems(host: &Host, devices: [&str; 2], may_move: bool) -> Vec<String> {
    let audit = Audit::of(host);
    let mut problems = [audit.assigned_twice(), audit.lost()].concat();
    let function = |device: &str| device.rsplit_once('.').unwrap().1.to_owned();
    let [infiniband, ethernet] = devices.map(function);
    let vf = |function: &str| function.parse::<u32>().unwrap() - 1;
    let Some(domain) = host.domain(7) else {
        if audit.leases() != 0 || host.read(CHECKPOINT).is_none() || host.read(SAVED).is_none() {
            problems.push("a saved VM with leases, or without its files".to_owned());
        }
        return problems;
    };
    let compact: String = domain.split_inclusive('>').map(str::trim_start).collect();
    let mut expect = |what: &str, is_so: bool| {
        if !is_so {
            problems.push(format!("{what}: {compact}"));
        }
    };
    let of_host = format!("bus='0x81' slot='0x00' function='0x{infiniband}'/></source>");
    let is_there = compact.contains(&format!("{of_host}{PLACE}"))
        || (may_move && compact.contains(&format!("{of_host}</hostdev>")));
    expect("the InfiniBand VF is not at its guest address", is_there);
    let of_host = format!("bus='0x82' slot='0x00' function='0x{ethernet}'/></source>");
    expect("no Ethernet VF", compact.contains(&of_host));
    expect("more VFs", compact.matches("</source>").count() == 2);
    let lease = |place: String| {
        let lease = host.lease(&place).unwrap_or_default();
        (lease["identity"] == "native", lease["position"].clone())
    };
    let leases = [
        lease(format!("ib0/{}", vf(&infiniband))),
        lease(format!("ens1f0/{}", vf(&ethernet))),
    ];
    let expected = [(true, 0.into()), (true, 1.into())];
    expect(&format!("leases {leases:?}"), leases == expected);
    let guids = format!("node_guid {GUID} port_guid {GUID} state auto");
    expect("GUIDs", host.vf("ib0", vf(&infiniband)) == guids);
    problems
}

/// The domain of a restore doesn't show the VFs that OpenNebula has chosen, only its document does.
#[test]
fn a_pool_does_not_allocate_a_vf_that_opennebula_chose_for_another_nic() {
    let host = empty();
    let nics = "<NIC><BRIDGE>sriov_ib0</BRIDGE><MAC>02:00:c0:a8:07:01</MAC><NETWORK_ID>5</NETWORK_ID></NIC>".to_owned()
        + &pci_nic(7, 0, FIRST[0], "<VN_MAD>dummy</VN_MAD>");
    write_document(&host, 7, &nics);
    let document = format!(
        "<VMM_DRIVER_ACTION_DATA><VM><ID>7</ID><TEMPLATE>{nics}</TEMPLATE></VM></VMM_DRIVER_ACTION_DATA>\n"
    );
    let device = format!("{}\n\t</devices>", hostdev(FIRST[0]));
    let domain = domain(7, &["sriov_ib0"]).replace("\t</devices>", &device);
    let deployed = host.deploy_domain(7, &domain);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let identities =
        || ["ib0/0", "ib0/1"].map(|place| host.lease(place).map(|lease| lease["identity"].clone()));
    let expected = ["native", "guid"].map(|identity| Some(identity.into()));
    assert_eq!(identities(), expected);
    let guids = || [0, 1].map(|vf| host.vf("ib0", vf));
    let before = guids();

    let saved: Outcome = raw(
        &host,
        "save",
        &["one-7", CHECKPOINT, "host", "7", "host"],
        &document,
    )
    .into();
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    assert_eq!(host.leased("ib0"), [""; 0]);
    let restored = restore(&host, &document);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(identities(), expected);
    assert_eq!(guids(), before);
    let audit = Audit::of(&host);
    assert_eq!([audit.assigned_twice(), audit.lost()].concat(), [""; 0]);
}

#[test]
fn a_suspended_vm_gets_the_same_vfs_at_the_same_addresses() {
    let host = saved();
    assert_eq!(problems(&host, FIRST, false), [""; 0]);
    let checkpoint = host.read(CHECKPOINT).unwrap();
    assert!(!checkpoint.contains("<source>"), "{checkpoint}");
    let restored = restore(&host, &document(FIRST));
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(problems(&host, FIRST, false), [""; 0]);
    // The driver sets the VLAN even if no network driver does, so tenants stay isolated.
    let ethernet = host.vf("ens1f0", 0);
    let set = "mac 02:00:c0:a8:07:c9 vlan 100";
    assert!(ethernet.starts_with(set), "{ethernet}");
    assert_eq!(host.read(SAVED), None);

    // The second save starts from the restored domain.
    let again = save(&host);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(problems(&host, FIRST, false), [""; 0]);
    assert_eq!(restore(&host, &document(FIRST)).code, 0);
    assert_eq!(problems(&host, FIRST, false), [""; 0]);
    assert_eq!(host.cancel(7).code, 0);
    assert_eq!(Audit::of(&host).lost(), [""; 0]);
}

#[test]
fn a_stopped_vm_gets_the_vfs_that_opennebula_chose_for_the_restore() {
    let first = saved();
    let second = empty();
    for file in [CHECKPOINT, SAVED] {
        second.write(file, first.read(file).unwrap());
    }
    // Another VM has one of its previous VFs.
    write_document(&second, 8, &pci_nic(8, 0, FIRST[0], ""));
    let devices = hostdev(FIRST[0]);
    let other = domain(8, &[]).replace("\t</devices>", &format!("{devices}\n\t</devices>"));
    assert_eq!(second.deploy_domain(8, &other).code, 0);
    let restored = restore(&second, &document(OTHER));
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    let expected = "PCI NIC '02:00:c0:a8:07:c8' is VF 'ib0/2' (0000:81:00.3), position 0";
    assert!(restored.stderr.contains(expected), "{}", restored.stderr);
    assert_eq!(problems(&second, OTHER, false), [""; 0]);
}

#[test]
fn a_restore_is_refused_if_the_chosen_device_is_not_a_free_vf() {
    let host = saved();
    host.stock("restore", ": >\"$DIR/state/touched\"\n");
    host.foreign_domain("other", &[OTHER[0]]);
    let table = [
        (
            OTHER[0],
            "failed to use VF '0000:81:00.3' of PCI NIC '02:00:c0:a8:07:c8': domain 'other' has it.\n",
        ),
        (
            "0000:81:00.0",
            "failed to use device '0000:81:00.0' of PCI NIC '02:00:c0:a8:07:c8': it is not a VF of a PF with a network \
             device.\n",
        ),
    ];
    for (device, expected) in table {
        let refused = restore(&host, &document([device, OTHER[1]]));
        assert_eq!((refused.code, &*refused.stderr), (1, expected));
        assert_eq!(host.read("/state/touched"), None);
        assert!(host.read(SAVED).is_some());
    }
    std::fs::remove_file(host.path("/state/domains/other.xml")).unwrap();
    install_stock_actions(&host);
    assert_eq!(restore(&host, &document(FIRST)).code, 0);
    assert_eq!(problems(&host, FIRST, false), [""; 0]);
}

#[test]
fn a_pci_nic_detached_while_the_vm_was_saved_is_not_restored() {
    let host = saved();
    let only = pci_nic(7, 1, FIRST[1], VLAN);
    let document = format!("<VM><TEMPLATE>{only}</TEMPLATE></VM>");
    assert_eq!(restore(&host, &document).code, 0);
    let audit = Audit::of(&host);
    assert_eq!((audit.leases(), audit.lost()), (1, vec![]));
    assert_eq!(host.leased("ens1f0"), ["0"]);
}

#[test]
fn a_vf_keeps_its_vlan_if_the_save_fails() {
    let host = host();
    // What the network driver sets after the deployment.
    let others = |vf: u32| format!("{vf} mac 02:11:00:00:00:{vf:02x} vlan 0\n");
    let own = "0 mac 02:00:c0:a8:07:c9 vlan 100\n".to_owned();
    host.set_vfs("ens1f0", &(own + &others(1) + &others(2) + &others(3)));
    host.stock("save", "exit 1\n");
    assert_eq!(save(&host).code, 1);
    assert_eq!(problems(&host, FIRST, false), [""; 0]);
    let ethernet = host.vf("ens1f0", 0);
    let set = "mac 02:00:c0:a8:07:c9 vlan 100";
    assert!(ethernet.starts_with(set), "{ethernet}");
}

/// The document on the host is that of the deployment, which names the previous VFs.
#[test]
fn a_repair_uses_the_vfs_chosen_for_the_restore() {
    let host = saved();
    host.switch("attach-fails", "bus='0x8\nno");
    let restored = restore(&host, &document(OTHER));
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    host.switch_off("attach-fails");
    assert_eq!(Audit::of(&host).leases(), 0);
    let repaired = host.operator(&["repair", "7"]);
    assert_eq!(repaired.code, 0, "{}", repaired.stdout);
    assert_eq!(problems(&host, OTHER, false), [""; 0]);
    let ethernet = host.vf("ens1f0", 3);
    let set = "mac 02:00:c0:a8:07:c9 vlan 100";
    assert!(ethernet.starts_with(set), "{ethernet}");
}

#[test]
fn a_detached_pci_nic_without_a_vf_is_not_plugged_in_again() {
    let host = saved();
    host.switch("attach-fails", "bus='0x81\nno");
    assert_eq!(restore(&host, &document(FIRST)).code, 0);
    host.switch_off("attach-fails");
    host.stock("detach_nic", "echo 'no such device' >&2; exit 1\n");
    let detach = |mac: &str| host.action("detach_nic", &["one-7", mac, "7", "h"], "<X/>");
    let detached = detach("02:00:c0:a8:07:c8");
    assert_eq!(detached.code, 0, "{}", detached.stderr);
    assert_eq!(detach("02:00:c0:a8:07:c8").code, 1);
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(
        (host.leased("ib0").len(), host.leased("ens1f0").len()),
        (0, 1)
    );
}

#[test]
fn a_killed_restore_is_repaired_with_the_vfs_chosen_for_it() {
    let host = saved();
    host.stock(
        "restore",
        "virsh -c qemu:///system restore \"$DIR$1\"; kill -9 $PPID\n",
    );
    let arguments = [CHECKPOINT, "host", "one-7", "7", "host"];
    let restored = raw(&host, "restore", &arguments, &document(OTHER));
    assert_eq!(restored.status.code(), None);
    wait_for_stock_actions(&host);
    assert_eq!(host.operator(&["reconcile"]).code, 0);
    assert_eq!(problems(&host, OTHER, false), [""; 0]);
}

/// The VFs that OpenNebula has chosen at a step.
fn chosen(step: &str) -> [&'static str; 2] {
    if step == "save" { FIRST } else { OTHER }
}

const PCI_NICS: Scenario = Scenario {
    host,
    document: |step| document(chosen(step)),
    audit: |host, step, may_move| problems(host, chosen(step), may_move),
};

#[test]
fn a_failed_call_leaves_the_vm_completely_saved_or_running() {
    at_every_call("fails-at", &PCI_NICS);
}

#[test]
fn reconcile_repairs_the_vm_after_a_driver_is_killed_at_any_call() {
    at_every_call("dies-at", &PCI_NICS);
}
