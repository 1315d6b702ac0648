//! A run may be killed at any instant: by a power failure, or because the VM is destroyed while it boots.
//!
//! The test runs its own executable as a process that applies one set of files after another, and kills it with SIGKILL about two
//! hundred times.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod install_support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use install_support::{IFCFG, Machine, nic, run, text};
use one_sriov_agent::install::WantedFiles;
use one_sriov_agent::render::{HEADER, RenderedFile};
use one_sriov_system::Root;

const KILLS: u64 = 200;
/// Passes the target directory and the first generation to the process to kill.
const TARGET: &str = "INSTALL_KILL_TARGET";
const FIRST: &str = "INSTALL_KILL_FIRST";
const LINES: usize = 64;

/// The files of a generation; each line contains the generation, so that a mixture is detected.
fn generation(number: u64) -> WantedFiles<'static> {
    let file = |index: u64| {
        let path = match index {
            0..4 => format!("{IFCFG}ib{index}"),
            _ => format!("/etc/systemd/network/60-one-ib{index}.network"),
        };
        RenderedFile {
            path: path.into(),
            mode: mode(index.is_multiple_of(2)),
            text: text(&vec![format!("# generation {number}"); LINES].join("\n")),
            nic: nic(u8::try_from(index).unwrap()),
            device: format!("ib{index}").parse().unwrap(),
        }
    };
    // Files are also added and removed; the first one always exists.
    let files = (0..8).filter(|index| *index == 0 || !(number + index).is_multiple_of(3));
    WantedFiles {
        files: files.map(file).collect(),
        ..WantedFiles::default()
    }
}

fn mode(open: bool) -> u32 {
    if open { 0o644 } else { 0o600 }
}

/// Not a test: the process that [`a_kill_at_any_instant_does_no_harm`] starts and kills.
#[test]
fn victim() {
    let Some(target) = std::env::var_os(TARGET) else {
        return;
    };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let root = Root::new(target);
    std::io::stderr().write_all(b"!").unwrap();
    for number in first.. {
        run(&root, &generation(number)).unwrap();
    }
}

fn kill_one(target: &Path, first: u64, after: Duration) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(TARGET, target)
        .env(FIRST, first.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0];
    let mut stderr = victim.stderr.take().unwrap();
    stderr.read_exact(&mut ready).unwrap();
    thread::sleep(after);
    victim.kill().unwrap();
    let status = victim.wait().unwrap();
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), None, "it ended before it was killed: {said}");
}

/// Returns every file that a network stack would read: path on the machine, mode, content.
fn visible(machine: &Machine) -> Vec<(PathBuf, u32, String)> {
    let etc = machine.host("/etc");
    let file = |(path, (mode, _, _, content)): (PathBuf, (u32, _, _, Vec<u8>))| {
        let hidden = path
            .file_name()
            .unwrap()
            .as_encoded_bytes()
            .starts_with(b".");
        let is_file = mode & 0o170_000 == 0o100_000;
        (path.starts_with(&etc) && is_file && !hidden)
            .then(|| (path, mode & 0o7777, String::from_utf8(content).unwrap()))
    };
    machine.disk().into_iter().filter_map(file).collect()
}

fn assert_whole(path: &Path, mode: u32, content: &str) {
    let mut lines = content.lines();
    assert_eq!(lines.next(), Some(HEADER), "{}", path.display());
    let rest: Vec<_> = lines.collect();
    assert_eq!(rest.len(), LINES, "{} is cut", path.display());
    assert!(
        rest.iter().all(|line| *line == rest[0]),
        "{} is a mixture",
        path.display()
    );
    let digit = path
        .to_string_lossy()
        .bytes()
        .rfind(u8::is_ascii_digit)
        .unwrap();
    assert_eq!(
        mode,
        self::mode((digit - b'0').is_multiple_of(2)),
        "{}",
        path.display()
    );
}

fn backups(machine: &Machine) -> Vec<String> {
    let dir = machine.host("/var/lib/one-sriov/backup/etc/sysconfig/network-scripts");
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn a_kill_at_any_instant_does_no_harm() {
    // The kills are spread over the duration of a run, with a margin for a slow disk.
    let start = Instant::now();
    Machine::new().apply(&generation(0));
    let whole = start.elapsed().max(Duration::from_millis(10)).mul_f64(1.2);
    let machine = Machine::new();
    let foreign_path = format!("{IFCFG}ib0");
    let mut foreign = Vec::new();
    let (mut in_the_middle, mut with_temps, mut random) = (0, 0, 0x2545_f491_4f6c_dd1d_u64);
    for kill in 0..KILLS {
        // Sometimes a foreign file exists at the path at the start.
        if kill.is_multiple_of(4) {
            foreign.push(format!("DEVICE=ib0\n# of round {kill}\n"));
            machine.put(&foreign_path, foreign.last().unwrap());
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let part = if kill.is_multiple_of(4) { 4 } else { 1 };
        let share = u32::try_from(random % 1000).unwrap();
        let after = whole * share / 1000 / part;
        kill_one(machine.dir.path(), kill * 100_000, after);

        let state = machine
            .get("/var/lib/one-sriov/state.json")
            .unwrap_or_default();
        in_the_middle += u32::from(state.contains("\"unfinished\":true"));
        with_temps += u32::from(!machine.left_overs().is_empty());
        let mut standing = backups(&machine);
        for (path, mode, content) in visible(&machine) {
            if foreign.contains(&content) {
                standing.push(content);
            } else {
                assert_whole(&path, mode, &content);
            }
        }
        assert!(
            foreign.iter().all(|text| standing.contains(text)),
            "a foreign file is lost"
        );

        // The next run finishes, whether it wants the same files, other ones, or none.
        let want = match kill % 3 {
            0 => generation(kill),
            1 => generation(kill * 100_000),
            _ => WantedFiles::default(),
        };
        let still_there = machine
            .get(&foreign_path)
            .is_some_and(|text| foreign.contains(&text));
        let report = machine.apply(&want);
        assert!(report.conflicts.is_empty(), "{report:?}");
        assert_eq!(
            report.backed_up.len(),
            usize::from(still_there && !want.files.is_empty())
        );
        assert!(
            backups(&machine).iter().all(|text| foreign.contains(text)),
            "a file of the agent is in the backup"
        );
        let expected = want.files.len() + usize::from(still_there && want.files.is_empty());
        assert_eq!(visible(&machine).len(), expected);
        for file in &*want.files {
            assert_eq!(
                machine.get(file.path.to_str().unwrap()).as_ref(),
                Some(&file.text)
            );
        }
        assert_eq!(machine.left_overs(), Vec::<PathBuf>::new(), "round {kill}");
        let before = machine.disk();
        machine.apply(&want);
        assert_eq!(machine.disk(), before);
    }
    // Otherwise, the test has proved nothing.
    assert!(
        in_the_middle > 0 && with_temps > 0,
        "{in_the_middle} {with_temps}"
    );
    eprintln!("killed in the middle: {in_the_middle}, with temporary files: {with_temps}");
}
