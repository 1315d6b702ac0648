//! Writes files line by line, from typed tokens.

use std::fmt::{Display, Write};
use std::path::{Path, PathBuf};

use hwaddr::InterfaceName;

use crate::plan::{DummyNic, NicId, PlannedNic};
use crate::render::{HEADER, RenderedFile};

/// The text of one file: the header, then lines of typed tokens.
pub(super) struct Lines(String);

impl Lines {
    /// Starts a file for a NIC.
    pub(super) fn for_nic(nic: &PlannedNic) -> Self {
        Self(format!(
            "{HEADER} for {} from the context of the VM. Do not edit: edited files are not updated.\n",
            nic.label()
        ))
    }

    /// Starts a file that keeps a dummy NIC unmanaged.
    pub(super) fn for_dummy(dummy: &DummyNic) -> Self {
        let mut lines = Self(format!(
            "{HEADER}. Do not edit: edited files are not updated.\n"
        ));
        let position = dummy.mac.position();
        lines.raw(format_args!(
            "# Dummy NIC of SR-IOV NIC {position}: only its MAC matters. Leave it unmanaged."
        ));
        lines
    }

    /// Starts a file for the whole machine.
    pub(super) fn for_machine() -> Self {
        Self(format!(
            "{HEADER} from the context of the VM. Do not edit: edited files are not updated.\n"
        ))
    }

    /// Writes `[Section]`, after an empty line.
    pub(super) fn section(&mut self, name: &str) {
        self.raw(format_args!("\n[{name}]"));
    }

    /// Writes `KEY=value`. The value is a token: a number, an address, or a name with a strict grammar.
    pub(super) fn set(&mut self, key: &str, value: impl Display) {
        self.raw(format_args!("{key}={value}"));
    }

    /// Writes `KEY=value` if there is a value.
    pub(super) fn set_some(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Writes `KEY="value value"` unless the list is empty.
    pub(super) fn set_list(&mut self, key: &str, values: &[impl Display]) {
        if !values.is_empty() {
            let words: Vec<String> = values.iter().map(ToString::to_string).collect();
            self.raw(format_args!("{key}=\"{}\"", words.join(" ")));
        }
    }

    /// Writes a line in any other form.
    pub(super) fn raw(&mut self, line: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// Writes lines in any other form.
    pub(super) fn raw_all(&mut self, lines: &[String]) {
        for line in lines {
            self.raw(line);
        }
    }

    /// Returns the file, readable by everyone.
    pub(super) fn into_file(
        self,
        path: PathBuf,
        nic: NicId,
        device: &InterfaceName,
    ) -> RenderedFile {
        RenderedFile {
            path,
            mode: 0o644,
            text: self.0,
            nic,
            device: device.clone(),
        }
    }

    /// Returns the file, readable by root only: stacks reject files that others may read, or warn about them.
    pub(super) fn into_private_file(
        self,
        path: PathBuf,
        nic: NicId,
        device: &InterfaceName,
    ) -> RenderedFile {
        RenderedFile {
            mode: 0o600,
            ..self.into_file(path, nic, device)
        }
    }
}

/// Returns `<dir>/<kind>-<device>`.
pub(super) fn path(dir: &str, kind: &str, device: &InterfaceName) -> PathBuf {
    Path::new(dir).join(format!("{kind}-{device}"))
}

/// Returns ` metric 7`, the end of a route.
pub(super) fn metric(metric: Option<u32>) -> String {
    metric.map_or_else(String::new, |metric| format!(" metric {metric}"))
}
