//! Recorded calls of actions.

use std::fs;
use std::path::Path;

/// A recorded call.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The release, as its directory is named: `5.12`.
    pub release: String,
    /// The action: `attach_nic`.
    pub action: String,
    /// The arguments.
    pub arguments: Vec<String>,
    /// Standard input, if any.
    pub stdin: Option<String>,
}

impl Recorded {
    /// Reads a call, by release and action.
    #[must_use]
    pub fn read(release: &str, action: &str) -> Self {
        let directory = crate::fixture(&format!("actions/{release}/{action}"));
        let arguments = fs::read_to_string(directory.join("argv")).expect("arguments");
        Self {
            release: release.into(),
            action: action.into(),
            arguments: arguments.lines().map(str::to_owned).collect(),
            stdin: fs::read_to_string(directory.join("stdin")).ok(),
        }
    }

    /// Reads all recorded calls.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let names = |directory: &Path| {
            let entries = fs::read_dir(directory).expect("a directory");
            let mut names: Vec<String> = entries
                .map(|entry| entry.expect("an entry").file_name())
                .map(|name| name.into_string().expect("a name"))
                .collect();
            names.sort();
            names
        };
        let root = crate::fixture("actions");
        let mut all = Vec::new();
        for release in names(&root) {
            for action in names(&root.join(&release)) {
                all.push(Self::read(&release, &action));
            }
        }
        all
    }

    /// The document that the front-end passes on, without the newline that a stream adds.
    #[must_use]
    pub fn document(&self) -> &str {
        let stdin = self.stdin.as_deref().unwrap_or_default();
        stdin.strip_suffix('\n').unwrap_or(stdin)
    }
}
