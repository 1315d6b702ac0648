//! The real udev applies the rule for context CDs to every block device of this machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{said, source};

/// Prints what udev would run for a device with this new file system. Changes nothing on this machine.
const TRY: &str = r#"
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/udev/rules.d $MARK
cp "$RULES" /run/udev/rules.d/
printf 'ENV{ID_FS_TYPE}="%s", ENV{ID_FS_LABEL}="%s"\n' "$TYPE" "$LABEL" > /run/udev/rules.d/94-label.rules
udevadm test --action="$ACTION" "/sys/class/block/$DEVICE" 2>&1 | sed -n "s/^run: '\(.*\)'/\1/p"
"#;

/// The units that udev would start.
fn started(device: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let rules = source().join("packaging/agent/95-one-sriov-agent.rules");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-euc", TRY])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("RULES", rules.canonicalize().unwrap())
        .env("DEVICE", device)
        .envs([
            ("ACTION", "change"),
            ("TYPE", "iso9660"),
            ("LABEL", "CONTEXT"),
            ("MARK", "/run/one-sriov-agent"),
        ])
        .envs(variables.iter().copied());
    let said = said(&mut command);
    let units = said
        .lines()
        .filter_map(|line| line.strip_prefix("/bin/systemctl --no-block start "));
    units.map(str::to_owned).collect()
}

#[test]
fn a_context_starts_a_run_only_on_drives_and_disks() {
    let has_udev = Command::new("udevadm").arg("--version").output().is_ok();
    if !nix::unistd::geteuid().is_root() || !has_udev {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI is root and has udevadm"
        );
        println!("passed over: it takes root and udevadm");
        return;
    }
    let devices = fs::read_dir(Path::new("/sys/class/block")).unwrap();
    for device in devices {
        let device = device.unwrap().file_name().into_string().unwrap();
        let counts = ["sr", "vd", "sd", "hd", "xvd"]
            .iter()
            .any(|kind| device.starts_with(kind));
        let unit = format!("one-sriov-agent-late@{device}.service");
        let expected = Vec::from_iter(counts.then_some(unit));
        assert_eq!(started(&device, &[]), expected, "{device}");
        assert_eq!(started(&device, &[("ACTION", "add")]), expected, "{device}");
        for other in [
            ("LABEL", "cidata"),
            ("TYPE", "vfat"),
            ("ACTION", "remove"),
            ("MARK", "/run/other"),
        ] {
            assert_eq!(started(&device, &[other]), [""; 0], "{device} {other:?}");
        }
    }
}
