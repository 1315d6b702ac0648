//! The checks, in groups. The checks of a group depend on each other; groups share only the host.

mod ethernet;
mod guests;
mod guid;
mod hotplug;
mod infiniband;
mod install;
mod isolation;
mod lifecycle;
mod migrate;
mod native;
mod setup;
mod shell;

use std::num::NonZero;
use std::thread;

use crate::lab::Lab;
use crate::report::{Failure, Report};

use setup::Setup;

pub(crate) use setup::Pool;
pub(crate) use shell::shell;

type HostGroup = fn(&mut Setup<'_>, &mut Report);

/// The groups that need the host, in this order: the last one cuts its power.
const ON_THE_HOST: [(&str, HostGroup); 11] = [
    ("install", install::run),
    ("ethernet", ethernet::run),
    ("hotplug", hotplug::run),
    ("migrate", migrate::run),
    ("infiniband", infiniband::by_guid),
    ("position", infiniband::by_position),
    ("late", infiniband::late),
    ("mutation", infiniband::mutation),
    ("native", native::run),
    ("lifecycle", lifecycle::run),
    ("crash", lifecycle::crash),
];

/// The group of guests without VFs.
const GUESTS: &str = "guests";

/// Runs the checks of the named groups, or of all if none is named.
pub(crate) fn run(lab: &Lab, groups: &[String], report: &mut Report) -> Result<(), Failure> {
    let known =
        |group: &String| *group == GUESTS || ON_THE_HOST.iter().any(|(name, _)| name == group);
    if let Some(unknown) = groups.iter().find(|group| !known(group)) {
        let names: Vec<&str> = ON_THE_HOST
            .iter()
            .map(|(name, _)| *name)
            .chain([GUESTS])
            .collect();
        return Err(Failure::new(format!(
            "no group is called '{unknown}': there are {}",
            names.join(", ")
        )));
    }
    let wanted = |name: &str| groups.is_empty() || groups.iter().any(|group| group == name);
    let needs_host = ON_THE_HOST.iter().any(|(name, _)| wanted(name));
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    if !needs_host || !wanted(GUESTS) || processors == 1 {
        if needs_host {
            on_the_host(lab, &wanted, report)?;
        }
        if wanted(GUESTS) {
            Lab::group(report, GUESTS, |report| {
                guests::run(lab, processors, report);
            });
        }
        return Ok(());
    }
    // The host has one processor.
    let mut of_guests = report.beside();
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            Lab::group(&mut of_guests, GUESTS, |report| {
                guests::run(lab, processors - 1, report);
            });
        });
        on_the_host(lab, &wanted, report)
    });
    report.add(of_guests);
    outcome
}

/// Runs the groups of checks that need the host.
fn on_the_host(
    lab: &Lab,
    wanted: &dyn Fn(&str) -> bool,
    report: &mut Report,
) -> Result<(), Failure> {
    report.group("host");
    let name = "it boots, and one-sriov is installed by its packages";
    if let Some(mut setup) = report.get(name, || installed(lab)) {
        for (name, group) in ON_THE_HOST {
            if wanted(name) && !Lab::group(report, name, |report| group(&mut setup, report)) {
                setup.evidence(&lab.evidence(name)?);
            }
        }
    }
    Ok(())
}

/// Boots a host and installs one-sriov.
fn installed(lab: &Lab) -> Result<Setup<'_>, Failure> {
    let setup = Setup::new(lab)?;
    let installed = lab.install(setup.host()).and_then(|()| setup.configure());
    if installed.is_err() {
        setup.evidence(&lab.evidence("host")?);
    }
    installed.map(|()| setup)
}
