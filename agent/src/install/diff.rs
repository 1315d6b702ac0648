//! The changes as a unified diff, for `--dry-run`.

use std::fmt::Write;
use std::path::Path;

use similar::TextDiff;

use super::changes::{Changes, Foreign, Kind, NewFile};

/// Lines shown around a change.
const CONTEXT: usize = 3;
/// Parts of a variable's name that make its value a secret.
const SECRET: [&str; 8] = [
    "KEY",
    "PASS",
    "PASSWD",
    "PASSWORD",
    "PASSPHRASE",
    "PSK",
    "SECRET",
    "TOKEN",
];

/// All changes as one unified diff; empty if there are none.
///
/// Secrets in files of somebody else are hidden: a diff ends up in logs and tickets.
#[must_use]
pub fn diff(changes: &Changes) -> String {
    let mut out = String::new();
    for change in changes {
        let path = change.path.as_path();
        match &change.kind {
            Kind::Create(new) => unified(&mut out, path, None, Some(new)),
            Kind::Update { old, new } => {
                let old = String::from_utf8_lossy(&old.content);
                unified(&mut out, path, Some(&old), Some(new));
            }
            Kind::ReplaceForeign {
                old: Foreign::File(old),
                new,
            } => {
                let old = masked(&String::from_utf8_lossy(&old.content));
                unified(&mut out, path, Some(&old), Some(new));
            }
            Kind::ReplaceForeign {
                old: Foreign::Symlink(target),
                new,
            } => {
                // Text between the files of a diff is a remark.
                let (path, target) = (path.display(), target.display());
                line(
                    &mut out,
                    format_args!("Symbolic link {path} -> {target} is replaced"),
                );
                unified(&mut out, &change.path, None, Some(new));
            }
            Kind::FixMode { old, new } => {
                let path = path.display();
                line(&mut out, format_args!("diff --git a{path} b{path}"));
                line(
                    &mut out,
                    format_args!("old mode 100{old:03o}\nnew mode 100{new:03o}"),
                );
            }
            Kind::Remove(old) => {
                let old = String::from_utf8_lossy(&old.content);
                unified(&mut out, path, Some(&old), None);
            }
            Kind::Unchanged | Kind::Conflict(_) | Kind::ForeignLeft => {}
        }
    }
    out
}

fn unified(out: &mut String, path: &Path, old: Option<&str>, new: Option<&NewFile>) {
    let name = |side, there| {
        if there {
            format!("{side}{}", path.display())
        } else {
            "/dev/null".to_owned()
        }
    };
    let new_text = new.map_or("", |new| new.text.as_str());
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new_text);
    let (from, to) = (name('a', old.is_some()), name('b', new.is_some()));
    let mut diff = diff.unified_diff();
    let diff = diff.context_radius(CONTEXT).header(&from, &to);
    out.push_str(&diff.to_string());
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

fn masked(text: &str) -> String {
    let mask = |line: &str| match line.split_once('=') {
        Some((name, value)) if is_secret(name) => {
            let end = if value.ends_with('\n') { "\n" } else { "" };
            format!("{name}=(hidden){end}")
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(mask).collect()
}

fn is_secret(name: &str) -> bool {
    name.trim()
        .to_ascii_uppercase()
        .split('_')
        .any(|part| SECRET.contains(&part.trim_end_matches(|c: char| c.is_ascii_digit())))
}
