//! The committed man pages are those of this source.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use one_sriov_agent::cli::Exit as OfAgent;
use one_sriov_driver::cli::Exit as OfDriver;
use one_sriov_xtask::{PROGRAMS, man, page};

const AGENT: &str = include_str!("../../packaging/man/one-sriov-agent.8");
const DRIVER: &str = include_str!("../../packaging/man/one-sriov-driver.8");

#[test]
fn the_committed_pages_are_what_the_source_makes() {
    for (program, committed) in PROGRAMS.into_iter().zip([AGENT, DRIVER]) {
        let page = page(program).expect("a page of its own");
        let made = String::from_utf8(man(&page).unwrap()).unwrap();
        assert!(
            made == committed,
            "the man page of {program} is stale; 'make man' makes it anew:\n{made}"
        );
    }
}

/// The section EXIT STATUS: the codes, and what stands below them.
fn exit_status(page: &str) -> (Vec<&str>, &str) {
    let (_, status) = page.split_once(".SH \"EXIT STATUS\"\n").expect("a section");
    let status = status.split(".SH").next().unwrap();
    let codes = status
        .lines()
        .filter_map(|line| line.strip_prefix("\\fB")?.strip_suffix("\\fR"));
    (codes.collect(), status)
}

#[test]
fn the_page_of_the_agent_names_every_exit_code() {
    let all = [
        OfAgent::Ok,
        OfAgent::Failure,
        OfAgent::Usage,
        OfAgent::Context,
        OfAgent::Partial,
        OfAgent::Busy,
    ];
    let codes = all.map(|exit| (exit as u8).to_string());
    assert_eq!(exit_status(AGENT).0, codes);
}

#[test]
fn the_page_of_the_driver_names_every_exit_code() {
    let all = [
        OfDriver::Ok,
        OfDriver::Failure,
        OfDriver::Usage,
        OfDriver::Problems,
        OfDriver::Partial,
    ];
    let codes = all.map(|exit| (exit as u8).to_string());
    let (listed, status) = exit_status(DRIVER);
    assert_eq!(listed, codes);
    let of_actions = ".PP\nAn action ends with the stock action\\*(Aqs code, or with 1.\n";
    assert!(status.contains(of_actions), "{status}");
}

#[test]
fn only_programs_have_a_page() {
    assert!(page("one-sriov-xtask").is_none());
}
