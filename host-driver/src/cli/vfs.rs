//! `vfs`: creates as many VFs of a PF as its configuration file requests. `one-sriov-vfs@.service` runs it at boot.

use std::io::Write;

use hwaddr::InterfaceName;
use serde_json::json;

use super::Exit;
use super::error::Failure;
use crate::config::Config;
use crate::vfs;

pub(super) fn run(
    root: &one_sriov_system::Root,
    pf: &InterfaceName,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, Failure> {
    // Root trusts only its own files, and ignores a lease directory that is set in oneadmin's files.
    let config = Config::of_host(root)?;
    let vfs::Changed { before, now } = vfs::apply(root, &config, pf)?;
    if json {
        let value = json!({ "pf": pf.as_str(), "before": before, "now": now });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)?;
    } else if before == now {
        writeln!(out, "'{pf}' has {now} VFs already")?;
    } else {
        writeln!(out, "'{pf}' has {now} VFs now; it had {before}")?;
    }
    Ok(Exit::Ok)
}
