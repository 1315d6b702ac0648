//! Files of the agent that were edited: refused, replaced, restored, reported.

use one_sriov_tests::{Machine, run, virtio};

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:0c'\nETH0_IP='10.0.0.12'\n";
const FILE: &str = "/etc/systemd/network/05-one-sriov-eth0.network";
const IFCFG: &str = "/etc/sysconfig/network-scripts/ifcfg-eth0";
const BACKUP: &str = "/var/lib/one-sriov/backup";

fn machine(backend: &str) -> Machine {
    let machine = Machine::new(CONTEXT, &[virtio("eth0", "02:00:0a:00:00:0c", 3)]);
    machine.write(
        "/etc/one-sriov/agent.conf",
        format!("backend = {backend}\n"),
    );
    machine
}

#[test]
fn an_edited_file_is_replaced_only_with_force() {
    for (backend, path) in [("networkd", FILE), ("ifcfg-initscripts", IFCFG)] {
        let machine = machine(backend);
        assert_eq!(run(&machine, &["apply"]).code, 0);
        let ours = machine.read(path);
        let edited = ours.clone() + "# by hand\n";
        machine.write(path, &edited);
        let refused = run(&machine, &["apply"]);
        assert_eq!((refused.code, machine.read(path)), (4, edited.clone()));
        assert!(
            refused.stdout.contains(&format!(
                "did not write '{path}': it was edited since the agent wrote it; 'apply --force' replaces it and keeps a backup\n"
            )),
            "{}",
            refused.stdout
        );
        let status = run(&machine, &["status"]);
        assert_eq!(status.code, 4);
        assert!(
            status.stdout.starts_with(&format!(
                "status: refused\nconflict: '{path}': it was edited"
            )),
            "{}",
            status.stdout
        );
        let forced = run(&machine, &["apply", "--force"]);
        assert_eq!((forced.code, machine.read(path)), (0, ours));
        assert_eq!(machine.read(&format!("{BACKUP}{path}")), edited);
        assert_eq!(run(&machine, &["status"]).code, 0);
    }
}

#[test]
fn clean_restores_the_replaced_file() {
    let machine = machine("ifcfg-initscripts");
    machine.write(IFCFG, "DEVICE=eth0\nBOOTPROTO=dhcp\n");
    assert_eq!(run(&machine, &["apply"]).code, 0);
    let dry = run(&machine, &["clean", "--restore", "--dry-run"]);
    assert_eq!(
        dry.stdout,
        format!("would remove '{IFCFG}'\nwould restore '{IFCFG}' from '{BACKUP}{IFCFG}'\n")
    );
    let cleaned = run(&machine, &["clean", "--restore"]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.stderr);
    assert_eq!(
        cleaned.stdout,
        format!("removed '{IFCFG}'\nrestored '{IFCFG}' from '{BACKUP}{IFCFG}'\n")
    );
    assert_eq!(machine.read(IFCFG), "DEVICE=eth0\nBOOTPROTO=dhcp\n");
    assert!(!machine.has(&format!("{BACKUP}{IFCFG}")));
}

#[test]
fn clean_names_the_files_it_leaves_and_fails_if_one_contains_an_address() {
    for (text, code) in [("Address=10.0.0.12/24\n", 4), ("DHCP=yes\n", 0)] {
        let machine = machine("networkd");
        assert_eq!(run(&machine, &["apply"]).code, 0);
        machine.write(FILE, format!("[Match]\nName=eth0\n[Network]\n{text}"));
        let cleaned = run(&machine, &["clean"]);
        assert_eq!(cleaned.code, code, "{text}");
        assert_eq!(
            cleaned.stdout,
            format!("left '{FILE}': it was edited since the agent wrote it\n")
        );
        let error =
            format!("one-sriov-agent: error: '{FILE}' still contains an IP address, which ");
        assert_eq!(
            cleaned.stderr.contains(&error),
            code == 4,
            "{}",
            cleaned.stderr
        );
    }
}
