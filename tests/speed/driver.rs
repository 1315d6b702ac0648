//! What a deployment costs.

use one_sriov_tests::{HostTrial, scratch, turn};

/// Maximum numbers of system calls: of a deployment, and additionally for each NIC.
const CALLS: usize = 1300;
const CALLS_OF_NIC: usize = 170;
/// Numbers of VFs that other VMs hold.
const FEW: u32 = 8;
const MANY: u32 = 2048;

fn started(calls: &[String], name: &str) -> usize {
    let own = format!("{name} ");
    calls.iter().filter(|call| call.starts_with(&own)).count()
}

#[test]
fn a_deployment_starts_at_most_two_virsh_and_two_ip_per_infiniband_vf() {
    let _turn = turn::shared();
    for (nics, held, virsh) in [(1, 0, 1), (4, 0, 1), (16, 0, 1), (4, 16, 2)] {
        let trial = HostTrial::new(&scratch(), nics, 1, held);
        let (calls, _) = trial.trace(HostTrial::by_driver);
        let of = |name| started(&calls, name);
        // Without a running domain, no documents are queried.
        assert_eq!(of("virsh"), virsh, "{calls:?}");
        // The kernel accepts one GUID per message.
        assert_eq!((of("sudo"), of("ip")), (2 * nics, 2 * nics), "{calls:?}");
        assert_eq!(of("deploy"), 1, "{calls:?}");
        assert_eq!(calls.len(), virsh + 4 * nics + 1, "{calls:?}");
    }
}

/// This doesn't depend on the machine and its load. 'make bench' measures time.
#[test]
fn a_deployment_makes_few_system_calls_per_nic_and_flushes_nothing() {
    let _turn = turn::shared();
    for nics in [1, 4, 16] {
        let trial = HostTrial::new(&scratch(), nics, 0, 0);
        let (calls, flushes) = trial.count_system_calls();
        let bound = CALLS + nics * CALLS_OF_NIC;
        assert!(calls > nics, "{nics} NICs: {calls}");
        assert!(calls < bound, "{nics} NICs: {calls} of {bound}");
        // Leases are on a tmpfs and end with the boot, so flushes would be useless.
        assert_eq!(flushes, 0, "{nics} NICs");
    }
}

/// The same files are read however many VFs are held, so only libvirt's output can cost more time.
#[test]
fn an_allocation_does_not_read_files_of_vfs_that_other_vms_hold() {
    let _turn = turn::shared();
    let [few, many] = [FEW, MANY].map(|held| {
        let trial = HostTrial::new(&scratch(), 1, HostTrial::cards_of(MANY), held);
        trial.file_calls()
    });
    assert!(few.len() > 20, "{few:?}");
    assert_eq!(few, many);
}
