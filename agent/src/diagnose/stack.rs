//! The network stack that should read the files: whether it starts, and whether another one starts as well.

use std::path::Path;

use super::{Finding, Severity};
use crate::detect::{Probe, UnitState, Units, is_in_runlevel, runlevel};
use crate::render::{Backend, Reader, Readers};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    stack: Reader,
    state: UnitState,
    /// Whether the stack runs; `None` if the machine is not running.
    runs: Option<bool>,
}

/// The stack that reads the files of a backend, and all stacks that were examined.
pub(super) struct Stacks {
    pub(super) reader: Seen,
    pub(super) all: Vec<Seen>,
}

/// Examines the stack that reads the files of a backend, and the stacks of which only one should run. Returns `None` if systemd
/// is not installed, because only units show what starts a stack.
pub(super) fn look(
    probe: &Probe<'_>,
    backend: Backend,
    running: Option<Readers>,
) -> Option<Stacks> {
    let programs = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];
    if !programs.iter().any(|path| probe.exists(Path::new(path))) {
        return None;
    }
    let units = Units::of(probe);
    let runlevel = runlevel(probe);
    let seen = |stack: Reader| {
        let state = match units.state(&stack.unit()) {
            // If the unit is generated from a SysV script, the script's link decides.
            UnitState::Disabled | UnitState::Missing
                if is_in_runlevel(&runlevel, stack.service()) =>
            {
                UnitState::Enabled("/etc/rc.d/rc3.d".into())
            }
            state => state,
        };
        let runs = running.map(|running| running.has(stack));
        Seen { stack, state, runs }
    };
    let daemons = Reader::ALL.into_iter().filter(|reader| reader.is_daemon());
    Some(Stacks {
        reader: seen(backend.reader()),
        all: daemons.map(seen).collect(),
    })
}

/// Explains why the files of a backend are not read, if their reader is the cause. `is_right`: the kernel already has everything
/// that the context asks for, whichever program configured it.
pub(super) fn of_reader(backend: Backend, reader: &Seen, is_right: bool) -> Option<Finding> {
    let stack = reader.stack;
    let unit = stack.unit();
    let who = format!("{stack}, which reads the files of {backend},");
    let finding = match (&reader.state, reader.runs == Some(true)) {
        (UnitState::Masked(link), false) => Finding::problem(
            "stack-masked",
            format!(
                "{who} is masked by '{link}': 'systemctl unmask {unit}' and enable it, or name another with '--backend'"
            ),
        ),
        (UnitState::Disabled, false) => Finding::problem(
            "stack-disabled",
            format!(
                "{who} is not enabled: 'systemctl enable --now {unit}', or name another with '--backend'"
            ),
        ),
        (UnitState::Missing, false) => Finding::problem(
            "stack-missing",
            format!(
                "{who} is not installed (unit '{unit}' not found): install it, or name another with '--backend'"
            ),
        ),
        (UnitState::Masked(_) | UnitState::Disabled, true) => Finding::warning(
            "stack-disabled",
            format!(
                "{who} is running, but not enabled: it will not start at the next boot ('systemctl enable {unit}')"
            ),
        ),
        (UnitState::Enabled(link), false) if reader.runs == Some(false) => Finding::problem(
            "stack-stopped",
            format!("{who} is enabled by '{link}', but not running: see 'systemctl status {unit}'"),
        ),
        (UnitState::Enabled(_) | UnitState::Missing, _) => return None,
    };
    Some(if is_right {
        Finding {
            severity: Severity::Warning,
            ..finding
        }
    } else {
        finding
    })
}

impl Stacks {
    /// Returns the stacks that start at boot or run.
    pub(super) fn started(&self) -> Vec<Reader> {
        self.on().map(|seen| seen.stack).collect()
    }

    fn on(&self) -> impl Iterator<Item = &Seen> {
        let is_on =
            |seen: &&Seen| matches!(seen.state, UnitState::Enabled(_)) || seen.runs == Some(true);
        self.all.iter().filter(is_on)
    }
}

/// Reports that more than one network stack starts.
pub(super) fn two(backend: Backend, stacks: &Stacks) -> Option<Finding> {
    let all: Vec<&Seen> = stacks.on().collect();
    let others = all.iter().filter(|seen| seen.stack != backend.reader());
    let others: Vec<String> = others.map(|seen| seen.stack.unit()).collect();
    if all.len() < 2 {
        return None;
    }
    let by = |seen: &&Seen| match &seen.state {
        UnitState::Enabled(link) => format!("{} (enabled by '{link}')", seen.stack),
        _ => format!("{} (running)", seen.stack),
    };
    let shown: Vec<String> = all.iter().map(by).collect();
    let text = format!(
        "more than one network stack is active: {}; the agent writes files only for {backend}: \
         'systemctl disable --now {}', or name another with '--backend'",
        shown.join(", "),
        others.join(" ")
    );
    Some(Finding::warning("two-stacks", text))
}
