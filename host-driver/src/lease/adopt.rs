//! Leases for VFs that a running VM got from another driver.

use std::io;

use hwaddr::MacAddress;

use super::error::{StoreError, StoreIo};
use super::lock::Guard;
use super::record::{DeploymentId, FORMAT, Lease, OriginalState, State, VfIdentity};
use super::store::{now, token};
use crate::opennebula::VmId;
use crate::pool::Vf;

/// A VF that a running VM has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The VF.
    pub vf: Vf,
    /// The NIC's MAC in OpenNebula.
    pub mac: MacAddress,
    /// The index of the SR-IOV NIC within the VM, from 0.
    pub position: u8,
    /// The MAC of its dummy NIC.
    pub dummy_mac: MacAddress,
    /// The state to restore when the VM ends.
    pub original: OriginalState,
}

impl Guard<'_> {
    /// Writes active leases for VFs that a running VM has, all or none.
    ///
    /// If one of the VFs has a lease, nothing is written. The new deployment is unlocked when this returns.
    pub fn adopt(
        &self,
        vm: VmId,
        deploy_id: &str,
        vfs: &[Adopted],
    ) -> Result<Vec<Lease>, StoreError> {
        let id = DeploymentId::new(vm, token());
        let lease = |adopted: &Adopted| Lease {
            format: FORMAT,
            vm,
            deployment: id.clone(),
            deploy_id: Some(deploy_id.to_owned()),
            pool: adopted.vf.pool.clone(),
            index: adopted.vf.index,
            address: adopted.vf.address,
            pf: adopted.vf.pf.netdev.clone(),
            vf: adopted.vf.number,
            // Unknown: the VF is bound to vfio-pci now.
            driver: None,
            is_bound: false,
            position: adopted.position,
            mac: adopted.mac,
            dummy_mac: Some(adopted.dummy_mac),
            identity: VfIdentity::Dummy,
            guid: None,
            original: adopted.original.clone(),
            state: State::Active,
            since: now(),
            boot_id: self.boot_id().to_owned(),
        };
        let leases: Vec<Lease> = vfs.iter().map(lease).collect();
        for lease in &leases {
            self.check_unleased(lease)?;
        }
        let listing = leases.iter().map(|lease| (lease.place(), lease.address));
        let _held = self.begin(&id, &listing.collect())?;
        for lease in &leases {
            if let Err(error) = self.write_claim(lease).and_then(|()| self.write(lease)) {
                // A later sweep removes what cannot be removed here.
                let removed = leases
                    .iter()
                    .try_for_each(|lease| self.remove(&lease.place(), lease.address, &id))
                    .and_then(|()| self.end(&id));
                if let Err(error) = removed {
                    log::warn!("{error}");
                }
                return Err(error);
            }
        }
        Ok(leases)
    }

    fn check_unleased(&self, lease: &Lease) -> Result<(), StoreError> {
        let place = lease.place();
        if self.claim(lease.address)?.is_none() && self.read(&place)?.is_none() {
            return Ok(());
        }
        let path = self.dir().join(place.to_string());
        StoreIo("write lease", &path).check(Err(io::ErrorKind::AlreadyExists.into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::super::tests::store;
    use super::*;
    use crate::lease::{Place, SweepScope};
    use crate::libvirt::tests::running;
    use crate::pool::{LinkLayer, Pf};

    fn adopted(index: u32) -> Adopted {
        Adopted {
            vf: Vf {
                pool: "ib0".parse().unwrap(),
                index,
                address: format!("0000:81:00.{}", index + 1).parse().unwrap(),
                number: index,
                pf: Pf {
                    address: "0000:81:00.0".parse().unwrap(),
                    netdev: "ib0".parse().unwrap(),
                    link_layer: LinkLayer::Infiniband,
                },
            },
            mac: "02:00:c0:a8:07:05".parse().unwrap(),
            position: 0,
            dummy_mac: "aa:00:c0:a8:07:05".parse().unwrap(),
            original: OriginalState::Untouched,
        }
    }

    #[test]
    fn an_adopted_vf_stays_leased_while_its_domain_runs() {
        let (_dir, store) = store();
        let guard = store.lock(Duration::ZERO, "import-legacy").unwrap();
        let vm = "7".parse().unwrap();
        let leases = guard.adopt(vm, "one-7", &[adopted(3)]).unwrap();
        assert_eq!(store.leases_of(vm).unwrap(), leases);
        assert_eq!(leases[0].state, State::Active);
        let claim = store.claim(leases[0].address).unwrap().unwrap();
        assert_eq!(claim, (leases[0].place(), leases[0].deployment.clone()));

        let runs = running(&[("one-7", "0000:81:00.4")]);
        let sweep = guard.sweep(&runs, SweepScope::All, Duration::ZERO).unwrap();
        assert!(sweep.reclaims.is_empty());
        let gone = running(&[]);
        let sweep = guard.sweep(&gone, SweepScope::All, Duration::ZERO).unwrap();
        assert_eq!(sweep.reclaims[0].stale[0].address, leases[0].address);
    }

    #[test]
    fn nothing_is_adopted_if_one_vf_already_has_a_lease() {
        let (_dir, store) = store();
        let guard = store.lock(Duration::ZERO, "import-legacy").unwrap();
        let (seven, eight) = ("7".parse().unwrap(), "8".parse().unwrap());
        let before = guard.adopt(seven, "one-7", &[adopted(3)]).unwrap();
        let error = guard
            .adopt(eight, "one-8", &[adopted(2), adopted(3)])
            .unwrap_err();
        let error = error.to_string();
        assert!(error.contains("/run/one-sriov/ib0/3': "), "{error}");
        let place = Place {
            pool: "ib0".parse().unwrap(),
            index: 2,
        };
        assert_eq!(store.read(&place).unwrap(), None);
        assert_eq!(store.deployments(Some(eight)).unwrap(), []);
        assert_eq!(store.leases_of(seven).unwrap(), before);
    }
}
