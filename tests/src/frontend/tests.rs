//! The harness must interpret actions as real front-ends were observed to do.

use std::fs;
use std::time::Duration;

use super::*;
use crate::program::write_program;
use crate::remotes::{ACTIONS, Host};

const UUID: &str = "11111111-1111-1111-1111-111111111111";
const SHORT: Duration = Duration::from_secs(1);

/// A host whose driver has one action.
fn host(action: &str, body: &str) -> Host {
    let host = Host::default();
    let script = host.remotes().join("vmm/kvm-sriov").join(action);
    write_program(
        &script,
        &format!(
            "#!/bin/bash
{body}
"
        ),
    );
    host
}

fn frontend(release: Release, host: &Host) -> FrontEnd {
    FrontEnd::new(release, &host.remotes(), &host.home())
}

fn deploy(release: Release, body: &str) -> Reply {
    let host = host("deploy", body);
    frontend(release, &host).run("deploy", &["/ds/7/deployment.0", "node1"], 7, "<domain/>")
}

#[test]
fn the_deploy_id_is_the_first_word_of_stdout() {
    let long = "x".repeat(70_000);
    let cases = [
        (format!("echo {UUID}"), UUID, UUID),
        (format!("printf %s {UUID}"), UUID, UUID),
        (format!("echo; echo {UUID}"), UUID, UUID),
        (
            format!("echo {UUID}; echo noise >&2; echo 'ERROR: x: y' >&2"),
            UUID,
            UUID,
        ),
        (String::new(), "-", "-"),
        ("echo -".into(), "-", "-"),
        (
            "echo one-5 with spaces".into(),
            "one-5 with spaces",
            "one-5",
        ),
        (
            "echo garbage one; echo two".into(),
            "garbage one\ntwo",
            "garbage",
        ),
        ("head -c 70000 /dev/zero | tr '\\0' x".into(), &long, &long),
    ];
    for (body, info, id) in cases {
        for release in Release::ALL {
            let answer = deploy(release, &body).answer();
            assert_eq!(
                (answer.exit_code, answer.success),
                (0, true),
                "{release}: {body}"
            );
            assert_eq!(answer.info, info, "{release}: {body}");
            assert_eq!(answer.deploy_id.as_deref(), Some(id), "{release}: {body}");
        }
    }
}

#[test]
fn a_failure_is_interpreted_as_by_the_release() {
    let block =
        r"printf '%s\n' 'ERROR MESSAGE --8<------' one two 'ERROR MESSAGE ------>8--' >&2; exit 1";
    let logged = "echo 'INFO: deploy: a' >&2; echo 'ERROR: deploy: b' >&2; echo plain >&2; exit 1";
    // The message that 6.0.2, 6.10 and 7.5 report to oned.
    let cases = [
        (
            block,
            "one\ntwo",
            "ERROR MESSAGE --8<------ one two ERROR MESSAGE ------>8-- ExitCode: 1",
            "ERROR MESSAGE --8<------onetwoERROR MESSAGE ------>8--ExitCode: 1",
        ),
        (
            logged,
            "-",
            "INFO: deploy: a ERROR: deploy: b plain ExitCode: 1",
            "plainExitCode: 1",
        ),
        ("exit 1", "-", "ExitCode: 1", "ExitCode: 1"),
        ("echo out; exit 1", "-", "ExitCode: 1", "ExitCode: 1"),
        (
            "echo err 255 >&2; exit -1",
            "-",
            "err 255 ExitCode: 255",
            "err 255ExitCode: 255",
        ),
        (
            "echo fortytwo >&2; exit 42",
            "-",
            "fortytwo ExitCode: 42",
            "fortytwoExitCode: 42",
        ),
        (
            "printf 'first line\\nsecond line\\n  third indented\\n' >&2; exit 1",
            "-",
            "first line second line   third indented ExitCode: 1",
            "first linesecond linethird indentedExitCode: 1",
        ),
    ];
    for (body, block, whole, glued) in cases {
        for release in Release::ALL {
            let answer = deploy(release, body).answer();
            let expected = match release.error_regime() {
                ErrorRegime::Block => block,
                ErrorRegime::Whole => whole,
                ErrorRegime::Glued => glued,
            };
            assert!(!answer.success, "{release}: {body}");
            assert_eq!(answer.info, expected, "{release}: {body}");
            assert_eq!(answer.deploy_id, None, "{release}: {body}");
            assert!(!answer.remotes_missing, "{release}: {body}");
        }
    }
}

#[test]
fn standard_error_without_its_last_newline_hangs() {
    for release in Release::ALL {
        let reply = deploy(release, &format!("echo {UUID}; printf oops >&2"));
        let Reply::Hung(hang) = reply else {
            panic!("{release}: {reply:?}")
        };
        assert_eq!(hang.stderr, "oopsExitCode: 0 EOF_ERR\n", "{release}");
        assert_eq!(hang.stdout, format!("{UUID}\n"), "{release}");
    }
}

#[test]
fn a_background_child_blocks_a_command_but_not_a_stream() {
    let body = "sleep 30 & echo token";
    for (action, release, hangs) in [
        ("deploy", Release::Head, false),
        ("deploy", Release::V4_0, false),
        ("snapshot_create", Release::V5_12, true),
    ] {
        let host = host(action, body);
        // Shorter than the child's life, because nothing else waits for the child.
        let time_limit = if hangs {
            SHORT
        } else {
            Duration::from_secs(20)
        };
        let frontend = frontend(release, &host).with_time_limit(time_limit);
        let reply = frontend.run(action, &["one-7", "0"], 7, "<x/>");
        assert_eq!(reply.is_hang(), hangs, "{release}: {action}");
    }
}

#[test]
fn a_killed_script_is_a_failure() {
    let answer = deploy(Release::Head, "kill -9 $$").answer();
    assert_eq!(answer.exit_code, 137);
    assert!(answer.info.contains("Killed"), "{}", answer.info);
    assert!(answer.info.contains("<domain/>"), "{}", answer.info);
    let answer = deploy(Release::Head, "kill -9 $PPID; sleep 5").answer();
    assert!(!answer.success);
}

#[test]
fn a_missing_script_has_the_remotes_copied() {
    let host = host("deploy", "");
    for (release, action) in [
        (Release::V4_0, "cancel"),
        (Release::Head, "cancel"),
        (Release::Head, "resize"),
    ] {
        let answer = frontend(release, &host)
            .run(action, &["one-7"], 7, "<x/>")
            .answer();
        assert!(answer.remotes_missing, "{release}: {action}");
        assert!(!answer.success, "{release}: {action}");
    }
}

#[test]
fn an_action_reads_the_stdin_that_its_release_provides() {
    let document = "<a>\n  <b/>\n</a>";
    let host = host("x", "cat >\"$HOME/seen\"");
    let seen = host.home().join("seen");
    let directory = host.remotes().join("vmm/kvm-sriov");
    for action in ACTIONS.iter() {
        fs::hard_link(directory.join("x"), directory.join(action)).unwrap();
    }
    for release in Release::ALL {
        for action in release.actions() {
            let mut frontend = frontend(release, &host);
            if release.stdin(action) == Stdin::Stream {
                frontend = frontend.with_time_limit(SHORT / 10);
            }
            let reply = frontend.run(action, &["one-7"], 7, document);
            let expected = match (release.stdin(action), release.transport(action)) {
                (Stdin::Stream, _) => {
                    assert!(reply.is_hang(), "{release}: {action}");
                    continue;
                }
                (Stdin::Empty, _) => String::new(),
                (Stdin::Document, Transport::Stream) => format!("{document}\n"),
                (Stdin::Document, Transport::Command) => document.to_owned(),
            };
            assert!(reply.answer().success, "{release}: {action}");
            assert_eq!(
                fs::read_to_string(&seen).unwrap(),
                expected,
                "{release}: {action}"
            );
        }
    }
}

#[test]
fn in_old_releases_a_shell_on_the_host_expands_the_document() {
    for release in Release::ALL {
        let host = host("deploy", r#"cat >"$HOME/seen""#);
        let document = r"<title>$USER `echo run` \\ \$ end</title>";
        let frontend = frontend(release, &host);
        let answer = frontend.run("deploy", &["f", "node1"], 7, document);
        assert!(answer.answer().success, "{release}");
        let seen = fs::read_to_string(host.home().join("seen")).unwrap();
        let expected = if release.quotes_documents() {
            format!("{document}\n")
        } else {
            "<title>oneadmin run \\ $ end</title>\n".into()
        };
        assert_eq!(seen, expected, "{release}");
    }
}

#[test]
fn arguments_and_environment_are_as_observed() {
    let body = r#"printf '%s\n' "$#" "$@" "$PWD" "$PATH" >"$HOME/seen"; env | cut -d= -f1 | sort | tr '\n' ' ' >>"$HOME/seen""#;
    let names = "HOME LOGNAME MAIL PATH PWD SHELL SHLVL SSH_CLIENT SSH_CONNECTION USER _ ";
    let cases = [
        (Release::V4_0, "attach_nic", vec!["one-7", "a", "b", "-"]),
        (Release::V4_14, "attach_nic", vec!["one-7", "a b", "-"]),
        (Release::Head, "attach_nic", vec!["-x", "a  b", ""]),
        (Release::Head, "exec", vec!["7", "node1", "ls -l"]),
    ];
    for (release, action, parameters) in cases {
        let host = host(action, body);
        let frontend = frontend(release, &host);
        let answer = frontend.run(action, &parameters, 7, "<x/>").answer();
        assert!(answer.success, "{release}: {answer:?}");
        let mut arguments = parameters;
        if action != "exec" {
            arguments.extend(["7", "node1"]);
        }
        let home = host.home().display().to_string();
        let expected = format!(
            "{}\n{}\n{home}\n/usr/local/bin:/usr/bin:/bin:/usr/games\n{names}",
            arguments.len(),
            arguments.join("\n")
        );
        let seen = fs::read_to_string(host.home().join("seen")).unwrap();
        assert_eq!(seen, expected, "{release}");
    }
}

#[test]
fn the_log_has_the_level_of_each_line() {
    let body = "echo 'INFO: deploy: a' >&2; echo 'ERROR: b' >&2; echo 'DEBUG: c' >&2; echo d >&2";
    let answer = deploy(Release::V5_12, body).answer();
    let expected = [
        (Level::Info, "deploy: a"),
        (Level::Error, "b"),
        (Level::Debug, "c"),
        (Level::Info, "d"),
        (Level::Info, "ExitCode: 0"),
    ]
    .map(|(level, text)| (level, text.to_owned()));
    assert_eq!(answer.log, expected);
}

#[test]
fn before_5_2_the_exit_code_of_a_command_is_read_from_its_last_line() {
    let cases = [
        ("echo snap-0", 0, true),
        ("exit 3", 3, false),
        // Not on its own line, so there is no exit code, and a success counts as a failure.
        ("echo snap-0; printf oops >&2", -1, false),
    ];
    for (body, code, success) in cases {
        let host = host("snapshot_create", body);
        let frontend = frontend(Release::V4_14, &host);
        let answer = frontend
            .run("snapshot_create", &["one-7", "0"], 7, "")
            .answer();
        assert_eq!(
            (answer.exit_code, answer.success),
            (code, success),
            "{body}"
        );
    }
}
