//! `status`: prints whether context, files and kernel agree, and if not, why.

use std::io::Write;
use std::path::Path;

use one_sriov_system::Root;
use one_sriov_system::netlink::{Interface, Netlink};
use serde_json::{Value, json};

use super::error::Failure;
use super::run_state::{Purpose, RunState, read};
use super::{Exit, Options, json as to_json, text};
use crate::context::survey;
use crate::detect::Probe;
use crate::diagnose::{Finding, Scene, Severity, without_context};
use crate::install::{ChangeKind, FileReport, Obstacle, Record};
use crate::inventory::Sysfs;
use crate::kernel::{Comparison, compare};
use crate::plan::Outcome;
use crate::wait::WaitBudget;

pub(super) fn run(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    let wait_budget = WaitBudget::new(&options.root(), options.wait());
    match read(options, &wait_budget)? {
        Some(read) => {
            let state = read.look(
                options,
                &wait_budget,
                Purpose::SHOW,
                &mut options.directories(),
            )?;
            let status = Status::of(options, &state)?;
            if options.json {
                to_json::print(&status.json(&state), out)?;
            } else {
                status.print(&state, out)?;
            }
            Ok(status.verdict.exit())
        }
        None => no_context(options, out),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreement {
    UpToDate,
    /// Something is missing, or differs from the context.
    Drifted,
    /// A NIC is refused, or something conflicts with a file.
    Refused,
    /// This user may not read everything that must be compared.
    Unknown,
}

impl Agreement {
    const fn exit(self) -> Exit {
        match self {
            Self::UpToDate => Exit::Ok,
            Self::Drifted => Exit::Context,
            Self::Refused => Exit::Partial,
            Self::Unknown => Exit::Failure,
        }
    }

    /// A stable code, for programs.
    const fn code(self) -> &'static str {
        match self {
            Self::UpToDate => "up-to-date",
            Self::Drifted => "drifted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

struct Status {
    verdict: Agreement,
    findings: Vec<Finding>,
    report: FileReport,
    /// `None` if the machine is not running.
    kernel: Option<Vec<Comparison>>,
}

impl Status {
    fn of(options: &Options, state: &RunState) -> Result<Self, Failure> {
        let root = options.root();
        let sys = options.sysfs()?;
        let interfaces = Netlink::new(&root).interfaces()?;
        let (probe, here) = (Probe::new(&root), Root::default());
        let host = Probe::new(&here);
        let mode = |device: &str| mode(&host, &sys, device);
        let kernel = interfaces.map(|interfaces| compare(&state.plan, &interfaces, mode));
        let scene = Scene {
            root: &root,
            probe: &probe,
            host: &host,
            sys: &sys,
            source: &state.source,
            prefix: state.prefix,
            inventory: &state.inventory,
            plan: &state.plan,
            backend: state.choice.backend,
            files: &state.rendered.files,
            record: &state.record,
            kernel: kernel.as_deref(),
        };
        let findings = if state.plan.network_off {
            Vec::new()
        } else {
            scene.findings()
        };
        let report = FileReport::of(&state.changes);
        Ok(Self {
            verdict: verdict(state, &report, &findings, kernel.as_deref()),
            findings,
            report,
            kernel,
        })
    }

    /// Prints the verdict and its reasons first.
    fn print(&self, state: &RunState, out: &mut impl Write) -> Result<(), Failure> {
        writeln!(out, "status: {}", self.verdict.code())?;
        print_findings(&self.findings, out)?;
        for conflict in &self.report.conflicts {
            let (path, reason) = (conflict.file.path.display(), &conflict.reason);
            writeln!(out, "conflict: '{path}': {reason}")?;
        }
        for comparison in self.kernel.iter().flatten() {
            let Comparison { nic, interface, .. } = comparison;
            for difference in &comparison.differences {
                writeln!(out, "differs: {nic}: '{interface}' {difference}")?;
            }
        }
        text::plan(state, out)?;
        for (state, path) in states(&self.report) {
            writeln!(out, "{state}: {path}")?;
        }
        match &self.kernel {
            None => writeln!(
                out,
                "kernel: not compared, because this is not the running machine"
            )?,
            Some(kernel) => {
                let right = kernel.iter().filter(|nic| nic.differences.is_empty());
                for Comparison { nic, interface, .. } in right {
                    writeln!(out, "up to date in the kernel: {nic} on '{interface}'")?;
                }
            }
        }
        Ok(())
    }

    fn json(&self, state: &RunState) -> Value {
        let mut value = to_json::run_state(state);
        value["status"] = json!(self.verdict.code());
        value["up_to_date"] = json!(self.verdict == Agreement::UpToDate);
        value["findings"] = findings_json(&self.findings);
        value["files"] = json!(self.report);
        value["kernel"] = match &self.kernel {
            Some(kernel) => kernel.iter().map(comparison_json).collect(),
            None => Value::Null,
        };
        value
    }
}

fn verdict(
    state: &RunState,
    report: &FileReport,
    findings: &[Finding],
    kernel: Option<&[Comparison]>,
) -> Agreement {
    let nics = || state.plan.nics.iter();
    let is_refused = state.plan.is_partial();
    let denied = ChangeKind::Conflict(Obstacle::Denied);
    let denied = state.changes.iter().filter(|change| change.kind == denied);
    let denied = denied.count();
    if is_refused || report.conflicts.len() > denied {
        return Agreement::Refused;
    }
    if denied > 0 {
        return Agreement::Unknown;
    }
    let is_missing = nics().any(|nic| match (&nic.outcome, &nic.device) {
        // A port of a bond or a bridge is as it should be: the device above it carries the addresses.
        (Outcome::Absent(_), Some(device)) => {
            let here = state.inventory.by_name(&device.name);
            here.is_none_or(|here| here.master.is_none())
        }
        (Outcome::Absent(_), None) => true,
        (Outcome::Configure(_), Some(device)) => !device.matched_by.is_present(),
        _ => false,
    });
    let is_problem = |finding: &Finding| finding.severity == Severity::Problem;
    let differs = |nic: &Comparison| !nic.differences.is_empty();
    let has_drifted = is_missing
        || report.changed()
        || !report.left.is_empty()
        || findings.iter().any(is_problem)
        || kernel.unwrap_or_default().iter().any(differs);
    if has_drifted {
        Agreement::Drifted
    } else {
        Agreement::UpToDate
    }
}

/// Reports that there is no medium, which is an error only if this looks like a VM that should have one.
fn no_context(options: &Options, out: &mut impl Write) -> Result<Exit, Failure> {
    let root = options.root();
    let record = Record::load(&mut options.directories())?;
    let paths: Vec<String> = record
        .paths()
        .map(|path| path.display().to_string())
        .collect();
    let block_devices = survey::survey(&root)?;
    let inventory = Sysfs::new(options.sysfs()?, &root)?.inventory()?;
    let prefix = crate::config::Config::load(&root)?.prefix;
    let findings = without_context(&block_devices, &inventory, prefix);
    let is_problem = findings
        .iter()
        .any(|finding| finding.severity == Severity::Problem);
    if options.json {
        let value = json!({
            "medium": Value::Null,
            "status": "no-context",
            "block_devices": block_devices,
            "findings": findings_json(&findings),
            "recorded": paths,
        });
        to_json::print(&value, out)?;
    } else {
        writeln!(out, "status: no-context")?;
        print_findings(&findings, out)?;
        for path in paths {
            writeln!(out, "written by an earlier run: {path}")?;
        }
    }
    Ok(if is_problem { Exit::Context } else { Exit::Ok })
}

fn print_findings(findings: &[Finding], out: &mut impl Write) -> std::io::Result<()> {
    for finding in findings {
        let severity = finding.severity.code();
        writeln!(out, "{severity}: {}", finding.text)?;
    }
    Ok(())
}

fn findings_json(findings: &[Finding]) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "code": finding.code,
            "severity": finding.severity.code(),
            "device": finding.device,
            "text": finding.text,
        })
    };
    findings.iter().map(finding).collect()
}

fn comparison_json(comparison: &Comparison) -> Value {
    let differences = comparison.differences.iter().map(|difference| {
        let text = format!("'{}' {difference}", comparison.interface);
        json!({ "code": difference.code(), "text": text })
    });
    json!({
        "nic": comparison.nic,
        "interface": comparison.interface,
        "found": comparison.found.as_ref().map(interface_json),
        "differences": differences.collect::<Vec<_>>(),
    })
}

fn interface_json(interface: &Interface) -> Value {
    let addresses = interface.addresses.iter();
    let routes = interface.routes.iter().map(|route| {
        json!({
            "destination": format!("{}/{}", route.destination, route.prefix),
            "via": route.gateway,
            "metric": route.metric,
        })
    });
    json!({
        "index": interface.index,
        "up": interface.is_up,
        "running": interface.is_running,
        "mtu": interface.mtu,
        "addresses": addresses
            .map(|own| format!("{}/{}", own.address, own.prefix))
            .collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
    })
}

fn states(report: &FileReport) -> impl Iterator<Item = (&'static str, String)> {
    let lists = [
        ("up to date", &report.unchanged),
        ("missing", &report.written),
        ("outdated", &report.updated),
        ("obsolete", &report.removed),
        ("edited", &report.left),
    ];
    let files = lists
        .into_iter()
        .flat_map(|(state, files)| files.iter().map(move |file| (state, &file.path)));
    files.map(|(state, path)| (state, path.display().to_string()))
}

/// Reads the IPoIB mode of a device, which may have refused connected mode (enhanced IPoIB).
fn mode(host: &Probe<'_>, sys: &Path, device: &str) -> Option<String> {
    let path = sys.join("class/net").join(device).join("mode");
    let mode = host.read_to_string(&path).ok()?;
    Some(mode.trim().to_owned())
}
