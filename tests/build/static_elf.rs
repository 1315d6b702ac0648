//! The binaries need no libc, because a guest or host may have any kind and version.

use std::path::Path;
use std::process::Command;

use crate::binaries::Program;

#[test]
fn the_binaries_of_this_machine_are_static() {
    for program in Program::ALL {
        check(&program.here(), std::env::consts::ARCH);
    }
}

#[test]
fn the_binaries_for_aarch64_are_static() {
    for program in Program::ALL {
        check(&program.aarch64(), "aarch64");
    }
}

fn check(binary: &Path, arch: &str) {
    let header = readelf("--file-header", binary);
    let machine = if arch == "x86_64" {
        "X86-64"
    } else {
        "AArch64"
    };
    assert!(header.contains(machine), "no {arch} binary:\n{header}");
    let segments = readelf("--program-headers", binary);
    assert!(
        !segments.contains("INTERP"),
        "it needs a dynamic linker:\n{segments}"
    );
    assert!(
        segments.contains("GNU_STACK") && !segments.contains("RWE"),
        "its stack or another writable segment is executable:\n{segments}"
    );
    let dynamic = readelf("--dynamic", binary);
    assert!(
        !dynamic.contains("(NEEDED)"),
        "it needs libraries:\n{dynamic}"
    );
    let ldd = output(Command::new("ldd").arg(binary));
    let says = ["statically linked", "not a dynamic executable"];
    assert!(
        says.iter().any(|text| ldd.contains(text)),
        "ldd says:\n{ldd}"
    );
}

pub(crate) fn readelf(what: &str, binary: &Path) -> String {
    output(Command::new("readelf").args([what, "--wide"]).arg(binary))
}

fn output(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C").output().unwrap_or_else(|error| {
        panic!("{command:?} does not run ({error}); 'make setup' installs it")
    });
    [output.stdout, output.stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .concat()
}
