//! A guest reads the agent from a cold disk, once per boot.

use std::path::Path;

use crate::binaries;
use crate::static_elf::readelf;

const LARGEST: u64 = 3_000_000;

#[test]
fn the_binaries_are_small_and_stripped() {
    for binary in [binaries::here(), binaries::aarch64()] {
        check(binary);
    }
}

fn check(binary: &Path) {
    let size = binary.metadata().expect("a binary").len();
    assert!(size < LARGEST, "'{}' has {size} bytes", binary.display());
    let sections = readelf("--section-headers", binary);
    for section in [".symtab", ".debug_info"] {
        assert!(
            !sections.contains(section),
            "'{}' has {section}",
            binary.display()
        );
    }
}
