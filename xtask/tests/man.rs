//! The committed man page is the one of this source.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use one_sriov_agent::cli::Exit;

const COMMITTED: &str = include_str!("../../packaging/man/one-sriov-agent.8");

#[test]
fn the_committed_page_is_what_the_source_makes() {
    let page = String::from_utf8(one_sriov_xtask::man().unwrap()).unwrap();
    assert!(
        page == COMMITTED,
        "the man page is stale; 'make man' makes it anew:\n{page}"
    );
}

#[test]
fn the_page_names_every_exit_code() {
    let (_, status) = COMMITTED
        .split_once(".SH \"EXIT STATUS\"\n")
        .expect("a section");
    let status = status.split(".SH").next().unwrap();
    let listed: Vec<&str> = status
        .lines()
        .filter_map(|line| line.strip_prefix("\\fB")?.strip_suffix("\\fR"))
        .collect();
    let all = [
        Exit::Ok,
        Exit::Failure,
        Exit::Usage,
        Exit::Context,
        Exit::Partial,
        Exit::Busy,
    ];
    let codes: Vec<String> = all.iter().map(|&exit| (exit as u8).to_string()).collect();
    assert_eq!(listed, codes);
}
