//! Telling OpenNebula and the VM's log.
//!
//! Lines `INFO: <script>: <text>` go into the VM's log. The message of a failure is read
//! in one of three ways:
//!
//! | release | the message is |
//! |---|---|
//! | up to 6.0.2 | what stands between two marker lines |
//! | 6.0.3 to 6.10 | all of stderr |
//! | from 7.0 | all lines that are no log lines |
//!
//! So a failure is one line, and the marker lines stand around it where the host's own
//! `scripts_common.sh` writes them. Without a final newline the front-end waits for ever.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use one_sriov_system::unless_absent;

/// The start of a message up to 6.0.2 (`src/mad/sh/scripts_common.sh`).
const OPENING: &str = "ERROR MESSAGE --8<------";
/// Its end.
const CLOSING: &str = "ERROR MESSAGE ------>8--";

/// Where an action reports to: stderr.
#[derive(Debug)]
pub struct Report {
    action: String,
    has_markers: bool,
    notes: Vec<String>,
}

impl Report {
    /// For an action of the driver whose actions are in `home`.
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

    /// Keeps something for the VM's log: said at the end, since the cause of a failure comes first.
    pub fn note(&mut self, text: &str) {
        self.notes.push(one_line(text));
    }

    /// Says what was kept.
    pub fn finish(mut self) {
        self.flush();
    }

    /// The same while the action continues.
    pub fn flush(&mut self) {
        let lines = self.notes.drain(..);
        let lines = lines.map(|note| format!("INFO: {}: {note}\n", self.action));
        say(&lines.collect::<String>());
    }

    /// Says why the action failed.
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

/// One write, so that lines of several processes do not mix.
fn say(text: &str) {
    // The front-end has closed the pipe.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The message with a full stop: OpenNebula puts `ExitCode: 1` right behind the last word.
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
