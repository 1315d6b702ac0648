#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use tempfile::TempDir;

use one_sriov_system::Root;

use super::*;

const UNIT: &str = "systemd-networkd.service";
const FILE: &str = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
const INSTALLED: &str = "/usr/lib/systemd/system/systemd-networkd.service";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service";

struct Machine(TempDir);

impl Machine {
    /// A machine that has the unit installed, and these files and links.
    fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self(TempDir::new().unwrap());
        let all = [(INSTALLED, FILE)].into_iter().chain(files.iter().copied());
        for (path, text) in all {
            let path = machine.0.path().join(&path[1..]);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = fs::remove_file(&path);
            match text.strip_prefix("-> ") {
                Some(target) => symlink(target, path).unwrap(),
                None => fs::write(path, text).unwrap(),
            }
        }
        machine
    }

    fn is_enabled(&self) -> bool {
        let root = Root::new(self.0.path());
        Units::of(&Probe::new(&root)).is_enabled(UNIT)
    }

    fn systemctl(&self, verb: &str) -> String {
        let output = Command::new("systemctl")
            .arg("--root")
            .arg(self.0.path())
            .args([verb, UNIT])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

fn has_systemctl() -> bool {
    let is_there = Path::new("/usr/bin/systemctl").exists();
    assert!(
        is_there || std::env::var_os("CI").is_none(),
        "CI has no systemctl"
    );
    is_there
}

#[test]
fn links_and_masks_are_read_as_systemctl_does() {
    let id = ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    let link = (WANTS, "-> /usr/lib/systemd/system/systemd-networkd.service");
    let table: [(&[(&str, &str)], bool); 7] = [
        (&[id], false),
        (&[id, link], true),
        (
            &[
                id,
                link,
                (
                    "/etc/systemd/system/systemd-networkd.service",
                    "-> /dev/null",
                ),
            ],
            false,
        ),
        (
            &[
                id,
                link,
                (
                    "/run/systemd/system/systemd-networkd.service",
                    "-> /dev/null",
                ),
            ],
            false,
        ),
        (
            &[
                id,
                link,
                ("/etc/systemd/system/systemd-networkd.service", ""),
            ],
            false,
        ),
        (&[id, link, (INSTALLED, "-> /dev/null")], false),
        (
            &[
                id,
                link,
                ("/etc/systemd/system/systemd-networkd.service", FILE),
                (
                    "/run/systemd/system/systemd-networkd.service",
                    "-> /dev/null",
                ),
            ],
            true,
        ),
    ];
    for (files, expected) in table {
        let machine = Machine::new(files);
        assert_eq!(machine.is_enabled(), expected, "{files:?}");
        if has_systemctl() {
            let said = machine.systemctl("is-enabled");
            assert_eq!(said == "enabled", expected, "{files:?}: {said}");
        }
    }
    // `is-enabled` ignores the distribution's own links, but these start the unit.
    let own = "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service";
    assert!(Machine::new(&[id, (own, "-> ../systemd-networkd.service")]).is_enabled());
}

#[test]
fn presets_are_read_as_systemctl_does() {
    let preset = |name: &str| format!("/{name}.preset");
    let etc = |name: &str| format!("/etc/systemd/system-preset{}", preset(name));
    let lib = |name: &str| format!("/usr/lib/systemd/system-preset{}", preset(name));
    let table = [
        (vec![(etc("10"), "disable *\n")], false),
        (
            vec![
                (etc("10"), "enable systemd-*\n"),
                (lib("99"), "disable *\n"),
            ],
            true,
        ),
        (
            vec![
                (etc("10"), "enable *-networkd.service\n"),
                (lib("99"), "disable *\n"),
            ],
            true,
        ),
        (
            vec![(lib("10"), "disable systemd-network[a-e].service\n")],
            false,
        ),
        (
            vec![(lib("10"), "disable systemd-networkd?service\n")],
            false,
        ),
        (vec![(lib("10"), "disable systemd-networkd\n")], true),
        (vec![(lib("10"), "# disable *\n; disable *\n")], true),
        (vec![(lib("10"), "  disable   *  \n")], false),
        (
            vec![(
                lib("10"),
                "disable systemd-networkd.service # not a comment\n",
            )],
            true,
        ),
        (vec![(lib("10"), "disable *\n"), (etc("10"), "\n")], true),
        (
            vec![
                (lib("10"), "disable *\n"),
                (etc("05"), "enable *networkd*\n"),
            ],
            true,
        ),
        (
            vec![(lib("10"), "enable systemd-networkd.service\ndisable *\n")],
            true,
        ),
        (vec![], true),
    ];
    for (files, expected) in table {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, *text)).collect();
        let machine = Machine::new(&files);
        assert_eq!(machine.is_enabled(), expected, "{files:?}");
        if has_systemctl() {
            machine.systemctl("preset");
            let said = machine.systemctl("is-enabled");
            assert_eq!(said == "enabled", expected, "{files:?}: {said}");
        }
    }
}
