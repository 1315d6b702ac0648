//! Every action passes the front-end's arguments and input on to the driver.

use std::process::{Command, Stdio};

use one_sriov_tests::{ACTIONS, FrontEnd, Recorded, Release, Stdin};

use crate::stand_in::{assert_prints, host, printed, shells};

#[test]
fn the_driver_gets_the_arguments_of_every_action_of_every_release() {
    let host = host();
    let home = host.remotes().join("vmm/kvm-sriov").display().to_string();
    for release in Release::ALL {
        let frontend = FrontEnd::new(release, &host.remotes(), &host.home());
        for action in release.actions() {
            let answer = frontend.run(action, &["-x", "one-7"], 7, "<x/>").answer();
            assert!(answer.success, "{release}: {action}: {answer:?}");
            let mut arguments = vec!["action", "--home", &home, "--", action, "-x", "one-7"];
            if action != "exec" {
                arguments.extend(["7", "node1"]);
            }
            let expected = printed(&arguments, "1.0.0");
            assert_eq!(answer.stdout, expected, "{release}: {action}");
        }
    }
}

#[test]
fn every_action_of_every_release_is_distributed() {
    for release in Release::ALL {
        for action in release.actions() {
            assert!(ACTIONS.contains(&action), "{release}: {action}");
        }
    }
}

#[test]
fn recorded_calls_reach_the_driver_unchanged() {
    let host = host();
    let home = host.remotes().join("vmm/kvm-sriov").display().to_string();
    let releases = [
        ("4.0", Release::V4_0),
        ("4.14", Release::V4_14),
        ("5.4", Release::V5_4),
        ("5.12", Release::V5_12),
        ("6.10", Release::V6_10),
        ("7.5", Release::Head),
    ];
    let recorded = Recorded::all();
    assert!(
        recorded.len() > 50,
        "only {} calls are recorded",
        recorded.len()
    );
    for call in recorded {
        let (_, release) = releases
            .into_iter()
            .find(|(name, _)| *name == call.release)
            .expect("a known release");
        let reads = release.stdin(&call.action) == Stdin::Document;
        let mut given = call.arguments.clone();
        if reads {
            given.push("read-stdin".into());
        }
        let frontend = FrontEnd::new(release, &host.remotes(), &host.home());
        let answer = frontend
            .replay(&call.action, &given, call.document())
            .answer();
        let mut arguments = vec!["action", "--home", &home, "--", &call.action];
        arguments.extend(given.iter().map(String::as_str));
        let mut expected = format!("arguments {arguments:?}\n");
        if reads {
            expected += &format!("stdin {:?}\n", call.stdin.as_deref().unwrap());
        }
        expected += "version 1.0.0\n";
        assert_eq!(answer.stdout, expected, "{} {}", call.release, call.action);
    }
}

#[test]
fn an_action_finds_the_driver_by_any_path_and_in_every_shell() {
    let host = host();
    let remotes = host.remotes();
    let directory = remotes.join("vmm/kvm-sriov");
    let home = directory.display().to_string();
    let hostile = [
        "",
        "a b",
        "-n",
        "--",
        "'",
        "$(exit 3)",
        "*",
        "two\nlines",
        "\\",
    ];
    let ways = [
        (host.home(), directory.join("exec").display().to_string()),
        (remotes.clone(), "vmm/kvm-sriov/exec".into()),
        (directory.clone(), "./exec".into()),
        (directory.clone(), "exec".into()),
    ];
    for shell in shells() {
        for (cwd, script) in &ways {
            let output = Command::new(&shell[0])
                .args(&shell[1..])
                .arg(script)
                .args(hostile)
                .current_dir(cwd)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let relative = match script.rsplit_once('/') {
                Some((".", _)) | None => format!("{home}/."),
                Some(_) => home.clone(),
            };
            let mut arguments = vec!["action", "--home", &relative, "--", "exec"];
            arguments.extend(hostile);
            let expected = printed(&arguments, "1.0.0");
            assert_prints(&output, &expected, &format!("{shell:?} {script}"));
        }
    }
}

#[test]
fn an_action_can_be_called_by_name_through_path() {
    let host = host();
    let directory = host.remotes().join("vmm/kvm-sriov").display().to_string();
    let output = Command::new("sh")
        .args(["-c", "snapshot_create a"])
        .env("PATH", format!("{directory}:/usr/bin:/bin"))
        .output()
        .unwrap();
    let arguments = ["action", "--home", &directory, "--", "snapshot_create", "a"];
    assert_prints(&output, &printed(&arguments, "1.0.0"), "by name");
}
