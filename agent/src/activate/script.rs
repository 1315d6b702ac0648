//! Tools with scripted answers, for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::tools::{Tools, line};
use super::work::{ActivationWork, Edit, Job};

/// Records calls, and answers them.
#[derive(Debug, Default)]
pub(super) struct Script {
    run: Vec<String>,
    answers: BTreeMap<String, Result<String, String>>,
}

impl Script {
    /// Makes a tool print something; all others print nothing.
    pub(super) fn prints(&mut self, what: &str, answer: &str) {
        self.answers.insert(what.to_owned(), Ok(answer.to_owned()));
    }

    pub(super) fn fails(&mut self, what: &str, why: &str) {
        let reason = format!("failed to run '{what}': {why}");
        self.answers.insert(what.to_owned(), Err(reason));
    }

    /// Returns the calls since this was last called.
    pub(super) fn taken(&mut self) -> Vec<String> {
        std::mem::take(&mut self.run)
    }
}

impl Tools for Script {
    fn run(&mut self, name: &str, args: &[&str]) -> Result<String, String> {
        let what = line(name, args);
        self.run.push(what.clone());
        self.answers
            .get(&what)
            .cloned()
            .unwrap_or(Ok(String::new()))
    }
}

/// Creates the work for one present device, with its files before and after.
pub(super) fn work(device: &str, edits: &[(&str, Option<&str>, Option<&str>)]) -> ActivationWork {
    let edits = edits.iter().map(|(path, old, new)| Edit {
        path: PathBuf::from(path),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
        is_changed: old != new,
    });
    ActivationWork {
        jobs: vec![Job {
            device: device.parse().expect("a name"),
            is_dummy: false,
            is_present: true,
            edits: edits.collect(),
        }],
    }
}
