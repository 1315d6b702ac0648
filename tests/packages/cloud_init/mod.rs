//! Boots with cloud-init in QEMU. cloud-init's log shows which network it configures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use one_sriov_tests::turn;

use crate::boot::context_cd;
use crate::guest::{Guest, Report};
use crate::system::System;
use crate::{NEW, can_run, said};

const REPORT: &str = include_str!("report");
const INIT: &str = include_str!("init");
const AFTER: &str = "cloud-final.service";
const DROP_IN: &str = "/etc/cloud/cloud.cfg.d/99-one-sriov.cfg";

/// Creates the CD of another cloud, for cloud-init's data source `NoCloud`.
fn cd_of_another_cloud(directory: &Path) -> PathBuf {
    let (cd, files) = (directory.join("cidata.iso"), directory.join("cidata"));
    fs::create_dir(&files).unwrap();
    fs::write(files.join("meta-data"), "instance-id: i-1\n").unwrap();
    fs::write(files.join("user-data"), "#cloud-config\n{}\n").unwrap();
    let mut genisoimage = Command::new("genisoimage");
    genisoimage.args(["-quiet", "-V", "cidata", "-R", "-J", "-o"]);
    let _ = said(genisoimage.arg(&cd).arg(&files));
    cd
}

fn image() -> System {
    let system = System::new();
    let install = "install() { apt-get install -qy --no-install-recommends cloud-init sudo; }\n\
                   install || { apt-get update -q && install; }";
    let _ = system.run(&["sh", "-euc", install]);
    let _ = system.install_debian(NEW);
    let _ = system.run(&["systemctl", "enable", "systemd-networkd"]);
    system.write("/init", INIT);
    let _ = system.run(&["chmod", "755", "/init"]);
    system
}

/// What cloud-init did with the network.
fn network(report: &Report) -> Vec<&str> {
    let mut lines: Vec<&str> = report.all("network").iter().map(String::as_str).collect();
    lines.dedup();
    lines
}

fn has(report: &Report, word: &str, part: &str) -> bool {
    report.all(word).iter().any(|line| line.contains(part))
}

#[test]
fn cloud_init_configures_the_network_only_outside_opennebula() {
    if !can_run() {
        return;
    }
    let _turn = turn::shared();
    let directory = tempfile::tempdir().unwrap();
    let context = context_cd(directory.path());
    let system = image();

    let report = Guest::of(&system, REPORT, AFTER).boot(Some(&context));
    let text = report.text();
    assert!(has(&report, "source", "DataSourceOpenNebula"), "{text}");
    assert_eq!(
        network(&report),
        ["network config is disabled by system_cfg"],
        "{text}"
    );
    assert!(
        report.least("agent-ended") < report.least("cloud-init-began"),
        "{text}"
    );
    assert!(
        has(&report, "journal", &format!("wrote '{DROP_IN}'")),
        "{text}"
    );
    assert!(has(&report, "address", "10.0.0.5/24"), "{text}");
    assert!(!has(&report, "file", "cloud-init-"), "{text}");

    // The same image on another cloud, after it ran on OpenNebula with a NIC of another name.
    let script = directory.path().join("context/context.sh");
    fs::copy(script, system.path("/tmp/context.sh")).unwrap();
    let nics = r#"{"nics": [{"name": "eth0", "link": {"ethernet": "02:00:0a:00:00:05"}}]}"#;
    system.write("/tmp/nics.json", nics);
    let apply =
        "one-sriov-agent apply --context /tmp/context.sh --nics /tmp/nics.json --backend networkd";
    let _ = system.run(&apply.split(' ').collect::<Vec<_>>());
    assert!(system.has(DROP_IN));
    let other = cd_of_another_cloud(directory.path());
    let report = Guest::of(&system, REPORT, AFTER).boot(Some(&other));
    let text = report.text();
    assert!(has(&report, "source", "DataSourceNoCloud"), "{text}");
    assert_eq!(
        network(&report),
        ["Applying network configuration from fallback"],
        "{text}"
    );
    assert!(
        report.least("agent-ended") < report.least("cloud-init-began"),
        "{text}"
    );
    assert!(
        has(&report, "journal", &format!("removed '{DROP_IN}'")),
        "{text}"
    );
    assert!(has(&report, "file", "cloud-init-"), "{text}");
    assert!(has(&report, "address", "10.0.2.15/24"), "by DHCP: {text}");
}
