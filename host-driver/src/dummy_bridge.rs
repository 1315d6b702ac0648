//! The bridge of the dummy NICs. It has no uplink: a dummy NIC only needs some bridge.

use std::time::Duration;

use one_sriov_system::Root;

use crate::pool::HostSysfs;
use crate::prepare::ip_link;

const LIMIT: Duration = Duration::from_secs(20);

/// Creates the bridge if it is missing. An Open vSwitch bridge is not created.
pub(crate) fn ensure(root: &Root, bridge: &str, is_open_vswitch: bool) -> Result<(), String> {
    let sysfs = HostSysfs::new(root);
    let is_there = || {
        let found = sysfs.has_netdev(bridge);
        found.map_err(|error| format!("failed to check for it: {error}"))
    };
    if is_there()? {
        return Ok(());
    }
    if is_open_vswitch {
        return Err(format!(
            "run 'ovs-vsctl add-br {bridge}': the NIC's network uses Open vSwitch"
        ));
    }
    let made = ip_link(["add", "name", bridge, "type", "bridge"])
        .capture(LIMIT)
        .map_err(|error| error.to_string())?;
    // Another deployment may have created it first.
    if made.status.success() || is_there()? {
        return Ok(());
    }
    Err(format!("{}; see 'one-sriov doctor'", made.stderr_line()))
}
