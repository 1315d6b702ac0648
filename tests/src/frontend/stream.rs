//! Actions of a chain: commands written to one `bash -s` that stays open.

use std::path::Path;

use super::FrontEnd;
use super::answer::{Hang, Raw};
use super::process::{Event, Pipe, Process};

const MAGIC: i32 = 42;
const TELL_THE_END: &str = r#"echo "ExitCode: $? EOF_ERR" 1>&2; echo "EOF_OUT""#;

pub(super) fn run(
    frontend: &FrontEnd,
    script: &Path,
    command: &str,
    document: Option<&str>,
) -> Result<Raw, Hang> {
    let line = format!("ssh {} bash -s ; echo ExitSSHCode:  $? 1>&2", frontend.host);
    let process = Process::start(frontend.ssh.shell(&line), frontend.time_limit);
    let check = format!(
        r#"(if [ ! -x "{}" ]; then exit {MAGIC} 1>&2; fi); {TELL_THE_END}"#,
        script.display()
    );
    let answered = talk(&process, &format!("{check}\n")).and_then(|check| {
        let raw = talk(&process, &step(frontend, command, document))?;
        Ok(Raw {
            remotes_missing: check.exit_code == MAGIC,
            ..raw
        })
    });
    match answered {
        Ok(raw) => {
            process.write("\nexit\n");
            process.wait();
            Ok(raw)
        }
        Err(hang) => {
            process.kill();
            Err(hang)
        }
    }
}

fn step(frontend: &FrontEnd, command: &str, document: Option<&str>) -> String {
    let Some(document) = document else {
        return format!("({command}); {TELL_THE_END}\n");
    };
    let end = if frontend.release.quotes_documents() {
        "'EOT'"
    } else {
        "EOT"
    };
    format!("(cat << {end} | {command}); {TELL_THE_END}\n{document}\nEOT\n")
}

/// Runs a command in the shell, and waits for both markers.
fn talk(process: &Process, line: &str) -> Result<Raw, Hang> {
    process.write(line);
    let mut out = Vec::new();
    let mut err = Vec::new();
    let mut exit_code = None;
    let mut out_ended = false;
    while !(out_ended && exit_code.is_some()) {
        // The marker was appended to another program's line, where it isn't recognized, and no other will follow.
        let never = out_ended && err.ends_with(b" EOF_ERR\n");
        match if never {
            Event::Timeout
        } else {
            process.next()
        } {
            Event::Output(Pipe::Out, bytes) => {
                out.extend(bytes);
                out_ended |= cut(&mut out, b"EOF_OUT\n");
            }
            Event::Output(Pipe::Err, bytes) => {
                err.extend(bytes);
                if let Some(code) = marked_code(&err, " EOF_ERR\n", "ExitCode: ") {
                    exit_code = Some(code);
                    cut(&mut err, b" EOF_ERR\n");
                }
                // The shell has ended.
                if let Some(code) = marked_code(&err, "\n", "ExitSSHCode: ") {
                    err.extend(b"Error connecting");
                    exit_code = Some(code);
                    break;
                }
            }
            Event::End | Event::Timeout => {
                return Err(Hang {
                    stdout: text(&out),
                    stderr: text(&err),
                });
            }
        }
    }
    Ok(Raw {
        exit_code: exit_code.unwrap_or(-1),
        stdout: text(&out),
        stderr: text(&err),
        logs_always: true,
        remotes_missing: false,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Removes the first occurrence.
fn cut(from: &mut Vec<u8>, what: &[u8]) -> bool {
    let found = from.windows(what.len()).position(|part| part == what);
    if let Some(at) = found {
        from.drain(at..at + what.len());
    }
    found.is_some()
}

/// The code of a complete line such as `ExitCode: 1 EOF_ERR`.
fn marked_code(err: &[u8], end: &str, start: &str) -> Option<i32> {
    let text = text(err);
    let complete = text.split_inclusive('\n');
    complete
        .filter_map(|line| line.strip_suffix(end))
        .find_map(|line| line.strip_prefix(start)?.parse().ok())
}
