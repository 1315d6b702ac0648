//! The committed man pages match the source.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use one_sriov_xtask::Page;

const AGENT: &str = include_str!("../../packaging/man/one-sriov-agent.8");
const DRIVER: &str = include_str!("../../packaging/man/one-sriov-driver.8");

fn committed(page: Page) -> &'static str {
    match page {
        Page::Agent => AGENT,
        Page::Driver => DRIVER,
    }
}

#[test]
fn the_committed_man_pages_match_the_source() {
    for page in Page::ALL {
        let text = String::from_utf8(page.render().unwrap()).unwrap();
        assert!(
            text == committed(page),
            "the man page of {} is stale: run 'make man':\n{text}",
            page.name()
        );
    }
}

#[test]
fn the_man_page_of_the_settings_names_every_setting() {
    const KVMRC: &str = include_str!("../../packaging/man/one-sriov-kvmrc.5");
    let pool = "VF_IDENTITY_ POOL";
    for name in one_sriov_driver::config::Config::names()
        .into_iter()
        .chain([pool])
    {
        let heads = KVMRC.lines();
        let mut heads = heads.filter_map(|line| {
            line.strip_prefix(".B ")
                .or_else(|| line.strip_prefix(".BI "))
        });
        assert!(heads.any(|head| head == name), "{name}");
    }
}

#[test]
fn each_page_names_every_exit_code() {
    use one_sriov_agent::cli::Exit as Agent;
    use one_sriov_driver::cli::Exit as Driver;

    let agent = [
        Agent::Ok,
        Agent::Failure,
        Agent::Usage,
        Agent::Context,
        Agent::Partial,
        Agent::Busy,
    ];
    let driver = [
        Driver::Ok,
        Driver::Failure,
        Driver::Usage,
        Driver::Problems,
        Driver::Partial,
    ];
    assert_eq!(listed(AGENT), agent.map(|exit| (exit as u8).to_string()));
    assert_eq!(listed(DRIVER), driver.map(|exit| (exit as u8).to_string()));
}

/// Returns the codes in the section of a page.
fn listed(page: &str) -> Vec<&str> {
    let (_, status) = page.split_once(".SH \"EXIT STATUS\"\n").expect("a section");
    let status = status.split(".SH").next().unwrap();
    let lines = status.lines();
    lines
        .filter_map(|line| line.strip_prefix("\\fB")?.strip_suffix("\\fR"))
        .collect()
}
