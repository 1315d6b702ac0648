//! Makes leases for the VFs of running VMs.

use std::collections::{BTreeMap, HashMap};

use hwaddr::{DummyMac, DummyPrefix, Key, MacAddress, PciAddress};

use super::settings::{LegacySettings, Maps};
use super::tracking::{Dummy, TrackedVf};
use super::{Import, ImportError, Imported};
use crate::host::Host;
use crate::lease::{Adopted, Guard, OriginalState, Place, StoreError};
use crate::libvirt::RunningDomain;
use crate::libvirt::RunningDomains;
use crate::opennebula::VmId;
use crate::pool::{LinkLayer, Pool, Vf};

/// The default `MAC_PREFIX` of OpenNebula: the old driver recorded only the other four octets.
const MAC_PREFIX: [u8; 2] = [0x02, 0x00];

/// What an import needs to make leases.
pub(super) struct TakeOver<'a> {
    pub(super) host: &'a Host,
    pub(super) guard: &'a Guard<'a>,
    pub(super) running: &'a RunningDomains,
    pub(super) dry_run: bool,
    /// The MACs of the dummy NICs of a running domain.
    pub(super) dummies: &'a dyn Fn(&str) -> Result<Vec<MacAddress>, String>,
}

impl TakeOver<'_> {
    pub(super) fn run(
        &self,
        settings: &LegacySettings,
        entries: Vec<TrackedVf>,
    ) -> Result<Import, ImportError> {
        let mut import = Import {
            not_imported: settings.not_imported()?,
            ..Import::default()
        };
        let tracked = self.tracked(settings, entries, &mut import)?;
        let vfs = self.vfs(&tracked, &mut import)?;
        for domain in self.running.domains() {
            if let Some(vm) = VmId::of_domain(&domain.name) {
                self.take_over(vm, domain, &vfs, &tracked, settings, &mut import)?;
            }
        }
        let is_unknown =
            |imported: &Imported| imported.adopted.original != OriginalState::Untouched;
        if import.imported.iter().any(is_unknown) {
            import.not_imported.push(
                "the original GUIDs of these VFs are unknown, so they are cleared when the VMs end"
                    .to_owned(),
            );
        }
        Ok(import)
    }

    /// Returns the entries by VF. An entry whose VF no VM uses is stale.
    fn tracked(
        &self,
        settings: &LegacySettings,
        entries: Vec<TrackedVf>,
        import: &mut Import,
    ) -> Result<HashMap<PciAddress, TrackedVf>, ImportError> {
        let mut maps = Maps::default();
        let mut tracked = HashMap::new();
        for entry in entries {
            let path = entry.path.display().to_string();
            let Some(address) = maps.address(settings, &entry.map, entry.index)? else {
                let (map, index) = (&entry.map, entry.index);
                let why = format!("'{path}': VF map '{map}' has no VF {index}");
                import.stale.push(why);
                continue;
            };
            let holder = self.running.holder(address);
            match holder.map(|domain| (domain, VmId::of_domain(&domain.name))) {
                None => {
                    let why = format!("'{path}': no running domain uses VF '{address}'");
                    import.stale.push(why);
                }
                Some((domain, None)) => {
                    let name = &domain.name;
                    let why = format!(
                        "'{path}': VF '{address}' is used by domain '{name}', which is not an OpenNebula VM"
                    );
                    import.stale.push(why);
                }
                Some((_, Some(_))) if tracked.contains_key(&address) => {
                    import
                        .stale
                        .push(format!("'{path}': VF '{address}' has another entry"));
                }
                Some((_, Some(_))) => {
                    tracked.insert(address, entry);
                }
            }
        }
        Ok(tracked)
    }

    /// Returns the VFs of all pools. A VF in several pools is taken from the pool in which the old driver had it.
    fn vfs(
        &self,
        tracked: &HashMap<PciAddress, TrackedVf>,
        import: &mut Import,
    ) -> Result<BTreeMap<PciAddress, Vf>, ImportError> {
        let (root, maps) = (&self.host.root, self.host.maps()?);
        let mut vfs: BTreeMap<PciAddress, Vf> = BTreeMap::new();
        for name in Pool::names(root, &maps)? {
            let found = Pool::open(root, &maps, &name).and_then(|pool| {
                let indexes = pool.indexes().into_iter();
                let found = indexes.map(|index| pool.vf(root, index));
                found.collect::<Result<Vec<_>, _>>()
            });
            match found {
                Err(error) => import.failed.push(error.to_string()),
                Ok(found) => {
                    for vf in found.into_iter().flatten() {
                        let was_there = |entry: &TrackedVf| entry.map == vf.pool;
                        let is_better = tracked.get(&vf.address).is_some_and(was_there);
                        if is_better || !vfs.contains_key(&vf.address) {
                            vfs.insert(vf.address, vf);
                        }
                    }
                }
            }
        }
        // A VF without a pool is never allocated, and needs no lease.
        for (address, entry) in tracked {
            if !vfs.contains_key(address) {
                let path = entry.path.display();
                let why = format!("'{path}': no pool of this host contains VF '{address}'");
                import.stale.push(why);
            }
        }
        Ok(vfs)
    }

    /// Makes leases for the VFs of pools that a VM's domain holds.
    fn take_over(
        &self,
        vm: VmId,
        domain: &RunningDomain,
        vfs: &BTreeMap<PciAddress, Vf>,
        tracked: &HashMap<PciAddress, TrackedVf>,
        settings: &LegacySettings,
        import: &mut Import,
    ) -> Result<(), ImportError> {
        let devices = domain.devices.iter();
        let held: Vec<&Vf> = devices.filter_map(|device| vfs.get(device)).collect();
        let mut of_domain = None;
        let mut adopted = Vec::new();
        for (nth, vf) in held.iter().enumerate() {
            let name = format!("VF '{}' of VM {vm}", vf.address);
            match self.lease_of(vf) {
                Ok(None) => {}
                Ok(Some(owner)) if owner == vm => {
                    import.leased.push(name);
                    continue;
                }
                Ok(Some(owner)) => {
                    import.failed.push(format!(
                        "{name}: VM {owner} has a lease on it; run 'reconcile', then this command again"
                    ));
                    continue;
                }
                Err(error @ StoreError::Corrupt { .. }) => {
                    import.failed.push(format!("{name}: {error}"));
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            let entry = tracked.get(&vf.address);
            let dummy = if let Some(dummy) = entry.and_then(|entry| entry.dummy) {
                Ok(dummy)
            } else {
                let macs = of_domain.get_or_insert_with(|| (self.dummies)(&domain.uuid));
                macs.as_ref()
                    .map_err(Clone::clone)
                    .and_then(|macs| nth_dummy(macs, nth, held.len()))
            };
            match dummy {
                Ok(dummy) => {
                    let wrote_guids = settings
                        .wrote_guids()
                        .unwrap_or(entry.is_some_and(|entry| entry.dummy.is_some()));
                    adopted.push(adopt(vf, dummy, wrote_guids));
                }
                // Even without a lease, the VF is not allocated while the domain runs.
                Err(why) => import.failed.push(format!("{name}: {why}")),
            }
        }
        if !adopted.is_empty() && !self.dry_run {
            self.guard.adopt(vm, &domain.uuid, &adopted)?;
        }
        let imported = adopted.into_iter().map(|adopted| Imported { vm, adopted });
        import.imported.extend(imported);
        Ok(())
    }

    /// Returns the VM that has a lease on a VF or on its place in the pool.
    fn lease_of(&self, vf: &Vf) -> Result<Option<VmId>, StoreError> {
        if let Some((_, deployment)) = self.guard.claim(vf.address)? {
            return Ok(Some(deployment.vm()));
        }
        let place = Place {
            pool: vf.pool.clone(),
            index: vf.index,
        };
        Ok(self.guard.read(&place)?.map(|lease| lease.vm))
    }
}

/// Returns the dummy NIC of the domain's `nth` VF, if the domain has one for each VF.
fn nth_dummy(macs: &[MacAddress], nth: usize, vfs: usize) -> Result<Dummy, String> {
    let dummies = macs.len();
    let found = macs.get(nth).filter(|_| dummies == vfs);
    let position = u8::try_from(nth).ok();
    match (found, position) {
        (Some(mac), Some(position)) => Ok(Dummy {
            position,
            mac: *mac,
        }),
        _ => Err(format!(
            "its dummy NIC cannot be identified: the domain has {dummies} dummy NICs and {vfs} VFs; the VF stays busy \
             without a lease until the domain ends"
        )),
    }
}

fn adopt(vf: &Vf, dummy: Dummy, wrote_guids: bool) -> Adopted {
    let [a, b, c, d] = Key::from(dummy.mac).octets();
    let [first, second] = MAC_PREFIX;
    let original = match vf.pf.link_layer {
        LinkLayer::Infiniband if wrote_guids => OriginalState::Infiniband {
            node_guid: None,
            port_guid: None,
            link_state: None,
        },
        _ => OriginalState::Untouched,
    };
    Adopted {
        vf: vf.clone(),
        // Always valid: the first octet is neither zero nor that of a group address.
        mac: MacAddress::try_from([first, second, a, b, c, d]).unwrap_or(dummy.mac),
        position: dummy.position,
        dummy_mac: dummy.mac,
        original,
    }
}

/// Returns the MACs of dummy NICs, in order.
pub(super) fn dummies(
    macs: impl Iterator<Item = MacAddress>,
    prefix: DummyPrefix,
) -> Vec<MacAddress> {
    macs.filter(|mac| DummyMac::from_mac(*mac, prefix).is_some())
        .collect()
}
