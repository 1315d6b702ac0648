//! Requests for a network stack, in order of precedence: `--backend`, `agent.conf`, one-context or the context. Without a
//! request, the facts decide.

use std::ops::Deref;

use super::{Choice, Facts, OneContext, Renderers, Theirs, choose, choose_beside, choose_named};
use crate::render::{Reader, UnknownBackend};

/// The source of a request in the context.
const NETCFG_TYPE: &str = "NETCFG_TYPE";
/// The source if nothing is requested and the facts decide.
const MACHINE: &str = "the machine";

/// The requested network stacks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests<'a> {
    /// `--backend`.
    pub option: Option<&'a str>,
    /// `backend` of `agent.conf`.
    pub configured: Option<&'a str>,
    /// `NETCFG_TYPE` of the context: names that one-context defines; the first that applies is used.
    pub netcfg_type: Option<&'a str>,
    /// `NETCFG_NETPLAN_RENDERER` of the context: netplan's renderer.
    pub netplan_renderer: Option<&'a str>,
}

/// Why no network stack could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// The requested network stack is unknown.
    #[error("{by}: {unknown}")]
    Unknown {
        /// The source of the request.
        by: &'static str,
        /// The request.
        unknown: UnknownBackend,
    },
    /// The facts cannot be read.
    #[error("failed to detect the network stack: {}", .0.join("; "))]
    Unread(Vec<String>),
}

impl DetectError {
    /// Whether the unknown name was given on the command line.
    #[must_use]
    pub fn is_of_command_line(&self) -> bool {
        matches!(self, Self::Unknown { by: OPTION, .. })
    }

    fn of(by: &'static str) -> impl Fn(UnknownBackend) -> Self {
        move |unknown| Self::Unknown { by, unknown }
    }
}

/// The source of a request on the command line.
const OPTION: &str = "--backend";

/// Chooses the network stack of a guest: by `--backend`, then `agent.conf`, then one-context or the context, then the facts,
/// which are read only if needed.
///
/// # Errors
/// [`DetectError`] if the command line or `agent.conf` has an unknown name, or if a file that matters cannot be read.
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
            return match choose_named(by, name) {
                Some(choice) => Ok(choice),
                None => choose(Some((by, name)), all_read(facts)?).map_err(DetectError::of(by)),
            };
        }
    }
    let facts = all_read(facts)?;
    let asked = requests.netcfg_type.map(str::trim);
    let asked = asked.filter(|asked| !asked.is_empty());
    // Before 6.2, one-context has no renderers and does not know the variable.
    let choosing = one_context.filter(|theirs| !theirs.modules.is_empty());
    let theirs = match (choosing, asked) {
        (Some(theirs), _) => choose_beside(theirs, asked, requests.netplan_renderer, facts),
        (None, Some(asked)) => alone(asked, facts),
        (None, None) => Theirs::Nothing,
    };
    let by_machine = || choose(None, facts).map_err(DetectError::of(MACHINE));
    match theirs {
        Theirs::Takes(choice) => Ok(choice),
        Theirs::Nothing => by_machine(),
        Theirs::Refuses(name) => {
            let mut choice = by_machine()?;
            choice.warnings.push(format!(
                "NETCFG_TYPE: one-context has no renderer '{}' and configures no NIC because of it; the agent writes \
                 files for {}, because {}",
                name.escape_debug(),
                choice.backend,
                choice.reason
            ));
            Ok(choice)
        }
    }
}

fn all_read(facts: &Facts) -> Result<&Facts, DetectError> {
    if facts.unread.is_empty() {
        Ok(facts)
    } else {
        Err(DetectError::Unread(facts.unread.clone()))
    }
}

/// Applies `NETCFG_TYPE` without one-context: the first renderer that this guest has, else the first one in the list.
fn alone(asked: &str, facts: &Facts) -> Theirs {
    let names = Renderers::newest().asked(asked).unwrap_or_default();
    let known = |name: &str| match name {
        "nm" => Some(facts.enabled.has(Reader::NetworkManager)),
        "networkd" => Some(facts.enabled.has(Reader::Networkd)),
        "netplan" => Some(facts.netplan_is_there),
        "scripts" => Some(facts.initscripts || facts.suse_layout),
        "interfaces" => Some(facts.ifupdown || facts.alpine),
        _ => None,
    };
    let mut chosen = None;
    for name in &names {
        match known(name) {
            None => return Theirs::Refuses(name.clone()),
            Some(true) => {
                chosen = Some(name);
                break;
            }
            Some(false) => {}
        }
    }
    let chosen = chosen.or(names.first());
    let choice = chosen.and_then(|name| choose(Some((NETCFG_TYPE, name)), facts).ok());
    choice.map_or(Theirs::Nothing, Theirs::Takes)
}
