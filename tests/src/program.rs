//! Programs that tests write.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable file, creating its directories.
///
/// Another process writes it: otherwise a child that another thread starts might inherit the file open for writing, and the
/// kernel would refuse to execute it.
pub fn write_program(path: &Path, text: &str) {
    let mut child = Command::new("sh")
        .args(["-c", r#"mkdir -p "${0%/*}" && cat >"$0" && chmod 755 "$0""#])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(text.as_bytes())
        .expect("a shell that reads");
    drop(stdin);
    let status = child.wait().expect("a child");
    assert!(status.success(), "failed to write '{}'", path.display());
}

/// Copies an executable file, in another process for the same reason as [`write_program`].
pub fn copy_program(from: &Path, to: &Path) {
    let status = Command::new("install")
        .args(["-D", "-m", "755"])
        .args([from, to])
        .status()
        .expect("failed to run install");
    assert!(status.success(), "failed to make '{}'", to.display());
}

/// Runs a program and returns its output, standard error last.
///
/// # Panics
/// If the program fails.
pub fn said(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{all}",
        output.status
    );
    all
}
