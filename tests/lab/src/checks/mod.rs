//! The checks, in groups. The checks of a group depend on each other; groups share only a host.

mod ethernet;
mod guests;
mod guid;
mod hotplug;
mod infiniband;
mod install;
mod isolation;
mod lifecycle;
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

/// Groups that share a host, in this order.
struct Lane {
    /// The name of the host.
    host: &'static str,
    groups: &'static [(&'static str, HostGroup)],
}

const LANES: [Lane; 2] = [
    Lane {
        host: "host",
        groups: &[
            ("install", install::run),
            ("ethernet", ethernet::run),
            ("hotplug", hotplug::run),
            ("infiniband", infiniband::by_guid),
            ("native", native::run),
        ],
    },
    Lane {
        host: "other host",
        groups: &[
            ("position", infiniband::by_position),
            ("mutation", infiniband::mutation),
            ("lifecycle", lifecycle::run),
            // It cuts the host's power.
            ("crash", lifecycle::crash),
        ],
    },
];

/// The group of guests without VFs.
const GUESTS: &str = "guests";

/// Runs the checks of the named groups, or of all if none is named.
pub(crate) fn run(lab: &Lab, groups: &[String], report: &mut Report) -> Result<(), Failure> {
    let mut known: Vec<&str> = LANES.iter().flat_map(Lane::names).collect();
    known.push(GUESTS);
    if let Some(unknown) = groups.iter().find(|group| !known.contains(&group.as_str())) {
        return Err(Failure::new(format!(
            "no group is called '{unknown}': there are {}",
            known.join(", ")
        )));
    }
    let wanted = |name: &str| groups.is_empty() || groups.iter().any(|group| group == name);
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let [first, second] = &LANES;
    let lane = |lane: &Lane, report: &mut Report| {
        if lane.names().any(wanted) {
            on_a_host(lab, lane, &wanted, report)
        } else {
            Ok(())
        }
    };
    // A host has one processor, and the first lane takes longest.
    let is_beside_a_host = processors > 1 && first.names().any(wanted);
    let beside = |report: &mut Report| {
        if wanted(GUESTS) {
            let at_once = processors - usize::from(is_beside_a_host);
            Lab::group(report, GUESTS, |report| guests::run(lab, at_once, report));
        }
        lane(second, report)
    };
    if !is_beside_a_host {
        lane(first, report)?;
        return beside(report);
    }
    let mut of_others = report.beside();
    let outcomes = thread::scope(|scope| {
        let others = scope.spawn(|| beside(&mut of_others));
        let outcome = lane(first, report);
        let died = || Err(Failure::new("the thread of the other checks died"));
        [outcome, others.join().unwrap_or_else(|_| died())]
    });
    report.add(of_others);
    outcomes.into_iter().collect()
}

impl Lane {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.groups.iter().map(|(name, _)| *name)
    }
}

/// Runs the wanted groups of a lane on a host of their own.
fn on_a_host(
    lab: &Lab,
    lane: &Lane,
    wanted: &dyn Fn(&str) -> bool,
    report: &mut Report,
) -> Result<(), Failure> {
    report.group(lane.host);
    let name = "it boots, and one-sriov is installed by its packages";
    if let Some(mut setup) = report.get(name, || installed(lab, lane.host)) {
        for (name, group) in lane.groups {
            if wanted(name) && !Lab::group(report, name, |report| group(&mut setup, report)) {
                setup.evidence(&lab.evidence(name)?);
            }
        }
    }
    Ok(())
}

/// Boots a host and installs one-sriov.
fn installed<'lab>(lab: &'lab Lab, host: &str) -> Result<Setup<'lab>, Failure> {
    let setup = Setup::new(lab, host)?;
    let installed = lab.install(setup.host()).and_then(|()| setup.configure());
    if installed.is_err() {
        setup.evidence(&lab.evidence(host)?);
    }
    installed.map(|()| setup)
}
