//! Whether a lease is still valid. libvirt is authoritative; a lease records what the driver intended.

use std::time::Duration;

use super::record::{Lease, State};
use crate::libvirt::RunningDomains;

/// Whether a lease is still valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its VM runs with the VF, or its deployment is in progress.
    Alive,
    /// Its deployment was interrupted, and expires after the grace period.
    Pending,
    /// Its VM has ended, or runs without the VF.
    Dead,
    /// Another domain has the VF: the lease is stale, and the VF must not be restored.
    TakenOver,
}

/// Signs of life of a deployment.
#[derive(Debug, Clone, Copy)]
pub struct Signs {
    /// A process works on it: the deployment's file is locked.
    pub held: bool,
    /// How long ago a process last worked on it.
    pub idle: Duration,
}

/// Judges a lease.
#[must_use]
pub fn judge(lease: &Lease, signs: Signs, running: &RunningDomains, grace: Duration) -> Verdict {
    if signs.held {
        return Verdict::Alive;
    }
    match running.holder(lease.address) {
        Some(domain) if domain.is(lease.vm, lease.deploy_id.as_deref()) => Verdict::Alive,
        Some(_) => Verdict::TakenOver,
        // libvirtd completes the creation of a domain even if its client has died.
        None if lease.state == State::Deploying && signs.idle < grace => Verdict::Pending,
        None => Verdict::Dead,
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::lease;
    use super::*;
    use crate::libvirt::tests::running;

    #[test]
    fn libvirt_decides_whether_a_lease_is_alive() {
        let ours = "0000:81:00.4";
        let grace = Duration::from_secs(30);
        let table = [
            // (state, held, idle, domains, verdict)
            (
                State::Active,
                false,
                99,
                vec![("one-7", ours)],
                Verdict::Alive,
            ),
            (
                State::Deploying,
                false,
                99,
                vec![("one-7", ours)],
                Verdict::Alive,
            ),
            (
                State::Releasing,
                false,
                99,
                vec![("one-7", ours)],
                Verdict::Alive,
            ),
            (
                State::Active,
                false,
                0,
                vec![("one-8", ours)],
                Verdict::TakenOver,
            ),
            (State::Active, false, 0, vec![], Verdict::Dead),
            (
                State::Active,
                false,
                0,
                vec![("one-7", "0000:81:00.5")],
                Verdict::Dead,
            ),
            (State::Releasing, false, 0, vec![], Verdict::Dead),
            (State::Deploying, false, 29, vec![], Verdict::Pending),
            (State::Deploying, false, 30, vec![], Verdict::Dead),
            (State::Deploying, true, 99, vec![], Verdict::Alive),
            (
                State::Releasing,
                true,
                99,
                vec![("one-8", ours)],
                Verdict::Alive,
            ),
        ];
        for (state, held, idle, domains, expected) in table {
            let lease = Lease { state, ..lease() };
            let idle = Duration::from_secs(idle);
            let verdict = judge(&lease, Signs { held, idle }, &running(&domains), grace);
            assert_eq!(verdict, expected, "{state} {held} {idle:?} {domains:?}");
        }
    }

    #[test]
    fn a_domain_is_also_recognized_by_its_deploy_id() {
        let lease = Lease {
            deploy_id: Some("00000000-0000-0000-0000-000000000001".into()),
            state: State::Active,
            ..lease()
        };
        let signs = Signs {
            held: false,
            idle: Duration::ZERO,
        };
        let running = running(&[("renamed", "0000:81:00.4")]);
        assert_eq!(
            judge(&lease, signs, &running, Duration::ZERO),
            Verdict::Alive
        );
    }
}
