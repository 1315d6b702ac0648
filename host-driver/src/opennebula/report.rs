//! Reports to OpenNebula and to the VM's log.
//!
//! Lines `INFO: <script>: <text>` go into the VM's log. Where OpenNebula reads the message of a failure
//! depends on its release:
//!
//! | release | the message is |
//! |---|---|
//! | up to 6.0.2 | the text between two marker lines |
//! | 6.0.3 to 6.10 | all of stderr |
//! | since 7.0 | all lines that are not log lines |
//!
//! So a failure is one line, with marker lines around it if the host's own `scripts_common.sh` writes them. Without a final
//! newline the front-end waits forever.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use one_sriov_system::unless_absent;

/// The line before a message up to 6.0.2 (`src/mad/sh/scripts_common.sh`).
const OPENING: &str = "ERROR MESSAGE --8<------";
/// The line after a message.
const CLOSING: &str = "ERROR MESSAGE ------>8--";

/// The report of an action, on stderr.
#[derive(Debug)]
pub struct Report {
    action: String,
    has_markers: bool,
    notes: Vec<String>,
}

impl Report {
    /// Creates the report of an action. The driver's actions are in `home`.
    #[must_use]
    pub fn new(home: &Path, action: &str) -> Self {
        let path = home.join("../../scripts_common.sh");
        let common = unless_absent(fs::read(&path), Vec::new()).unwrap_or_else(|error| {
            log::warn!("failed to read '{}': {error}", path.display());
            Vec::new()
        });
        let marker = b"ERROR MESSAGE --8";
        Self {
            action: action.to_owned(),
            has_markers: common.windows(marker.len()).any(|window| window == marker),
            notes: Vec::new(),
        }
    }

    /// Adds a line for the VM's log. It is printed at the end, because the cause of a failure comes first.
    pub fn note(&mut self, text: &str) {
        self.notes.push(one_line(text));
    }

    /// Prints the added lines.
    pub fn finish(mut self) {
        self.flush();
    }

    /// Prints the added lines while the action continues.
    pub fn flush(&mut self) {
        let lines = self.notes.drain(..);
        let lines = lines.map(|note| format!("INFO: {}: {note}\n", self.action));
        say(&lines.collect::<String>());
    }

    /// Prints why the action failed.
    pub fn fail(self, message: &str) {
        let message = sentence(&one_line(message));
        if self.has_markers {
            say(&format!("{OPENING}\n{message}\n{CLOSING}\n"));
        } else {
            say(&format!("{message}\n"));
        }
        self.finish();
    }
}

/// Prints in one write, so that lines of several processes do not mix.
fn say(text: &str) {
    // Fails only if the front-end has closed the pipe.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Adds a full stop to the message, because OpenNebula appends `ExitCode: 1` to the last word.
fn sentence(message: &str) -> String {
    let stop = if message.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{message}{stop}")
}

fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !c.is_control()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_in_one_full_stop() {
        assert_eq!(sentence("no such file"), "no such file.");
        assert_eq!(sentence("It ended."), "It ended.");
    }

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        assert_eq!(one_line("a\n b\r\n\tc\u{1b}[0m"), "a b c[0m");
    }
}
