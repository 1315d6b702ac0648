//! The demo prints what the tutorial shows, on real NICs and on files, and cleans up after itself.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use one_sriov_tests::{agent_path, driver_path, write_program};
use tempfile::TempDir;

/// The MACs of the demo's NICs.
const MACS: [&str; 2] = ["02:00:0a:00:00:0a", "aa:00:c0:a8:07:05"];

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo")
}

fn command(temp: &Path) -> Command {
    let mut command = Command::new(demo().join("run"));
    command
        .args([agent_path(), driver_path()])
        .env("TMPDIR", temp);
    command
}

/// A `PATH` whose `unshare` always fails.
fn without_namespaces(directory: &Path) -> String {
    write_program(&directory.join("unshare"), "#!/bin/sh\nexit 1\n");
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", directory.display())
}

/// The line that names the variant that ran, and the rest of its output.
fn variant_and_rest(output: Output) -> (String, String) {
    let error = String::from_utf8(output.stderr).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{error}");
    assert_eq!(error, "");
    let names_variant = |line: &&str| line.starts_with("NICs: ");
    let variant = text.lines().find(names_variant).unwrap().to_owned();
    let rest = text.replace(&format!("{variant}\n"), "");
    (variant, rest)
}

/// The expected output, without the line that names the variant.
fn expected(variant: &str) -> String {
    let text = fs::read_to_string(demo().join("expected.txt")).unwrap();
    let names_variant = |line: &&str| line.starts_with("NICs: ");
    let real = text.lines().find(names_variant).unwrap();
    assert!(
        variant == real || variant.contains("files stand in for all of them"),
        "{variant}"
    );
    text.replace(&format!("{real}\n"), "")
}

/// What a run could leave behind: network namespaces, sysfs mounts, and network devices with the demo's MACs.
fn traces() -> Vec<String> {
    let list = |directory: &str| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts
        .lines()
        .filter(|mount| mount.contains(" sysfs "))
        .map(str::to_owned);
    let namespaces = list("/run/netns")
        .into_iter()
        .map(|path| path.display().to_string());
    let has_mac = |path: &PathBuf| {
        let address = fs::read_to_string(path.join("address")).unwrap_or_default();
        MACS.contains(&address.trim())
    };
    let devices = list("/sys/class/net").into_iter().filter(has_mac);
    let devices = devices.map(|path| path.display().to_string());
    let mut traces: Vec<String> = mounts.chain(namespaces).chain(devices).collect();
    traces.sort();
    traces
}

/// The number of processes of a run, found by their TMPDIR. An unnamed namespace lives as long as its processes.
fn processes_of(temp: &Path) -> usize {
    let mark = format!("TMPDIR={}\0", temp.display()).into_bytes();
    let is_of_run = |environment: Vec<u8>| {
        environment
            .windows(mark.len())
            .any(|part| part == mark.as_slice())
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("environ")).ok())
        .filter(|environment| is_of_run(environment.clone()))
        .count()
}

#[test]
fn the_demo_prints_the_expected_output_and_leaves_nothing_behind() {
    let temp = TempDir::new().unwrap();
    let before = traces();
    let (variant, rest) = variant_and_rest(command(temp.path()).output().unwrap());
    assert_eq!(rest, expected(&variant));
    assert_eq!(traces(), before);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    assert_eq!(processes_of(temp.path()), 0);
}

#[test]
fn without_namespaces_the_demo_says_so_and_prints_the_same() {
    let (temp, stubs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut command = command(temp.path());
    command
        .env("PATH", without_namespaces(stubs.path()))
        .env_remove("DEMO_REQUIRE_REAL");
    let (variant, rest) = variant_and_rest(command.output().unwrap());
    assert!(variant.contains("files stand in for all"), "{variant}");
    assert_eq!(rest, expected(&variant));
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn the_demo_fails_without_real_nics_if_they_are_required() {
    let (temp, stubs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut command = command(temp.path());
    command
        .env("PATH", without_namespaces(stubs.path()))
        .env("DEMO_REQUIRE_REAL", "1");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("demo: no real NICs: "), "{error}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn a_failing_agent_fails_the_demo() {
    let temp = TempDir::new().unwrap();
    let mut command = Command::new(demo().join("run"));
    let output = command
        .arg("/bin/true")
        .arg(driver_path())
        .env("TMPDIR", temp.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn a_failing_driver_fails_the_demo() {
    let temp = TempDir::new().unwrap();
    let mut command = Command::new(demo().join("run"));
    let output = command
        .args([agent_path().as_path(), Path::new("/bin/false")])
        .env("TMPDIR", temp.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn the_tutorial_shows_what_the_demo_prints() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(tree.join("../docs/tutorial/demo.md")).unwrap();
    let printed = fs::read_to_string(tree.join("demo/expected.txt")).unwrap();
    let indent = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("    {line}\n"),
    };
    let shown: String = printed.lines().map(indent).collect();
    assert!(
        page.contains(&shown),
        "docs/tutorial/demo.md shows another output than tests/demo/expected.txt"
    );
}
