//! cloud-init itself, with and without the file that switches its network off.

use std::path::Path;
use std::process::Command;

/// What cloud-init makes of `/etc/cloud`, as its first stage does (`cloudinit/stages.py`).
const ASK: &str = "from cloudinit import stages\ninit = stages.Init()\ninit.read_cfg()\n\
                   config, _ = init._find_networking_config()\nprint('off' if config is None else 'on')";

fn network(mount: &str) -> String {
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-euc"])
        .arg(format!("{mount}\n/usr/bin/python3 -c \"$ASK\""))
        .env("ASK", ASK)
        .env(
            "FILE",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/cloud-init/99-one-sriov.cfg"),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn its_network_is_off_by_our_file_and_on_without() {
    if !Path::new("/usr/bin/cloud-init").exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI has no cloud-init; 'make setup' installs it there"
        );
        return;
    }
    assert_eq!(network(":"), "on\n");
    let with_file = "mount -t tmpfs tmpfs /mnt && cp -a /etc/cloud /mnt/cloud\n\
                     cp \"$FILE\" /mnt/cloud/cloud.cfg.d/ && mount --bind /mnt/cloud /etc/cloud";
    assert_eq!(network(with_file), "off\n");
}
