//! VFs that OpenNebula's own PCI probe offers, and pools.

use one_sriov_tests::host::Host;

use super::{deploy, host};

/// Gives the VFs of `ib0` PCI IDs, so that OpenNebula's probe offers them.
fn offer(host: &Host) {
    for vf in 1..=4 {
        let ids = [
            ("vendor", "0x15b3"),
            ("device", "0x101e"),
            ("class", "0x020700"),
        ];
        for (name, value) in ids {
            let path = format!("/sys/bus/pci/devices/0000:81:00.{vf}/{name}");
            host.write(&path, format!("{value}\n"));
        }
    }
    let conf = ":filter: '15b3:*'\n:short_address: [ '81:00.1', '81:00.2' ]\n";
    host.write("/var/tmp/one/etc/im/kvm-probes.d/pci.conf", conf);
}

#[test]
fn a_pool_does_not_allocate_vfs_that_opennebulas_pci_probe_offers() {
    let host = host();
    offer(&host);
    let probe = host.operator(&["probe"]);
    assert!(
        probe.stdout.contains("SRIOV_IB0_FREE=2"),
        "{}",
        probe.stdout
    );
    let refused = host.deploy(7, &["sriov_ib0"; 3]);
    let expected = "failed to find 3 free VFs in pool 'ib0': 2 of 4 in use; use another host (offered by OpenNebula's PCI probe: 2).\n";
    assert_eq!((refused.code, &*refused.stderr), (1, expected));
    assert_eq!(host.deploy(7, &["sriov_ib0"; 2]).code, 0);
    assert_eq!(host.leased("ib0"), ["2", "3"]);
    let pool = host.operator(&["pool", "ib0"]);
    assert_eq!(
        pool.stdout
            .matches("OpenNebula's PCI probe, by '15b3:*'")
            .count(),
        2
    );
    // OpenNebula itself may still use them.
    assert_eq!(deploy(&host, 8, &[], &["0000:81:00.1"]).1.code, 0);

    // The filter that OpenNebula has for this host overrides that of the file.
    host.write("/etc/one-sriov/kvmrc", "PCI_FILTER=10de:*\n");
    assert_eq!(host.deploy(9, &["sriov_ib0"]).code, 0);
    assert_eq!(host.cancel(9).code, 0);
    host.write(
        "/etc/one-sriov/kvmrc",
        "PCI_FILTER=15b3:*\nPOOL_SHARES_PCI=yes\n",
    );
    assert_eq!(host.deploy(9, &["sriov_ib0"]).code, 0);
    assert_eq!(host.leased("ib0"), ["0", "1", "2", "3"]);
}
