//! How a front-end interprets the end of an action.
//!
//! `DEPLOY FAILURE 16 could not create domainExitCode: 1`

use super::release::{ErrorRegime, Release};

const BLOCK_OPENS: &str = "ERROR MESSAGE --8<------";
const BLOCK_CLOSES: &str = "ERROR MESSAGE ------>8--";

/// The severity of a line of a VM's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Level {
    Error,
    Info,
    Debug,
}

/// The end of an action, as the front-end sees it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The exit code, or -1 if the front-end did not get it.
    pub exit_code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error, with any markers of the front-end that remain in it.
    pub stderr: String,
    /// Whether the action succeeded, as reported to oned.
    pub success: bool,
    /// The result as reported to oned: a deploy ID, or an error.
    pub info: String,
    /// The lines of the VM's log.
    pub log: Vec<(Level, String)>,
    /// The deploy ID after a successful `deploy`.
    pub deploy_id: Option<String>,
    /// Whether the script was missing, so that the front-end would have copied its remotes first.
    pub remotes_missing: bool,
}

/// An action whose end the front-end never notices.
#[derive(Debug, Clone)]
pub struct Hang {
    /// Standard output so far.
    pub stdout: String,
    /// Standard error so far.
    pub stderr: String,
}

/// The result of waiting for an action.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The action ended.
    Answered(Answer),
    /// The action hung.
    Hung(Hang),
}

impl Reply {
    /// Returns the answer.
    ///
    /// # Panics
    /// If the action hung.
    #[must_use]
    pub fn answer(self) -> Answer {
        match self {
            Self::Answered(answer) => answer,
            Self::Hung(hang) => panic!("the front-end hangs: {hang:?}"),
        }
    }

    /// Whether the action hung.
    #[must_use]
    pub fn is_hang(&self) -> bool {
        matches!(self, Self::Hung(_))
    }
}

/// The output of a host, not interpreted yet.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) exit_code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) remotes_missing: bool,
    /// Whether standard error is logged even after a success.
    pub(super) logs_always: bool,
}

impl Raw {
    pub(super) fn interpret(self, release: Release, action: &str) -> Answer {
        let success = self.exit_code == 0;
        let info = if success {
            self.stdout.trim().to_owned()
        } else {
            message(release.error_regime(), &self.stderr)
        };
        let info = if info.is_empty() { "-".into() } else { info };
        let mut log = Vec::new();
        if !success {
            let text = format!("Command execution fail (exit code: {})", self.exit_code);
            log.push((Level::Info, text));
        }
        if !success || self.logs_always {
            log.extend(log_lines(release.error_regime(), &self.stderr));
        }
        let deploys = success && action == "deploy";
        let deploy_id = deploys.then(|| first_word(&info));
        Answer {
            exit_code: self.exit_code,
            stdout: self.stdout,
            stderr: self.stderr,
            success,
            info,
            log,
            deploy_id,
            remotes_missing: self.remotes_missing,
        }
    }
}

fn first_word(info: &str) -> String {
    info.split_whitespace().next().unwrap_or("-").to_owned()
}

fn message(regime: ErrorRegime, stderr: &str) -> String {
    match regime {
        ErrorRegime::Block => block(stderr).unwrap_or_default(),
        ErrorRegime::Whole => stderr.replace('\n', " ").trim().to_owned(),
        ErrorRegime::Glued => stderr
            .lines()
            .filter(|line| !is_log_line(line))
            .map(str::trim)
            .collect(),
    }
}

/// The text between the first opening marker and the next closing one.
fn block(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines();
    lines.by_ref().find(|line| *line == BLOCK_OPENS)?;
    let mut text = String::new();
    for line in lines {
        if let Some(last) = line.strip_suffix(BLOCK_CLOSES) {
            text.push_str(last);
            return Some(text.trim().to_owned());
        }
        text.push_str(line);
        text.push('\n');
    }
    None
}

fn is_log_line(line: &str) -> bool {
    let rest = ["ERROR:", "INFO:", "WARN:", "DEBUG:"]
        .iter()
        .find_map(|level| line.strip_prefix(level));
    rest.is_some_and(|rest| rest.starts_with(char::is_whitespace))
}

fn log_lines(regime: ErrorRegime, stderr: &str) -> Vec<(Level, String)> {
    let mut in_block = false;
    let mut log = Vec::new();
    for line in stderr.trim().lines() {
        let is_marker = regime == ErrorRegime::Block;
        if is_marker && [BLOCK_OPENS, BLOCK_CLOSES].contains(&line.trim()) {
            in_block = line.trim() == BLOCK_OPENS;
            continue;
        }
        let levels = [
            ("ERROR:", Level::Error),
            ("DEBUG:", Level::Debug),
            ("INFO:", Level::Info),
        ];
        let of_its_own = levels
            .iter()
            .find_map(|(name, level)| Some((*level, line.strip_prefix(name)?)));
        let (level, text) = match of_its_own {
            _ if in_block => (Level::Error, line),
            Some(found) => found,
            None => (Level::Info, line),
        };
        log.push((level, text.trim().to_owned()));
    }
    log
}
