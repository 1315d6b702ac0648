//! Size matters: a guest reads the agent from a cold disk at every boot, and a front-end copies the driver to all hosts.

use std::path::Path;

use crate::binaries::Program;
use crate::static_elf::readelf;

const LARGEST: u64 = 3_000_000;

#[test]
fn the_binaries_are_small_and_stripped() {
    for program in Program::ALL {
        check(&program.here());
        check(&program.aarch64());
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
