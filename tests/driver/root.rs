//! Root never runs a program that another user has chosen.
//!
//! The tests run on the real machine, in a mount namespace with its own users, `/var/tmp` and `/run`. The settings below
//! `/var/tmp/one` are hostile: the real virsh starts the program that they name.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use one_sriov_tests::host::run;
use one_sriov_tests::{Outcome, driver_path, write_program};
use tempfile::TempDir;

const ONEADMIN: u32 = 64_001;

/// A machine with a hostile `/var/tmp/one`.
struct Machine {
    directory: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            directory: TempDir::new().unwrap(),
        };
        let everybody = Permissions::from_mode(0o755);
        fs::set_permissions(machine.directory.path(), everybody).unwrap();
        machine.users(&format!(
            "oneadmin:x:{ONEADMIN}:{ONEADMIN}::/var/lib/one:/bin/sh\n"
        ));
        let group = fs::read_to_string("/etc/group").unwrap();
        let group = format!("{group}oneadmin:x:{ONEADMIN}:\n");
        fs::write(machine.path("group"), group).unwrap();
        // The program records which user ran it.
        fs::create_dir(machine.path("ran")).unwrap();
        fs::set_permissions(machine.path("ran"), Permissions::from_mode(0o777)).unwrap();
        let evil = format!(
            "#!/bin/sh\nid -u >>'{}/ran/'$(id -u)\n",
            machine.directory.path().display()
        );
        write_program(&machine.path("evil"), &evil);
        for directory in ["vartmp/one/vmm/kvm", "vartmp/one/vmm/kvm-sriov", "run"] {
            fs::create_dir_all(machine.path(directory)).unwrap();
        }
        let uri = format!(
            "LIBVIRT_URI='qemu+ext:///system?command={}'\n",
            machine.path("evil").display()
        );
        fs::write(machine.path("vartmp/one/vmm/kvm/kvmrc"), uri).unwrap();
        write_program(&machine.path("vartmp/one/vmm/kvm/poll"), &evil);
        let tree = Command::new("chown")
            .args(["-R", &format!("{ONEADMIN}:{ONEADMIN}")])
            .arg(machine.path("vartmp/one"))
            .status();
        assert!(tree.unwrap().success());
        machine
    }

    /// Sets the users: those of this machine without oneadmin, and `more`.
    fn users(&self, more: &str) {
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let others = users.split_inclusive('\n');
        let users: String = others
            .filter(|line| !line.starts_with("oneadmin:"))
            .collect();
        fs::write(self.path("passwd"), users + more).unwrap();
    }

    /// Creates a lease directory as the node package does.
    fn leases(&self) {
        let directory = self.path("run/one-sriov");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
        chown(&directory, Some(ONEADMIN), Some(ONEADMIN)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the driver as root in the namespace.
    fn driver(&self, arguments: &[&str]) -> Outcome {
        let script = "mount --bind \"$0/passwd\" /etc/passwd && mount --bind \"$0/group\" /etc/group &&\n\
                      mount --bind \"$0/vartmp\" /var/tmp && mount --bind \"$0/run\" /run && exec \"$@\"";
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--mount", "sh", "-c", script])
            .arg(self.directory.path())
            .arg(driver_path())
            .args(arguments)
            .env_remove("ONE_SRIOV_ROOT");
        run(&mut unshare, "")
    }

    /// The users that ran the hostile programs, and how often.
    fn ran(&self) -> Vec<(String, usize)> {
        let files = fs::read_dir(self.path("ran")).unwrap();
        let mut ran: Vec<_> = files
            .map(|file| {
                let file = file.unwrap();
                let times = fs::read_to_string(file.path()).unwrap().lines().count();
                (file.file_name().into_string().unwrap(), times)
            })
            .collect();
        ran.sort();
        ran
    }
}

/// Whether the tests run as root: only root can become another user.
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// All commands that read oneadmin's files.
const COMMANDS: [&[&str]; 9] = [
    &["doctor"],
    &["pool"],
    &["leases"],
    &["reconcile"],
    &["reconcile", "--dry-run"],
    &["repair", "7"],
    &["import-legacy"],
    &["probe"],
    &["action", "--", "poll", "one-7", "host", "7", "host"],
];

#[test]
fn programs_started_by_root_run_as_oneadmin() {
    if !is_root() {
        return;
    }
    for command in COMMANDS {
        let machine = Machine::new();
        machine.leases();
        let done = machine.driver(command);
        let ran = machine.ran();
        let asks_libvirt = !matches!(command[0], "leases" | "probe");
        let oneadmin = ONEADMIN.to_string();
        let is_oneadmin = |(user, _): &(String, usize)| *user == oneadmin;
        assert!(ran.iter().all(is_oneadmin), "{command:?}: {ran:?}");
        assert_eq!(!ran.is_empty(), asks_libvirt, "{command:?}: {done:?}");
    }
}

#[test]
fn without_user_oneadmin_none_of_its_files_is_read_or_run() {
    if !is_root() {
        return;
    }
    let users = [
        ("", "user 'oneadmin' is not in /etc/passwd"),
        (
            "oneadmin:x:0:0::/root:/bin/sh\n",
            "user 'oneadmin' has user ID 0",
        ),
    ];
    for (line, why) in users {
        for command in COMMANDS {
            let machine = Machine::new();
            machine.leases();
            machine.users(line);
            let done = machine.driver(command);
            assert_eq!(machine.ran(), [], "{command:?}");
            let said = done.stdout.clone() + &done.stderr;
            assert!(said.contains(why), "{command:?}: {done:?}");
            let expected = match command[0] {
                "probe" => 0,
                "doctor" => 3,
                _ => 1,
            };
            assert_eq!(done.code, expected, "{command:?}: {done:?}");
            let leases = fs::read_dir(machine.path("run/one-sriov")).unwrap();
            assert_eq!(leases.count(), 0, "{command:?}");
        }
    }
}

#[test]
fn on_a_fresh_host_each_command_explains_how_to_create_the_lease_directory() {
    if !is_root() {
        return;
    }
    let machine = Machine::new();
    let remedy = "install -d -m 0700 -o oneadmin '/run/one-sriov'";
    for command in ["doctor", "pool", "leases", "reconcile", "import-legacy"] {
        let done = machine.driver(&[command]);
        let said = done.stdout.clone() + &done.stderr;
        assert!(said.contains(remedy), "{command}: {done:?}");
    }
}

/// The names of all entries in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_directory_of_other_files_does_not_become_a_lease_directory() {
    if !is_root() {
        return;
    }
    for (owner, mode) in [(0, 0o755), (0, 0o700), (ONEADMIN, 0o700)] {
        let machine = Machine::new();
        let directory = machine.path("run/precious");
        fs::create_dir_all(directory.join("ib0")).unwrap();
        fs::write(directory.join("ib0/3"), "precious\n").unwrap();
        fs::write(directory.join("notes"), "precious\n").unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
        chown(&directory, Some(owner), None).unwrap();
        let settings = machine.path("vartmp/one/vmm/kvm-sriov/kvmrc");
        fs::write(settings, "LEASE_DIR=/run/precious\n").unwrap();
        // The commands fail only after libvirt has answered, later than the hostile program would have run.
        for command in ["pool", "reconcile", "import-legacy", "probe"] {
            let done = machine.driver(&[command]);
            assert_eq!(names(&directory), ["ib0", "notes"], "{command}: {done:?}");
            let of_ib0 = fs::read_to_string(directory.join("ib0/3")).unwrap();
            assert_eq!(of_ib0, "precious\n", "{command}");
            assert!(done.stderr.contains("/run/precious"), "{command}: {done:?}");
        }
    }
}
