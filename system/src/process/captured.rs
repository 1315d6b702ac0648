//! How a program ended, and its output.

use std::process::ExitStatus;

/// How a program ended, and its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, which the caller of [`Program::delegate`](super::Program::delegate) has to pass on.
    pub stdout: Vec<u8>,
    /// Its standard error. [`Program::delegate`](super::Program::delegate) has already passed it on, and keeps the last 4 KiB.
    pub stderr: Vec<u8>,
}

impl Captured {
    /// The last non-empty line of its standard error, trimmed and without control characters.
    #[must_use]
    pub fn stderr_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let lines = text.lines().rev();
        let mut lines = lines.map(|line| line.replace(char::is_control, "").trim().to_owned());
        lines.find(|line| !line.is_empty()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_last_one_that_is_not_blank() {
        for (stderr, line) in [
            ("", ""),
            ("\n \n", ""),
            ("error: no domain\n", "error: no domain"),
            ("one\n  two \n\n \t\n", "two"),
            ("\u{1b}[31merror\u{7}: x\r\n", "[31merror: x"),
            ("no end of line", "no end of line"),
        ] {
            let captured = Captured {
                status: ExitStatus::default(),
                stdout: Vec::new(),
                stderr: stderr.into(),
            };
            assert_eq!(captured.stderr_line(), line, "{stderr:?}");
        }
        let captured = Captured {
            status: ExitStatus::default(),
            stdout: Vec::new(),
            stderr: b"bad \xff\n".to_vec(),
        };
        assert_eq!(captured.stderr_line(), "bad \u{fffd}");
    }
}
