//! Runs every target on its committed corpus, and the targets that read text on all recorded contexts, too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::Path;

use one_sriov_agent::context::iso::Volume;

const CONTEXTS: &str = "../tests/fixtures/contexts";
const DOMAINS: &str = "../tests/fixtures/domains";

#[test]
fn grammar() {
    replay(one_sriov_fuzz::grammar, &["corpus/grammar", CONTEXTS]);
}

#[test]
fn iso() {
    replay(one_sriov_fuzz::iso, &["corpus/iso"]);
}

/// Seeds without a readable file would only test the first check.
#[test]
fn the_iso_seeds_contain_a_context() {
    for name in [
        "genisoimage-plain",
        "genisoimage-both",
        "xorriso-joliet",
        "xorriso-both",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("corpus/iso/{name}.seed"));
        let mut medium = vec![0; one_sriov_fuzz::SYSTEM_AREA];
        medium.extend(fs::read(path).unwrap());
        let mut volume = Volume::open(Cursor::new(medium)).unwrap();
        assert_eq!(volume.label(), "CONTEXT", "{name}");
        let text = volume
            .read_top_file("context.sh", 1 << 20)
            .unwrap()
            .unwrap();
        assert!(text.starts_with(b"ETH0_MAC="), "{name}");
    }
}

#[test]
fn files() {
    replay(one_sriov_fuzz::files, &["corpus/files", CONTEXTS]);
}

#[test]
fn domain() {
    replay(one_sriov_fuzz::domain, &["corpus/domain", DOMAINS]);
}

fn replay(target: fn(&[u8]), directories: &[&str]) {
    for directory in directories {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let entries = fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("failed to list '{}': {error}", directory.display()));
        let mut inputs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        inputs.sort();
        assert!(!inputs.is_empty(), "'{}' is empty", directory.display());
        for path in inputs {
            let input = fs::read(&path).unwrap();
            assert!(
                catch_unwind(|| target(&input)).is_ok(),
                "the target fails on '{}'",
                path.display()
            );
        }
    }
}
