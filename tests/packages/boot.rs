//! A complete boot in QEMU: the installed package configures the NIC before the network starts, and takes only slightly longer
//! than a unit that does nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use one_sriov_tests::turn;

use crate::guest::{Guest, Report};
use crate::{can_run, said};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\nETH0_MASK='255.255.255.0'\nETH0_GATEWAY='10.0.0.1'\n";

/// Creates the CD of a VM on OpenNebula.
pub(crate) fn context_cd(directory: &Path) -> PathBuf {
    let cd = directory.join("context.iso");
    let context = directory.join("context");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("context.sh"), CONTEXT).unwrap();
    let mut genisoimage = Command::new("genisoimage");
    genisoimage.args(["-quiet", "-V", "CONTEXT", "-R", "-J", "-o"]);
    let _ = said(genisoimage.arg(&cd).arg(&context));
    cd
}

fn has_address(report: &Report) -> bool {
    let mut lines = report.all("address").iter();
    lines.any(|line| line.contains("10.0.0.5/24"))
}

/// Prints the shortest times of the units, in milliseconds.
fn print_times(report: &Report, title: &str) {
    for word in report.words() {
        let least = report.least(word);
        println!("{title}: {word} {}.{:03} ms", least / 1000, least % 1000);
    }
}

/// Asserts that the boot waits for the drive only until udev has processed the devices.
fn assert_waits_for_udev_alone(report: &Report) {
    let (agent, settle) = (report.least("boot-agent"), report.least("boot-settle"));
    assert!(
        agent <= settle + 3 * report.least("boot-confined"),
        "{}",
        report.text()
    );
}

#[test]
fn the_nic_is_configured_before_the_network_and_hardly_delays_the_boot() {
    if !can_run() {
        return;
    }
    let _turn = turn::alone();
    let guest = Guest::new();
    let directory = tempfile::tempdir().unwrap();

    let report = guest.boot(Some(&context_cd(directory.path())));
    print_times(&report, "with a CD");
    assert!(has_address(&report), "{}", report.text());
    assert_eq!(report.all("result"), ["success"]);
    let (finished, network) = (report.least("finished"), report.least("network"));
    assert!(finished < network, "{}", report.text());
    let wrote = report.all("journal").iter();
    let wrote = wrote.filter(|line| line.starts_with("wrote '/etc/systemd/network/"));
    assert_eq!(
        wrote.count(),
        1,
        "late runs find nothing to do: {}",
        report.text()
    );
    // The drive's own time doesn't count: a plain unit reads it, too.
    let bound = 9 * report.least("plain") + report.least("cd");
    assert!(report.least("agent") <= bound, "{}", report.text());
    assert_waits_for_udev_alone(&report);

    let report = guest.boot(None);
    print_times(&report, "without a CD");
    assert!(!has_address(&report), "{}", report.text());
    assert_eq!(report.all("result"), ["success"]);
    let nothing = "no context medium: nothing to do".to_owned();
    assert!(
        report.all("journal").contains(&nothing),
        "{}",
        report.text()
    );
    let bound = 3 * report.least("plain");
    assert!(report.least("agent") <= bound, "{}", report.text());
    assert_waits_for_udev_alone(&report);
}
