//! Checks the files that the front-end copies to the host: the stock driver, the actions, and this driver.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use one_sriov_system::{Probe, Root};

use super::Finding;
use super::finding::{some, unread};
use crate::host::Host;

const CHECK: &str = "remotes";
const SYNC: &str = "run 'onehost sync --force' on the front-end";

/// The names of all actions that any release of OpenNebula calls.
pub(super) fn action_names() -> impl Iterator<Item = &'static str> {
    include_str!("../../../packaging/actions/names").lines()
}

/// The file that the actions source. It contains the version, and is not executable.
const LAUNCHER: &str = "launch";

/// Files among the stock actions that are not actions.
const HELPERS: [&str; 3] = ["kvmrc", "vgpu", "vtpm_setup"];

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let home = &host.home;
    // The actions are beside this program, whatever the root is.
    let root = Root::default();
    let probe = Probe::new(&root);
    let mut findings = vec![stock(&probe, home), actions(&probe, home)];
    findings.extend(driver(&probe, home));
    findings.extend(unknown(&probe, home));
    findings.extend(unread(CHECK, &probe));
    findings
}

fn stock(probe: &Probe<'_>, home: &Path) -> Finding {
    let deploy = home.join("../kvm/deploy");
    if is_program(probe, &deploy) {
        return Finding::ok(CHECK, "the stock driver is installed");
    }
    let message = format!(
        "failed to find the stock driver: '{}' is not an executable file",
        deploy.display()
    );
    Finding::problem(CHECK, message).remedy(SYNC)
}

fn actions(probe: &Probe<'_>, home: &Path) -> Finding {
    let mut missing: Vec<_> = action_names()
        .filter(|name| !is_program(probe, &home.join(name)))
        .collect();
    let launcher = probe.metadata(&home.join(LAUNCHER));
    if !launcher.is_ok_and(|file| file.is_file()) {
        missing.push(LAUNCHER);
    }
    let home = home.display();
    if missing.is_empty() {
        return Finding::ok(CHECK, format!("all actions are in '{home}'"));
    }
    let missing = some(&missing);
    let message = format!("actions in '{home}' are missing or not executable: {missing}");
    Finding::problem(CHECK, message).remedy(SYNC)
}

/// The program that the launcher runs.
fn driver(probe: &Probe<'_>, home: &Path) -> Option<Finding> {
    let launcher = probe.read_to_string(&home.join(LAUNCHER)).ok()?;
    let version = launcher
        .split_once("version='")
        .and_then(|(_, rest)| rest.split('\'').next())?;
    let arch = std::env::consts::ARCH;
    let path: PathBuf = [home, Path::new("bin"), version.as_ref(), arch.as_ref()]
        .into_iter()
        .collect();
    let path = path.join("one-sriov-driver");
    let ours = env!("CARGO_PKG_VERSION");
    Some(if !is_program(probe, &path) {
        let message = format!(
            "failed to find the driver: '{}' is not an executable file",
            path.display()
        );
        Finding::problem(CHECK, message).remedy(SYNC)
    } else if version == ours {
        Finding::ok(CHECK, format!("the actions run this version, {ours}"))
    } else {
        Finding::note(
            CHECK,
            format!("the actions run version {version}, this is {ours}"),
        )
    })
}

/// Actions of the stock driver that this version does not know.
fn unknown(probe: &Probe<'_>, home: &Path) -> Option<Finding> {
    let stock = home.join("../kvm");
    let names = probe.list(&stock).ok()?.into_iter();
    let names: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| is_program(probe, &stock.join(name)))
        .filter(|name| !name.contains('.') && !HELPERS.contains(&&**name))
        .filter(|name| {
            action_names().all(|ours| ours != name) && !is_program(probe, &home.join(name))
        })
        .collect();
    let home = home.display();
    (!names.is_empty()).then(|| {
        let names = some(&names);
        let message = format!("'{home}' lacks actions of the stock driver: {names}");
        Finding::note(CHECK, message)
            .remedy("if OpenNebula calls one of them, copy the action 'poll' there to that name")
    })
}

fn is_program(probe: &Probe<'_>, path: &Path) -> bool {
    probe.metadata(path).is_ok_and(|file| {
        file.is_file() && file.len() > 0 && file.permissions().mode() & 0o111 != 0
    })
}
