//! Actions that are not part of a chain: a separate command, whose outputs are read to their ends.

use std::path::Path;

use super::FrontEnd;
use super::answer::{Hang, Raw};
use super::process::{Event, Pipe, Process};

pub(super) fn run(
    frontend: &FrontEnd,
    script: &Path,
    command: &str,
    document: Option<&str>,
) -> Result<Raw, Hang> {
    let reads_codes = frontend.release.reads_exit_codes();
    let line = format!(
        r#"ssh {}{} 'if [ -x "{}" ]; then {command}; else exit 42; fi'{}"#,
        if document.is_none() { "-n " } else { "" },
        frontend.host,
        script.display(),
        if reads_codes {
            " ; echo ExitCode: $? 1>&2"
        } else {
            ""
        },
    );
    let mut process = Process::start(frontend.ssh.shell(&line), frontend.time_limit);
    process.write(document.unwrap_or_default());
    process.close();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        match process.next() {
            Event::Output(Pipe::Out, bytes) => out.extend(bytes),
            Event::Output(Pipe::Err, bytes) => err.extend(bytes),
            Event::End => break,
            Event::Timeout => {
                process.kill();
                return Err(Hang {
                    stdout: String::from_utf8_lossy(&out).into_owned(),
                    stderr: String::from_utf8_lossy(&err).into_owned(),
                });
            }
        }
    }
    let stderr = String::from_utf8_lossy(&err).into_owned();
    let status = process.wait();
    let exit_code = if reads_codes {
        written_code(&stderr)
    } else {
        status
    };
    Ok(Raw {
        exit_code: exit_code.unwrap_or(-1),
        stdout: String::from_utf8_lossy(&out).into_owned(),
        remotes_missing: exit_code == Some(42),
        stderr,
        logs_always: false,
    })
}

/// The code of the first line such as `ExitCode: 1`, whichever program wrote it.
fn written_code(stderr: &str) -> Option<i32> {
    let mut lines = stderr.lines();
    lines.find_map(|line| line.strip_prefix("ExitCode: ")?.parse().ok())
}
