//! Measures deployments by the driver and by the script of 2013, on the same fake host. Stand-ins for the other programs cost as
//! little as possible.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::agent::build;
use crate::host::{Host, Pf, deployment_file, domain, kernel};

/// The number of VFs of a card: about as many as a kernel can report in one answer.
pub const VFS_OF_CARD: u32 = 128;
/// The number of NICs of each of the other VMs.
pub const HELD_EACH: u32 = 16;
/// The VM that is deployed repeatedly.
const VM: u32 = 9999;

/// A host on which a VM with a given number of NICs is deployed.
#[derive(Debug)]
pub struct HostTrial {
    host: Host,
    domain: String,
    running: u32,
}

impl HostTrial {
    /// The number of cards that have this many VFs.
    #[must_use]
    pub fn cards_of(vfs: u32) -> u32 {
        vfs.div_ceil(VFS_OF_CARD)
    }

    /// The card of pool `ib0` and this many others.
    #[must_use]
    pub fn pfs(others: u32) -> Vec<Pf> {
        let pf = |nth| {
            let base = format!("{nth:04x}:40:00");
            Pf::infiniband(&format!("ib{nth}"), &base, VFS_OF_CARD)
        };
        (0..=others).map(pf).collect()
    }

    /// Creates a host below `directory` for a VM with `nics` NICs on pool `ib0`. The host has `cards` further cards, of which
    /// other VMs hold `held` VFs.
    #[must_use]
    pub fn new(directory: &Path, nics: usize, cards: u32, held: u32) -> Self {
        assert!(held <= cards * VFS_OF_CARD, "there are not enough VFs");
        let pfs = Self::pfs(cards);
        let host = Host::new_in(directory, &pfs);
        for name in ["virsh", "sudo", "ip"] {
            let path = host.path("bin").join(name);
            fs::remove_file(&path).expect("the stand-in of the other tests");
            symlink(quick_host(), path).expect("a link");
        }
        let deploy = host.path("/var/tmp/one/vmm/kvm/deploy");
        fs::remove_file(&deploy).expect("the stand-in of the other tests");
        symlink(quick_host(), deploy).expect("a link");
        for card in 0..pfs.len() {
            show_vfs_without_settings(&host, &format!("ib{card}"));
        }
        host.write("/state/list", "");
        host.write("/state/dump", "");
        host.write("/var/tmp/one/vmm/kvm-sriov/vf_maps/README", "");
        let trial = Self {
            host,
            domain: domain(VM, &vec!["sriov_ib0"; nics]),
            running: held.div_ceil(HELD_EACH),
        };
        trial.hold(held);
        trial
    }

    /// The number of other running VMs.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.running
    }

    /// Deploys the other VMs.
    fn hold(&self, held: u32) {
        let (mut list, mut dump) = (String::new(), String::new());
        for vm in 1..=self.running {
            let first = (vm - 1) * HELD_EACH;
            let bridge = format!("sriov_ib{}", 1 + first / VFS_OF_CARD);
            let nics = HELD_EACH.min(held - first);
            let sent = domain(vm, &vec![bridge.as_str(); nics as usize]);
            self.host.write("/state/deployed", "");
            let outcome = self.host.deploy_domain(vm, &sent);
            assert_eq!(outcome.code, 0, "{}", outcome.stderr);
            list.push_str(&format!("00000000-0000-4000-a000-{vm:012x}\n"));
            dump.push_str(&self.deployed());
            self.host.write("/state/list", &list);
            self.host.write("/state/dump", &dump);
        }
        let leases =
            (1..=held.div_ceil(VFS_OF_CARD)).map(|card| self.host.leased(&format!("ib{card}")));
        assert_eq!(
            leases.map(|leases| leases.len()).sum::<usize>(),
            held as usize
        );
    }

    /// The last domain that the stock action got.
    fn deployed(&self) -> String {
        let text = self.host.read("/state/deployed").expect("a domain");
        fs::remove_file(self.host.path("/state/deployed")).expect("the kept domain");
        text
    }

    fn driver(&self) -> Command {
        self.host.driver(&["action", "--", "deploy"])
    }

    fn old(&self) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/old-kvm-sriov");
        self.host.command(&script)
    }

    fn deploy(&self, mut command: Command) -> Duration {
        let stdin = self.host.path("/state/domain");
        fs::write(&stdin, &self.domain).expect("a domain");
        let stdin = fs::File::open(stdin).expect("the domain");
        let vm = VM.to_string();
        command
            .args([&deployment_file(VM), "host", &vm, "host"])
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let start = Instant::now();
        let output = command.output().expect("it runs");
        let time = start.elapsed();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {stderr}");
        time
    }

    /// Deploys the VM with the driver, then ends it and frees its VFs.
    #[must_use]
    pub fn by_driver(&self) -> Duration {
        let time = self.deploy(self.driver());
        let outcome = self.host.operator(&["reconcile"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        time
    }

    /// Deploys the VM with the script of 2013, with empty tracking.
    #[must_use]
    pub fn by_script(&self) -> Duration {
        self.map();
        let tracking = self.host.path("/tmp/vf_interfaces");
        fs::create_dir_all(tracking.parent().expect("a directory")).expect("a directory");
        let time = self.deploy(self.old());
        fs::remove_dir_all(tracking).expect("the tracking of the script");
        fs::remove_file(self.map_path()).expect("the map");
        time
    }

    fn map_path(&self) -> PathBuf {
        self.host.home().join("vf_maps/ib0")
    }

    /// Writes a map with the same VFs in the same order, in the script's format.
    fn map(&self) {
        let pf = &Self::pfs(0)[0];
        let line = |vf: u32| {
            let address = pf.vf(vf);
            let (bus, rest) = address[5..].split_once(':').expect("a bus");
            let (slot, function) = rest.split_once('.').expect("a slot");
            format!("0x{bus} 0x{slot} 0x{function}\n")
        };
        fs::write(
            self.map_path(),
            (0..VFS_OF_CARD).map(line).collect::<String>(),
        )
        .expect("a map");
    }

    /// Returns the calls of programs that a run starts, and the domain that the stock action gets.
    #[must_use]
    pub fn trace(&self, run: impl Fn(&Self) -> Duration) -> (Vec<String>, String) {
        self.host.write("/state/calls", "");
        self.host.write("/state/deployed", "");
        let _ = run(self);
        let mut calls = self.host.calls();
        // After the stock action, the script only cleans up.
        let end = calls.iter().position(|call| call.starts_with("deploy "));
        calls.truncate(end.expect("the stock action was called") + 1);
        fs::remove_file(self.host.path("/state/calls")).expect("the calls");
        (calls, self.deployed())
    }

    /// Returns the driver's system calls on paths below the host's root for a deployment: name and path.
    #[must_use]
    pub fn file_calls(&self) -> Vec<String> {
        let root = self.host.root().display().to_string();
        let text = self.system_calls(&["-e", "trace=%file"]);
        let paths = text.lines().filter(|line| line.contains(&root));
        let known = paths.map(|line| {
            let line = line.replace(&root, "");
            let (call, rest) = line.split_once('(').expect("a call");
            let path = rest.split('"').nth(1).unwrap_or_default();
            format!("{call} {}", without_token(path))
        });
        known.collect()
    }

    /// Counts the driver's system calls for a deployment, and the flushes among them.
    #[must_use]
    pub fn count_system_calls(&self) -> (usize, usize) {
        let text = self.system_calls(&[]);
        let flushes = text.lines().filter(|line| line.contains("sync("));
        (text.lines().count(), flushes.count())
    }

    /// Returns the output of `strace` for a deployment: a line for each system call of the driver itself.
    fn system_calls(&self, arguments: &[&str]) -> String {
        let log = self.host.path("/state/strace");
        let driver = self.driver();
        let mut strace = self.host.command(Path::new("strace"));
        strace
            .args(["-qq", "-e", "signal=none"])
            .args(arguments)
            .arg("-o")
            .arg(&log)
            .arg(driver.get_program())
            .args(driver.get_args());
        let _ = self.deploy(strace);
        fs::read_to_string(log).expect("a log")
    }

    /// The time of these programs alone, one after the other, with their output read.
    #[must_use]
    pub fn alone(&self, calls: &[String]) -> Duration {
        // `sudo` executes `ip`, so one process writes two lines.
        let calls = calls.iter().filter(|call| !call.starts_with("ip "));
        let mut sum = Duration::ZERO;
        for call in calls {
            let mut words = call.split(' ');
            let name = words.next().expect("a name");
            let path = match name {
                "deploy" => self.host.path("/var/tmp/one/vmm/kvm/deploy"),
                _ => self.host.path("bin").join(name),
            };
            let mut command = self.host.command(&path);
            command.args(words).stdin(Stdio::null());
            let start = Instant::now();
            let output = command.output().expect("it runs");
            sum += start.elapsed();
            assert!(output.status.success(), "{call}");
        }
        sum
    }
}

/// Removes the unique suffix from a deployment's file name.
fn without_token(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((head, _)) if path.contains("/.deployments/") => head,
        _ => path,
    }
}

fn quick_host() -> PathBuf {
    build("one-sriov-tests", "quick-host")
}

/// Makes a PF show its VFs without settings, as older kernels do. The fast `ip` sets nothing, and the driver would notice that
/// from the settings that a newer kernel shows.
fn show_vfs_without_settings(host: &Host, pf: &str) {
    let vfs = (0..VFS_OF_CARD).map(|vf| (vf, BTreeMap::new())).collect();
    kernel::answers(pf, &vfs, |path, answer| host.write(path, answer));
}
