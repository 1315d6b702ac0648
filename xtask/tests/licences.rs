//! The committed notices match the source.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use one_sriov_xtask::{PROGRAMS, licences};

#[test]
fn the_committed_notices_match_the_lock_file() {
    for program in PROGRAMS {
        let path = format!(
            "{}/../packaging/licences/{program}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        let committed = std::fs::read_to_string(&path).expect(&path);
        assert!(
            licences::render(program).unwrap() == committed,
            "'{path}' is stale: run 'make licences'"
        );
    }
}

#[test]
fn a_notice_has_the_licences_of_exactly_the_linked_crates() {
    let notice = licences::render("one-sriov-driver").unwrap();
    let crates: Vec<&str> = notice
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split(' ').next())
        .collect();
    for linked in ["clap", "nix", "quick-xml", "serde_json"] {
        assert!(crates.contains(&linked), "{linked}: {notice}");
    }
    // These run in the compiler, or are only in the agent.
    for other in ["clap_derive", "syn", "unicode-ident", "ipnetwork", "hwaddr"] {
        assert!(!crates.contains(&other), "{other}: {notice}");
    }
    // MIT requires its notice in all copies: of crates that offer no other licence, and of the C library.
    for holder in ["nix-rust", "Johann Tuffe", "Rich Felker"] {
        let copyright = notice.lines().filter(|line| line.contains("Copyright"));
        assert_eq!(
            copyright.filter(|line| line.contains(holder)).count(),
            1,
            "{holder}: {notice}"
        );
    }
}
