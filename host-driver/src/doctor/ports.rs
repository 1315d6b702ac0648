//! The ports of PFs and VFs: without a link a VM has a VF, but no network.
//!
//! ```text
//! /sys/class/net/ens1f0/flags                                          0x1002: not up
//! /sys/bus/pci/devices/0000:81:00.0/infiniband/mlx5_0/ports/1/state    2: INIT
//! /sys/bus/pci/devices/0000:81:00.0/infiniband/mlx5_0/ports/1/phys_state  5: LinkUp
//! ```

use std::io;
use std::path::{Path, PathBuf};

use hwaddr::{InterfaceName, PciAddress};
use one_sriov_system::{Netlink, Probe, VfInfo, VfLinkState};

use super::Finding;
use super::finding::unread;
use crate::host::Host;
use crate::lease::Lease;
use crate::pool::{HostSysfs, LinkLayer};

const CHECK: &str = "ports";
/// `IB_PORT_ACTIVE` of the kernel's `ib_verbs.h`.
const ACTIVE: &str = "4: ACTIVE";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    inspect(host).unwrap_or_else(|error| {
        let message = format!("failed to read the ports of the cards: {error}");
        vec![Finding::problem(CHECK, message)]
    })
}

fn inspect(host: &Host) -> io::Result<Vec<Finding>> {
    let sysfs = HostSysfs::new(&host.root);
    let probe = Probe::new(&host.root);
    let mut findings = Vec::new();
    for netdev in sysfs.netdevs()? {
        let Some(pf) = sysfs.device_of(&netdev)? else {
            continue;
        };
        if sysfs.vf_numbers(pf)?.is_empty() {
            continue;
        }
        match sysfs.link_layer(&netdev)? {
            Some(LinkLayer::Ethernet) => findings.extend(ethernet(&probe, &netdev)),
            Some(LinkLayer::Infiniband) => findings.extend(infiniband(host, &probe, &netdev, pf)?),
            None => {}
        }
    }
    findings.extend(unread(CHECK, &probe));
    Ok(findings)
}

/// Checks that the PF has `IFF_UP`: on some cards, the VFs have no link otherwise.
fn ethernet(probe: &Probe<'_>, pf: &InterfaceName) -> Option<Finding> {
    const IFF_UP: u32 = 1;
    let flags = text(probe, &netdev_dir(pf).join("flags"))?;
    let flags = u32::from_str_radix(flags.strip_prefix("0x")?, 16).ok()?;
    (flags & IFF_UP == 0).then(|| {
        let message = format!("PF '{pf}' is down: its VFs may have no link");
        Finding::warning(CHECK, message).remedy(format!(
            "ip link set {pf} up, and configure the host's network to do so at boot"
        ))
    })
}

fn infiniband(
    host: &Host,
    probe: &Probe<'_>,
    netdev: &InterfaceName,
    pf: PciAddress,
) -> io::Result<Vec<Finding>> {
    let sysfs = HostSysfs::new(&host.root);
    // Ports are counted from 1, dev_port from 0.
    let port = text(probe, &netdev_dir(netdev).join("dev_port"))
        .and_then(|port| port.parse::<u32>().ok())
        .unwrap_or(0)
        + 1;
    let Some(pf_side) = Port::find(probe, pf, port) else {
        return Ok(Vec::new());
    };
    let mut findings: Vec<Finding> = pf_port(netdev, &pf_side).into_iter().collect();
    // If the kernel does not answer, the check of the GUIDs reports that.
    let link = Netlink::new(&host.root).link(netdev).ok().flatten();
    for info in link.map(|link| link.vfs).unwrap_or_default() {
        let Some(vf) = sysfs.vf(pf, info.vf)? else {
            continue;
        };
        let lease = lease_of(host, vf);
        let vf_side = Port::find(probe, vf, 1);
        findings.extend(vf_port(
            netdev,
            &pf_side,
            &info,
            lease.as_ref(),
            vf_side.as_ref(),
        ));
    }
    Ok(findings)
}

/// An InfiniBand port in sysfs.
#[derive(Debug, Clone)]
struct Port {
    /// Device and port, `mlx5_0/1`.
    name: String,
    /// The logical state, `2: INIT`.
    state: String,
    /// The physical state, `5: LinkUp`.
    physical: String,
}

impl Port {
    fn find(probe: &Probe<'_>, device: PciAddress, port: u32) -> Option<Self> {
        let dir = Path::new("/sys/bus/pci/devices").join(device.to_string());
        let dir = dir.join("infiniband");
        let names = probe.list(&dir).ok()?;
        let name = names.first()?.to_str()?;
        let dir = dir.join(format!("{name}/ports/{port}"));
        Some(Self {
            name: format!("{name}/{port}"),
            state: text(probe, &dir.join("state"))?,
            physical: text(probe, &dir.join("phys_state")).unwrap_or_default(),
        })
    }

    fn is_active(&self) -> bool {
        self.state == ACTIVE
    }

    /// Returns the name of the logical state, `INIT`.
    fn state(&self) -> &str {
        word(&self.state)
    }
}

fn pf_port(pf: &InterfaceName, port: &Port) -> Option<Finding> {
    if port.is_active() {
        return None;
    }
    let (name, state) = (&port.name, port.state());
    Some(if state == "DOWN" {
        let physical = word(&port.physical);
        let message = format!("port '{name}' of '{pf}' is DOWN ({physical}): its VFs have no link");
        Finding::warning(CHECK, message).remedy("check the cable and the switch port")
    } else {
        let message = format!("port '{name}' of '{pf}' is {state}: no subnet manager serves it");
        Finding::warning(CHECK, message).remedy("start a subnet manager on this fabric")
    })
}

fn vf_port(
    pf: &InterfaceName,
    of_pf: &Port,
    info: &VfInfo,
    lease: Option<&Lease>,
    port: Option<&Port>,
) -> Option<Finding> {
    let vf = info.vf;
    if let Some(lease) = lease.filter(|lease| lease.guid.is_some()) {
        let vm = lease.vm;
        if info.port_guid.is_none() {
            let message = format!(
                "VF {vf} of '{pf}' (VM {vm}) has a GUID of zero, or the kernel does not report it"
            );
            return Some(Finding::note(CHECK, message).remedy(
                "if its port in the VM is not ACTIVE, power the VM off and start it again",
            ));
        }
        if info.link_state == Some(VfLinkState::Disable) {
            let message =
                format!("VF {vf} of '{pf}' (VM {vm}) has link state 'disable': its port is DOWN");
            let remedy = format!("ip link set {pf} vf {vf} state auto");
            return Some(Finding::warning(CHECK, message).remedy(remedy));
        }
    }
    let is_set_up = info.port_guid.is_some() && info.link_state != Some(VfLinkState::Disable);
    let port = port.filter(|port| !port.is_active() && of_pf.is_active() && is_set_up)?;
    let (name, state) = (&port.name, port.state());
    let message = format!(
        "port '{name}' of VF {vf} of '{pf}' is {state}, with a GUID and its link enabled: \
         the subnet manager may not serve virtual ports"
    );
    Some(Finding::warning(CHECK, message).remedy(
        "ConnectX-4 and later need a subnet manager with virtualization: NVIDIA's OpenSM with 'virt_enabled 2', or UFM",
    ))
}

fn lease_of(host: &Host, vf: PciAddress) -> Option<Lease> {
    // Another check reports errors of the leases.
    let store = host.leases().ok()?;
    let (place, _) = store.claim(vf).ok().flatten()?;
    store.read(&place).ok().flatten()
}

/// Returns `INIT` for `2: INIT`.
fn word(state: &str) -> &str {
    state.rsplit(' ').next().unwrap_or(state)
}

fn netdev_dir(netdev: &InterfaceName) -> PathBuf {
    Path::new("/sys/class/net").join(netdev.as_str())
}

fn text(probe: &Probe<'_>, path: &Path) -> Option<String> {
    let text = probe.read_to_string(path).ok()?;
    Some(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Severity;
    use super::*;
    use crate::lease::sample;

    fn port(state: &str) -> Port {
        Port {
            name: "mlx5_0/1".into(),
            state: state.into(),
            physical: "2: Polling".into(),
        }
    }

    #[test]
    fn a_pf_port_that_is_not_active_is_reported_with_the_reason() {
        let pf = "ib0".parse().unwrap();
        let message = |state| pf_port(&pf, &port(state)).map(|finding| finding.text);
        assert_eq!(message("4: ACTIVE"), None);
        assert_eq!(
            message("1: DOWN").unwrap(),
            "port 'mlx5_0/1' of 'ib0' is DOWN (Polling): its VFs have no link"
        );
        assert_eq!(
            message("2: INIT").unwrap(),
            "port 'mlx5_0/1' of 'ib0' is INIT: no subnet manager serves it"
        );
    }

    #[test]
    fn a_vf_whose_port_cannot_come_up_is_reported() {
        let guid: hwaddr::Guid = "00:00:aa:00:c0:a8:32:11".parse().unwrap();
        let info = |guid, link_state| VfInfo {
            vf: 3,
            port_guid: guid,
            link_state: Some(link_state),
            ..VfInfo::default()
        };
        let lease = Lease {
            guid: Some(guid),
            ..sample()
        };
        let pf = "ib0".parse().unwrap();
        let find = |state, info: &VfInfo, lease, vf_state: Option<&str>| {
            let own = vf_state.map(port);
            vf_port(&pf, &port(state), info, lease, own.as_ref())
                .map(|finding| (finding.severity, finding.text))
        };
        let usable = info(Some(guid), VfLinkState::Auto);
        assert_eq!(find(ACTIVE, &usable, Some(&lease), None), None);
        let found = find(ACTIVE, &info(None, VfLinkState::Auto), Some(&lease), None).unwrap();
        assert!(found.1.contains("(VM 7) has a GUID of zero"), "{found:?}");
        let disabled = info(Some(guid), VfLinkState::Disable);
        let found = find(ACTIVE, &disabled, Some(&lease), None).unwrap();
        assert!(found.1.contains("link state 'disable'"), "{found:?}");
        // A free VF has link state 'disable' until a VM gets it.
        assert_eq!(find(ACTIVE, &disabled, None, Some("1: DOWN")), None);
        let (severity, message) = find(ACTIVE, &usable, None, Some("1: DOWN")).unwrap();
        assert_eq!(severity, Severity::Warning);
        assert!(message.contains("may not serve virtual ports"), "{message}");
        // Here the PF's port is the cause.
        assert_eq!(find("2: INIT", &usable, None, Some("1: DOWN")), None);
    }
}
