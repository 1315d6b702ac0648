//! The launcher when the driver is missing, or hasn't been copied yet.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use one_sriov_tests::{Host, install_remotes, write_program};

use crate::stand_in::{assert_prints, driver, host, printed, shells, text};

const ARCH: &str = std::env::consts::ARCH;
/// More time than any machine needs to start a shell.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A stand-in for `sleep` that reports its call, and returns when the test allows it.
struct Sleep {
    directory: PathBuf,
}

impl Sleep {
    fn new(host: &Host) -> Self {
        let directory = host.path("sleep");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        let sleep = Self { directory };
        for name in ["called", "return"] {
            mkfifo(&sleep.directory.join(name), Mode::S_IRWXU).unwrap();
        }
        sleep.set_body("d=${0%/*}; echo called >$d/called; read -r _ <$d/return");
        sleep
    }

    /// A `sleep` that returns at once.
    fn none(host: &Host) -> Self {
        let sleep = Self::new(host);
        sleep.set_body("echo x >>${0%/*}/count");
        sleep
    }

    fn set_body(&self, body: &str) {
        write_program(
            &self.directory.join("sleep"),
            &format!("#!/bin/sh\n{body}\n"),
        );
    }

    fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.directory.display())
    }

    /// Runs `what` while the launcher waits.
    fn meanwhile(&self, what: impl FnOnce()) {
        let called = self.directory.join("called");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(fs::read(called)));
        let called = receiver.recv_timeout(TIME_LIMIT);
        called.expect("the launcher does not wait").unwrap();
        what();
        let mut fifo = OpenOptions::new()
            .write(true)
            .open(self.directory.join("return"))
            .unwrap();
        fifo.write_all(b"\n").unwrap();
    }
}

/// A separate process that has a file open for writing; children of other tests would inherit this process's descriptor.
struct Writer(Child);

impl Writer {
    fn of(path: &Path) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", r#"exec 9>>"$0"; echo open; read -r _"#])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 5];
        let stdout = child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"open\n");
        Self(child)
    }

    fn close(mut self) {
        self.0.wait().unwrap();
    }
}

/// The shells that call the stand-in for `sleep`; a busybox may have a built-in `sleep`.
fn shells_with_external_sleep() -> Vec<Vec<String>> {
    let mut shells = shells();
    shells.retain(|shell| {
        let output = Command::new(&shell[0])
            .args(&shell[1..])
            .args(["-c", "command -v sleep"])
            .output();
        output.unwrap().stdout.starts_with(b"/")
    });
    shells
}

fn scripts(host: &Host) -> PathBuf {
    host.remotes().join("vmm/kvm-sriov")
}

fn binary(host: &Host) -> PathBuf {
    scripts(host).join(format!("bin/1.0.0/{ARCH}/one-sriov-driver"))
}

fn start(shell: &[String], host: &Host, path: &str) -> Child {
    Command::new(&shell[0])
        .args(&shell[1..])
        .arg(scripts(host).join("deploy"))
        .args(["a b", "read-stdin"])
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Starts an action whose driver was moved away. Returns the driver's path, too, and the stand-in for `sleep`.
fn start_without_driver(shell: &[String]) -> (Host, PathBuf, Sleep, Child) {
    let host = host();
    let away = host.path("away");
    fs::rename(scripts(&host).join("bin"), &away).unwrap();
    let sleep = Sleep::new(&host);
    let child = start(shell, &host, &sleep.path());
    (host, away, sleep, child)
}

fn finish(mut child: Child) -> Output {
    let mut stdin = child.stdin.take().unwrap();
    // The action may have ended already.
    let _ = stdin.write_all(b"<domain/>\n");
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The driver stand-in's output. It shows that nothing has read stdin before the driver.
fn expected(host: &Host, version: &str) -> String {
    let home = scripts(host).display().to_string();
    let arguments = [
        "action",
        "--home",
        &home,
        "--",
        "deploy",
        "a b",
        "read-stdin",
    ];
    printed(&arguments, version).replace("\nversion", "\nstdin \"<domain/>\\n\"\nversion")
}

/// Asserts that the driver has run, whatever messages the shell printed.
#[track_caller]
fn assert_works(output: &Output, host: &Host, shell: &[String]) {
    let context = format!("{shell:?}: {output:?}");
    assert_eq!(text(&output.stdout), expected(host, "1.0.0"), "{context}");
    assert!(output.status.success(), "{context}");
}

#[test]
fn another_version_runs_while_the_expected_one_is_missing() {
    let host = host();
    let directory = scripts(&host).join("bin");
    fs::rename(directory.join("1.0.0"), directory.join("0.9.0")).unwrap();
    for shell in shells() {
        let output = finish(start(&shell, &host, "/usr/bin:/bin"));
        assert_prints(&output, &expected(&host, "1.0.0"), &format!("{shell:?}"));
    }
}

#[test]
fn the_launcher_waits_for_a_driver_that_is_copied_late() {
    for shell in shells_with_external_sleep() {
        let (host, away, sleep, child) = start_without_driver(&shell);
        sleep.meanwhile(|| ());
        sleep.meanwhile(|| fs::rename(&away, scripts(&host).join("bin")).unwrap());
        assert_prints(
            &finish(child),
            &expected(&host, "1.0.0"),
            &format!("{shell:?}"),
        );
    }
}

#[test]
fn an_action_waits_for_a_launcher_that_is_copied_late() {
    for shell in shells_with_external_sleep() {
        let host = host();
        let launch = scripts(&host).join("launch");
        let text = fs::read(&launch).unwrap();
        fs::remove_file(&launch).unwrap();
        let sleep = Sleep::new(&host);
        let child = start(&shell, &host, &sleep.path());
        sleep.meanwhile(|| fs::write(&launch, "").unwrap());
        sleep.meanwhile(|| fs::write(&launch, &text[..text.len() / 2]).unwrap());
        sleep.meanwhile(|| fs::write(&launch, text).unwrap());
        // Shells print different messages for a truncated file.
        assert_works(&finish(child), &host, &shell);
    }
}

#[test]
fn the_launcher_waits_for_a_driver_that_is_still_being_written() {
    for shell in shells_with_external_sleep() {
        let host = host();
        let sleep = Sleep::new(&host);
        let writer = Writer::of(&binary(&host));
        let child = start(&shell, &host, &sleep.path());
        sleep.meanwhile(|| ());
        sleep.meanwhile(|| writer.close());
        let output = finish(child);
        assert_works(&output, &host, &shell);
        // The shell's own message ends with a newline, too.
        assert!(output.stderr.ends_with(b"\n"), "{shell:?}: {output:?}");
    }
}

#[test]
fn the_launcher_waits_if_the_driver_is_deleted_just_before_it_runs() {
    for shell in shells_with_external_sleep() {
        let (host, away, sleep, child) = start_without_driver(&shell);
        // As while the next version is copied: the first two checks find a driver, which is then removed. The action is replaced
        // at the same time.
        let deploy = scripts(&host).join("deploy");
        let action = fs::read(&deploy).unwrap();
        let goes = format!("rm \"$0\"; : >'{}'; exit 2", deploy.display());
        for _ in 0..2 {
            sleep.meanwhile(|| write_program(&binary(&host), &format!("#!/bin/sh\n{goes}\n")));
            sleep.meanwhile(|| fs::write(&deploy, &action).unwrap());
        }
        sleep.meanwhile(|| {
            fs::remove_dir_all(scripts(&host).join("bin")).unwrap();
            fs::rename(&away, scripts(&host).join("bin")).unwrap();
        });
        assert_works(&finish(child), &host, &shell);
    }
}

#[test]
fn a_truncated_launcher_does_nothing() {
    let host = host();
    let launch = scripts(&host).join("launch");
    let whole = fs::read(&launch).unwrap();
    let body = whole.windows(3).rposition(|part| part == b"\n}\n").unwrap();
    let sleep = Sleep::none(&host);
    for shell in shells_with_external_sleep() {
        for length in (0..=body).step_by(97) {
            fs::write(&launch, &whole[..length]).unwrap();
            let output = finish(start(&shell, &host, &sleep.path()));
            let context = format!("{shell:?}, {length} bytes: {output:?}");
            assert!(output.stdout.is_empty(), "{context}");
            assert!(output.stderr.ends_with(b"\n"), "{context}");
            let code = output.status.code().unwrap();
            assert!(code != 0 && code != 42, "{context}");
        }
    }
}

#[test]
fn a_driver_that_is_never_copied_is_one_clear_error() {
    for shell in shells_with_external_sleep() {
        let host = host();
        fs::remove_dir_all(scripts(&host).join("bin")).unwrap();
        let sleep = Sleep::none(&host);
        let output = finish(start(&shell, &host, &sleep.path()));
        assert_gives_up(&output, &scripts(&host).join("bin"), ARCH);
        let waits = fs::read_to_string(sleep.directory.join("count")).unwrap();
        assert_eq!(waits.lines().count(), 10, "{shell:?}");
    }
}

#[test]
fn an_architecture_that_is_not_distributed_is_refused_at_once() {
    let other = if ARCH == "aarch64" {
        "x86_64"
    } else {
        "aarch64"
    };
    for shell in shells_with_external_sleep() {
        let host = Host::default();
        let program = driver(&host.path("driver"), "1.0.0");
        install_remotes(&host.remotes(), "1.0.0", &[(other, &program)]);
        let sleep = Sleep::none(&host);
        let output = finish(start(&shell, &host, &sleep.path()));
        assert_gives_up(&output, &scripts(&host).join("bin"), ARCH);
        assert!(text(&output.stderr).contains(other), "{shell:?}");
        assert!(!sleep.directory.join("count").exists(), "{shell:?} waited");
    }
}

#[track_caller]
fn assert_gives_up(output: &Output, directory: &Path, arch: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.ends_with('\n'), "{stderr}");
    assert!(
        stderr.contains(&directory.display().to_string()),
        "{stderr}"
    );
    assert!(stderr.contains(&format!(" {arch} ")), "{stderr}");
}
