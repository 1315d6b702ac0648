//! What a deployment costs.

use std::time::Duration;

use one_sriov_tests::{HostTrial, scratch, turn};

/// A deployment takes less, without the programs that it calls.
const BOUND: Duration = Duration::from_millis(15);
/// So many VFs are held by others, with so many cards.
const FEW: u32 = 8;
const MANY: u32 = 2048;

fn started(calls: &[String], name: &str) -> usize {
    let own = format!("{name} ");
    calls.iter().filter(|call| call.starts_with(&own)).count()
}

#[test]
fn a_deployment_starts_at_most_two_virsh_and_two_ip_for_each_infiniband_vf() {
    let _turn = turn::shared();
    for (nics, held, virsh) in [(1, 0, 1), (4, 0, 1), (16, 0, 1), (4, 16, 2)] {
        let trial = HostTrial::new(&scratch(), nics, 1, held);
        let (calls, _) = trial.trace(HostTrial::by_driver);
        let of = |name| started(&calls, name);
        // Nobody is asked for documents where no domain runs.
        assert_eq!(of("virsh"), virsh, "{calls:?}");
        // The kernel takes one GUID in a message.
        assert_eq!((of("sudo"), of("ip")), (2 * nics, 2 * nics), "{calls:?}");
        assert_eq!(of("deploy"), 1, "{calls:?}");
        assert_eq!(calls.len(), virsh + 4 * nics + 1, "{calls:?}");
    }
}

#[test]
fn a_deployment_takes_less_than_15_ms_with_1_4_and_16_nics() {
    let _turn = turn::alone();
    for nics in [1, 4, 16] {
        let trial = HostTrial::new(&scratch(), nics, 0, 0);
        let (calls, _) = trial.trace(HostTrial::by_driver);
        let fastest = |run: &dyn Fn() -> Duration| (0..9).map(|_| run()).min().unwrap();
        let all = fastest(&|| trial.by_driver());
        let alone = fastest(&|| trial.alone(&calls));
        let own = all.saturating_sub(alone);
        assert!(own < BOUND, "{nics} NICs: {own:?} of {all:?}");
    }
}

/// Exactly as many files are looked at, so that time cannot grow but by what libvirt itself says.
#[test]
fn an_allocation_does_not_look_at_the_vfs_that_others_hold() {
    let _turn = turn::shared();
    let [few, many] = [FEW, MANY].map(|held| {
        let trial = HostTrial::new(&scratch(), 1, HostTrial::cards_of(MANY), held);
        trial.file_calls()
    });
    assert!(few.len() > 20, "{few:?}");
    assert_eq!(few, many);
}
