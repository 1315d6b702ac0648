//! The monitoring probes: they run where and when their release runs them, and they never fail.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use one_sriov_tests::Host;

use crate::stand_in::{assert_prints, host, printed, shells, text};

const PROBES: [(&str, &str); 3] = [
    ("im/kvm.d", "../.."),
    ("im/kvm-probes.d", "../.."),
    ("im/kvm-probes.d/host/system", "../../../.."),
];

/// A way to damage the directory of the scripts.
type Break = fn(&Path);

/// Runs a probe as OpenNebula does: in the probe's directory, with arguments.
fn run(shell: &[String], directory: &Path, stdin: Stdio) -> Output {
    Command::new(&shell[0])
        .args(&shell[1..])
        .args(["./sriov", "kvm", "/var/lib/one//datastores", "4124", "20"])
        .current_dir(directory)
        .stdin(stdin)
        .output()
        .unwrap()
}

#[test]
fn the_probes_run_the_driver() {
    let host = host();
    for shell in shells() {
        for (name, up) in PROBES {
            let directory = host.remotes().join(name);
            let output = run(&shell, &directory, Stdio::null());
            let home = format!("{}/./{up}/vmm/kvm-sriov", directory.display());
            let arguments = ["probe", "--home", &home];
            let context = format!("{shell:?}: {name}");
            assert_prints(&output, &printed(&arguments, "1.0.0"), &context);
        }
    }
}

#[test]
fn the_probes_can_be_called_by_an_absolute_path() {
    let host = host();
    for (name, up) in PROBES {
        let directory = host.remotes().join(name);
        let output = Command::new(directory.join("sriov")).output().unwrap();
        let home = format!("{}/{up}/vmm/kvm-sriov", directory.display());
        let arguments = ["probe", "--home", &home];
        assert_prints(&output, &printed(&arguments, "1.0.0"), name);
    }
}

#[test]
fn only_one_probe_runs() {
    let host = host();
    // Since 4.4 this directory starts the monitoring client, whose output the probe must not disturb.
    fs::write(host.remotes().join("VERSION"), "5.12.13\n").unwrap();
    let directory = host.remotes().join("im/kvm.d");
    assert_prints(&run(&shells()[0], &directory, Stdio::null()), "", "kvm.d");
    // Up to 5.10, every executable name that 'ls *' prints is run; 'ls *' lists the contents of directories, too.
    let directory = host.remotes().join("im/kvm-probes.d");
    let listed = Command::new("sh")
        .args(["-c", "for i in `ls *`; do [ -x $i ] && echo $i; done; true"])
        .current_dir(directory)
        .output()
        .unwrap();
    assert_eq!(text(&listed.stdout), "sriov\n");
}

#[test]
fn the_probes_never_fail_and_never_wait() {
    let broken: [(&str, Break); 4] = [
        ("no driver", |scripts| {
            fs::remove_dir_all(scripts.join("bin")).unwrap();
        }),
        ("an empty launcher", |scripts| {
            fs::write(scripts.join("launch"), "").unwrap();
        }),
        ("half a launcher", |scripts| {
            let text = fs::read(scripts.join("launch")).unwrap();
            fs::write(scripts.join("launch"), &text[..text.len() / 2]).unwrap();
        }),
        ("nothing", |scripts| fs::remove_dir_all(scripts).unwrap()),
    ];
    for (name, break_it) in broken {
        for shell in shells() {
            let host: Host = host();
            break_it(&host.remotes().join("vmm/kvm-sriov"));
            for (probe, _) in PROBES {
                // A pipe that stays open, like a stream of commands.
                let output = run(&shell, &host.remotes().join(probe), Stdio::piped());
                let context = format!("{name}: {shell:?}: {probe}: {output:?}");
                assert!(output.status.success(), "{context}");
                assert!(output.stdout.is_empty(), "{context}");
            }
        }
    }
}
