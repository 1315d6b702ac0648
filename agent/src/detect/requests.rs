//! Who names a network stack, the strongest first: `--backend`, `agent.conf`, one-context or the context; else the facts decide.

use std::ops::Deref;

use super::{Choice, Facts, OneContext, choose, choose_beside, choose_named};
use crate::render::UnknownBackend;

/// What a network stack is asked for by, beside `--backend`.
const NETCFG_TYPE: &str = "NETCFG_TYPE";
/// What names no stack but the facts of the guest.
const MACHINE: &str = "the machine";

/// The names of network stacks that were asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests<'a> {
    /// `--backend`.
    pub option: Option<&'a str>,
    /// `BACKEND` of `agent.conf`.
    pub configured: Option<&'a str>,
    /// `NETCFG_TYPE` of the context: names as one-context has them, the first that is known counts.
    pub netcfg_type: Option<&'a str>,
    /// `NETCFG_NETPLAN_RENDERER` of the context: what one-context is asked for below netplan.
    pub netplan_renderer: Option<&'a str>,
}

/// A request for a network stack that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{by}: {unknown}")]
pub struct DetectError {
    by: &'static str,
    unknown: UnknownBackend,
}

impl DetectError {
    /// Whether the command line names it.
    #[must_use]
    pub fn is_of_command_line(&self) -> bool {
        self.by == OPTION
    }

    fn of(by: &'static str) -> impl Fn(UnknownBackend) -> Self {
        move |unknown| Self { by, unknown }
    }
}

/// The option that names a network stack.
const OPTION: &str = "--backend";

/// The network stack of a guest: `--backend`, then `agent.conf`, then that of one-context beside us, or
/// what the context asks for, then what is installed. The facts are gathered only where they are needed.
///
/// # Errors
/// [`DetectError`] if the command line or `agent.conf` names a network stack that there is not.
pub fn detect(
    requests: &Requests<'_>,
    facts: &impl Deref<Target = Facts>,
    one_context: Option<&OneContext>,
) -> Result<Choice, DetectError> {
    let of_operator = [
        (OPTION, requests.option),
        (crate::config::PATH, requests.configured),
    ];
    for (by, name) in of_operator {
        if let Some(name) = name {
            return choose_named(by, name)
                .map_or_else(|| choose(Some((by, name)), facts), Ok)
                .map_err(DetectError::of(by));
        }
    }
    let asked = requests.netcfg_type;
    let theirs = one_context
        .and_then(|theirs| choose_beside(theirs, asked, requests.netplan_renderer, facts));
    if let Some(choice) = theirs {
        return Ok(choice);
    }
    let mut names = asked.unwrap_or_default().split_ascii_whitespace();
    if let Some(choice) = names.find_map(|name| choose(Some((NETCFG_TYPE, name)), facts).ok()) {
        return Ok(choice);
    }
    if asked.is_some_and(|asked| !asked.trim().is_empty()) {
        log::warn!("NETCFG_TYPE names no network stack that is known");
    }
    choose(None, facts).map_err(DetectError::of(MACHINE))
}
