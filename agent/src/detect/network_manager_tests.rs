#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;

use hwaddr::InterfaceName;
use tempfile::TempDir;

use one_sriov_system::Root;

use super::*;

/// Files in `/usr/lib`, `/run` and `/etc`, with their paths in those directories.
type Files<'a> = &'a [(&'a str, &'a str)];

fn machine(files: Files) -> TempDir {
    let machine = TempDir::new().unwrap();
    for (path, line) in files {
        let path = machine.path().join(&path[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("# of somebody\n[keyfile]\n{line}\n")).unwrap();
    }
    machine
}

/// What NetworkManager itself reads on this machine.
fn printed(machine: &TempDir) -> Option<String> {
    if !Path::new("/usr/sbin/NetworkManager").exists() {
        assert!(std::env::var_os("CI").is_none(), "CI has no NetworkManager");
        return None;
    }
    let script = "mount --make-rprivate /\nmount -t tmpfs tmpfs /run\n\
                  for place in usr/lib run etc; do\n\
                  mkdir -p \"$ROOT/$place/NetworkManager/conf.d\" /$place/NetworkManager\n\
                  mount --bind \"$ROOT/$place/NetworkManager\" /$place/NetworkManager\ndone\n\
                  NetworkManager --print-config";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-euc", script])
        .env("ROOT", machine.path())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix("unmanaged-devices="));
    Some(value.unwrap_or_default().to_owned())
}

#[test]
fn files_are_read_in_the_order_of_network_manager() {
    const LIB: &str = "/usr/lib/NetworkManager/conf.d/50.conf";
    const RUN: &str = "/run/NetworkManager/conf.d/50.conf";
    const ETC: &str = "/etc/NetworkManager/conf.d/50.conf";
    const LATER: &str = "/etc/NetworkManager/conf.d/60.conf";
    let table: [(Files, &str); 14] = [
        (&[], ""),
        (
            &[(LIB, "unmanaged-devices=*,except:type:wifi")],
            "*,except:type:wifi",
        ),
        (&[(LIB, "unmanaged-devices=*"), (ETC, "")], ""),
        (&[(LIB, "unmanaged-devices=*"), (RUN, "")], ""),
        (&[(RUN, "unmanaged-devices=a"), (ETC, "")], ""),
        (
            &[(LIB, "unmanaged-devices=a"), (MAIN, "unmanaged-devices=b")],
            "b",
        ),
        (
            &[(RUN, "unmanaged-devices=a"), (MAIN, "unmanaged-devices=b")],
            "b",
        ),
        (
            &[
                (MAIN, "unmanaged-devices=b"),
                (ETC, "unmanaged-devices+=c;d"),
            ],
            "b,c,d",
        ),
        (
            &[
                (ETC, "unmanaged-devices=a, b"),
                (LATER, "unmanaged-devices-=a"),
            ],
            "b",
        ),
        (
            &[
                (ETC, "unmanaged-devices=a"),
                (LATER, "unmanaged-devices += b"),
            ],
            "a",
        ),
        (&[(ETC, "unmanaged-devices=a\nunmanaged-devices=b")], "b"),
        (
            &[(
                ETC,
                "[.config]\nenable=false\n[keyfile]\nunmanaged-devices=a",
            )],
            "",
        ),
        (
            &[(
                "/etc/NetworkManager/conf.d/50.conf.bak",
                "unmanaged-devices=a",
            )],
            "",
        ),
        (&[(ETC, "#unmanaged-devices=a\n[main]\ndns=none")], ""),
    ];
    for (files, expected) in table {
        let machine = machine(files);
        let config = NetworkManagerConfig::gather(&Probe::new(&Root::new(machine.path())), &[]);
        let found: Vec<&str> = config.unmanaged.iter().map(|item| &*item.text).collect();
        assert_eq!(found.join(","), expected, "{files:?}");
        if let Some(printed) = printed(&machine) {
            let printed = printed.replace(", ", ",");
            assert_eq!(printed, expected, "{files:?}");
        }
    }
}

#[test]
fn a_rule_for_all_devices_can_have_exceptions() {
    let name: InterfaceName = "ib0".parse().unwrap();
    let device = NmDevice {
        name: &name,
        kind: "infiniband",
        address: Some("80:00:02:08:fe:80:00:00:00:00:00:00:24:8a:07:03:00:aa:bb:00"),
        driver: Some("mlx5_core"),
    };
    let table = [
        ("", None),
        ("*", Some("*")),
        ("*,except:type:wifi", Some("*")),
        ("*,except:type:infiniband", None),
        ("except:type:infiniband,*", None),
        ("except:type:wifi", Some("except:type:wifi")),
        ("except:interface-name:ib*", None),
        ("interface-name:ib*", Some("interface-name:ib*")),
        ("interface-name:=ib*", None),
        ("interface-name:=ib0", Some("interface-name:=ib0")),
        ("interface-name:~ib?", Some("interface-name:~ib?")),
        ("interface-name:eth*", None),
        ("driver:mlx5_core", Some("driver:mlx5_core")),
        ("driver:mlx5_core/6.*", Some("driver:mlx5_core/6.*")),
        ("driver:mlx5", None),
        ("*,except:driver:mlx5_core", None),
        ("ib0", Some("ib0")),
        ("mac:02:00:00:00:00:01", None),
        (
            "mac:80-00-02-08-FE-80-00-00-00-00-00-00-24-8A-07-03-00-AA-BB-00",
            Some("mac:80-00-02-08-FE-80-00-00-00-00-00-00-24-8A-07-03-00-AA-BB-00"),
        ),
        ("type:ethernet;type:infiniband", Some("type:infiniband")),
    ];
    for (value, expected) in table {
        let mut config = NetworkManagerConfig::default();
        let text = format!("[keyfile]\nunmanaged-devices={value}\n");
        config.take(&text, Path::new("/etc/x.conf"));
        let found = config.unmanaged_by(device);
        let found: Vec<&str> = found.iter().map(|rule| &*rule.text).collect();
        assert_eq!(found, Vec::from_iter(expected), "{value}");
    }
}

#[test]
fn the_agents_own_files_and_excluded_ones_are_ignored() {
    let ours = "/etc/NetworkManager/conf.d/90-one-sriov-eth1.conf";
    let theirs = "/etc/NetworkManager/conf.d/50-unmanaged-devices.conf";
    let machine = machine(&[
        (ours, "unmanaged-devices+=a"),
        (theirs, "unmanaged-devices=*"),
    ]);
    let root = Root::new(machine.path());
    let root = Probe::new(&root);
    let config = NetworkManagerConfig::gather(&root, &[theirs]);
    assert_eq!(config, NetworkManagerConfig::default());
    assert_eq!(NetworkManagerConfig::gather(&root, &[]).unmanaged.len(), 1);
}

#[test]
fn a_plugin_is_loaded_unless_others_are_named() {
    let loads = |text: &str| {
        let mut config = NetworkManagerConfig::default();
        config.take(text, Path::new("/etc/x.conf"));
        config.loads_plugin("ifcfg-rh")
    };
    assert!(loads(""));
    assert!(loads("[main]\n#plugins=keyfile\n"));
    assert!(loads("[main]\nplugins=ifcfg-rh,ibft\n"));
    assert!(!loads("[main]\nplugins=keyfile\n"));
    assert!(loads("[main]\nplugins=keyfile\nplugins+=ifcfg-rh\n"));
}

#[test]
fn device_sections_apply_in_their_order() {
    let name: InterfaceName = "ib0".parse().unwrap();
    let device = NmDevice {
        name: &name,
        kind: "infiniband",
        address: None,
        driver: None,
    };
    let off = Some(("managed=0 in [device]", false));
    let table: [(&[&str], _); 13] = [
        (&["[device]\nmanaged=0\n"], off),
        (&["[device]\nmanaged=no\n"], off),
        (&["[device]\nmanaged=1\n"], None),
        (&["[device]\nmanaged=0\n", "[device]\nmanaged=1\n"], None),
        (&["[device]\nmanaged=1\n", "[device]\nmanaged=0\n"], off),
        (&["[device]\nmanaged=0\n[device-x]\nmanaged=1\n"], None),
        (&["[device-a]\nmanaged=1\n[device-b]\nmanaged=0\n"], None),
        (
            &["[device-x]\nmatch-device=interface-name:ib*\nmanaged=0\n"],
            Some(("managed=0 in [device-x]", true)),
        ),
        (
            &["[device-x]\nmatch-device=type:infiniband\nmanaged=0\n"],
            Some(("managed=0 in [device-x]", false)),
        ),
        (&["[device-x]\nmatch-device=type:wifi\nmanaged=0\n"], None),
        (
            &["[device-x]\nmatch-device=*,except:type:infiniband\nmanaged=0\n"],
            None,
        ),
        (
            &["[device]\nmanaged=0\n", "[device-x]\nstop-match=yes\n"],
            None,
        ),
        (&["[connection]\nmanaged=0\n"], None),
    ];
    for (files, expected) in table {
        let mut config = NetworkManagerConfig::default();
        for text in files {
            config.take(text, Path::new("/etc/x.conf"));
        }
        let found = config.unmanaged_by(device);
        let found = found.first().map(|rule| (&*rule.text, rule.names_device));
        assert_eq!(found, expected, "{files:?}");
    }
}
