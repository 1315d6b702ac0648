//! `/etc/network/interfaces`, as real ifupdown, ifupdown-ng and busybox read it.

use std::path::{Path, PathBuf};
use std::process::Command;

use one_sriov_tests::{Machine, run, virtio};

const MAIN: &str = "/etc/network/interfaces";
/// A line of the file, and a file that `source more` or `source-directory more.d` reads, if any.
type Case = (&'static str, Option<(&'static str, &'static str)>);

const CASES: [Case; 30] = [
    ("", None),
    ("source /etc/network/interfaces.d/*", None),
    ("\tsource \t/etc/network/interfaces.d/*  ", None),
    ("source interfaces.d/*.cfg", None),
    ("source /etc/network/interfaces.d/*.conf", None),
    ("source /etc/network/interfaces.d/[0-9]*", None),
    ("source /etc/network/interfaces.d/?0-one*", None),
    ("source /etc/network/interfaces.d", None),
    (
        "source /etc/network/nothing /etc/network/interfaces.d/*",
        None,
    ),
    ("source /etc/network/interfaces.d/* # all", None),
    ("source /etc/network/../network/./interfaces.d//*", None),
    ("source /etc/network/*/*", None),
    ("source \\\n  /etc/network/interfaces.d/*", None),
    ("source /etc/network/inter\\\nfaces.d/*", None),
    ("# \\\nsource /etc/network/interfaces.d/*", None),
    ("#source /etc/network/interfaces.d/*", None),
    (
        "iface x inet manual\n  up echo \\\nsource /etc/network/interfaces.d/*",
        None,
    ),
    ("source \"/etc/network/interfaces.d/*\"", None),
    ("source /etc/network/interfaces.d/{60,61}*", None),
    ("source more", Some(("more", "source interfaces.d/*"))),
    (
        "source /etc/network/more",
        Some(("more", "source-directory /etc/network/interfaces.d")),
    ),
    (
        "source-directory more.d",
        Some(("more.d/a", "source ../interfaces.d/*")),
    ),
    (
        "source-dir more.d",
        Some(("more.d/a", "source ../interfaces.d/*")),
    ),
    (
        "source-directory more.d",
        Some(("more.d/a.cfg", "source ../interfaces.d/*")),
    ),
    (
        "source-directory /etc/network/more.d",
        Some(("more.d/a", "source-directory /etc/network/interfaces.d")),
    ),
    ("source-directory /etc/network/interfaces.d", None),
    ("source-directory\t/etc/network/interfaces.d/ # all", None),
    ("source-directory \\\n/etc/network/interfaces.d", None),
    ("# \\\nsource-directory /etc/network/interfaces.d", None),
    ("source-directory /etc/network/interf*", None),
];

fn readers() -> PathBuf {
    let named = std::env::var_os("ONE_SRIOV_READERS");
    named.map_or_else(|| "/var/cache/one-sriov-readers".into(), PathBuf::from)
}

/// The output of a reader for this file.
fn output_of(program: &Path, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg("-i")
        .arg(file)
        .output();
    let output = output.expect("the reader runs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether all installed readers find the stanza of `eth0`; `None` if none is installed.
fn is_read(backend: &str, file: &Path) -> Option<bool> {
    let names_it = |text: String| text.split_whitespace().any(|word| word == "eth0");
    let lists = ["--list", "--auto"];
    let ng = readers().join("ifupdown-ng/sbin/ifquery");
    let (ifquery, busybox) = (Path::new("/sbin/ifquery"), Path::new("/bin/busybox"));
    let found = match backend {
        "interfaces" => ifquery
            .exists()
            .then(|| names_it(output_of(ifquery, &["--list", "--all"], file))),
        _ => (ng.exists() && busybox.exists()).then(|| {
            // busybox prints the commands that it would run.
            let busybox = output_of(busybox, &["ifup", "-n", "-a"], file);
            names_it(output_of(&ng, &lists, file)) && busybox.contains("eth0")
        }),
    };
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "CI has every reader"
    );
    found
}

#[test]
fn the_agent_warns_if_its_files_are_not_read() {
    for backend in ["interfaces", "interfaces-alpine"] {
        for (main, more) in CASES {
            let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n";
            let machine = Machine::new(context, &[virtio("eth0", "02:00:0a:00:00:05", 3)]);
            let root = machine.root().join("etc/network").display().to_string();
            let files = [Some(("interfaces", main)), more].into_iter().flatten();
            let files: Vec<_> = files
                .map(|(name, text)| (format!("/etc/network/{name}"), format!("{text}\n")))
                .collect();
            for (path, text) in &files {
                machine.write(path, text);
            }
            let outcome = run(&machine, &["apply", "--backend", backend]);
            let warns = outcome.stderr.contains(" has no line 'source");
            // The readers run on the real machine, so they need real paths.
            for (path, text) in &files {
                machine.write(path, text.replace("/etc/network", &root));
            }
            let Some(is_read) = is_read(backend, &machine.path(MAIN)) else {
                println!("passed over: a reader is not installed ('make setup', 'make readers')");
                return;
            };
            assert_eq!(
                warns, !is_read,
                "{backend}: {main} {more:?}: {}",
                outcome.stderr
            );
        }
    }
}

#[test]
fn foreign_stanzas_are_found_in_every_file_that_is_read() {
    let context = "ETH0_MAC='02:00:0a:00:00:05'\nETH0_IP='10.0.0.5'\n";
    let machine = Machine::new(context, &[virtio("eth0", "02:00:0a:00:00:05", 3)]);
    machine.write(MAIN, "source interfaces.d/*\niface \\\neth0 inet dhcp\n");
    machine.write(
        "/etc/network/interfaces.d/50-cloud-init",
        "auto eth0\niface eth0 inet dhcp\n",
    );
    machine.write("/etc/network/interfaces.d/.old", "iface eth0 inet dhcp\n");
    let warnings: String = [MAIN, "/etc/network/interfaces.d/50-cloud-init"]
        .map(|path| format!("one-sriov-agent: warning: '{path}' also configures 'eth0': remove its stanza there\n"))
        .concat();
    for _ in 0..2 {
        let outcome = run(&machine, &["apply", "--backend", "interfaces"]);
        assert_eq!((outcome.code, outcome.stderr), (0, warnings.clone()));
    }
}
