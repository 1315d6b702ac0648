//! The fastest possible stand-ins for the programs of a deployment: `virsh`, `sudo`, `ip` and the stock `deploy`. They keep no
//! state, and their time is subtracted when a driver is measured.
//!
//! libvirt's answers are in `<root>/state/list` and `<root>/state/dump`. If `<root>/state/calls` exists, each call adds a line.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let mut words = std::env::args();
    let name = words.next().expect("a name");
    let name = name.rsplit('/').next().expect("a last part").to_owned();
    let words: Vec<String> = words.collect();
    let root = PathBuf::from(std::env::var_os("ONE_SRIOV_ROOT").expect("ONE_SRIOV_ROOT is set"));
    log(&root, &name, &words);
    match name.as_str() {
        "virsh" if words.iter().any(|word| word == "list") => print(&root.join("state/list")),
        "virsh" => print(&root.join("state/dump")),
        "ip" => {}
        "sudo" => {
            let error = Command::new(&words[1]).args(&words[2..]).exec();
            panic!("{words:?}: {error}");
        }
        "deploy" => {
            let mut domain = Vec::new();
            io::stdin().read_to_end(&mut domain).expect("a domain");
            let kept = root.join("state/deployed");
            if kept.exists() {
                fs::write(kept, domain).expect("failed to keep the domain");
            }
            println(b"one-1\n");
        }
        _ => panic!("'{name}' is not a program of this host"),
    }
}

fn log(root: &Path, name: &str, words: &[String]) {
    if let Ok(mut log) = OpenOptions::new()
        .append(true)
        .open(root.join("state/calls"))
    {
        let line = format!("{name} {}\n", words.join(" "));
        log.write_all(line.as_bytes())
            .expect("failed to record the call");
    }
}

fn print(file: &Path) {
    println(&fs::read(file).expect("the output of libvirt"));
}

fn println(text: &[u8]) {
    io::stdout()
        .write_all(text)
        .expect("failed to write to stdout");
}
