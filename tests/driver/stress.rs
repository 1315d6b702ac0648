//! Many drivers at once, killed at random, on a host with faults: no VF is lost or assigned twice.
//!
//! `ONE_SRIOV_STRESS_OPERATIONS` sets the number of operations. A failure prints its seed; `ONE_SRIOV_STRESS_SEED` repeats that
//! run.
//!
//! ```text
//! ONE_SRIOV_STRESS_OPERATIONS=50000 cargo test --package one-sriov-tests --test driver stress
//! ```

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use one_sriov_tests::host::{Host, Pf, deployment_file, domain};

use crate::audit::Audit;

const WORKERS: usize = 64;
const OPERATIONS: usize = 2400;
/// The number of operations between two audits.
const ROUND: usize = 400;

/// A host with two ports of one card, which share its VFs, and another card: 32 VFs.
fn host() -> Host {
    let host = Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 16).and_port("ib1"),
        Pf::ethernet("ens1f0", "0000:82:00", 16),
    ]);
    host.write(
        "/etc/one-sriov/kvmrc",
        "LEASE_GRACE=0\nLOCK_WAIT=300\nLIBVIRT_WAIT=120\nVF_IDENTITY_ens1f0=dummy\n",
    );
    host
}

/// xorshift64*: reproducible random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// What all workers share.
struct Stress {
    host: Host,
    next_vm: AtomicU32,
    /// VMs that may be running.
    vms: Mutex<Vec<u32>>,
    done: AtomicUsize,
    killed: AtomicUsize,
    deployed: AtomicUsize,
    /// Shared by the workers, exclusive for the audit.
    quiet: RwLock<()>,
}

impl Stress {
    /// Starts a driver in its own process group.
    fn start(&self, action: &str, vm: u32, stdin: &str) -> Child {
        use std::io::Write as _;
        use std::os::unix::process::CommandExt as _;
        let mut command: Command = self.host.driver(&["action", "--", action]);
        let target = match action {
            "deploy" => deployment_file(vm),
            _ => format!("one-{vm}"),
        };
        command.args([&*target, "host", &vm.to_string(), "host"]);
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The driver may have been killed before it read this.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child
    }

    /// Waits for a driver, or kills it after a random time, alone or with its process group.
    fn wait_or_kill(&self, mut child: Child, random: &mut Random) -> ExitStatus {
        if random.below(4) == 0 {
            std::thread::sleep(Duration::from_micros(random.below(40_000)));
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
            let _ = match random.below(2) {
                0 => kill(pid, Signal::SIGKILL),
                _ => killpg(pid, Signal::SIGKILL),
            };
            self.killed.fetch_add(1, Ordering::Relaxed);
        }
        child.wait().unwrap()
    }

    fn some_vm(&self, random: &mut Random) -> Option<u32> {
        let mut vms = self.vms.lock().unwrap();
        let count = u64::try_from(vms.len()).unwrap();
        (count > 0).then(|| vms.swap_remove(usize::try_from(random.below(count)).unwrap()))
    }

    fn one_operation(&self, random: &mut Random) {
        let _working = self.quiet.read().unwrap();
        match random.below(20) {
            0..10 => {
                let vm = self.next_vm.fetch_add(1, Ordering::Relaxed);
                let pools = ["sriov_ib0", "sriov_ib1", "sriov_ens1f0"];
                let wanted = 1 + random.below(3);
                let bridges: Vec<&str> = (0..wanted)
                    .map(|_| pools[usize::try_from(random.below(3)).unwrap()])
                    .collect();
                let child = self.start("deploy", vm, &domain(vm, &bridges));
                let end = self.wait_or_kill(child, random);
                if end.success() {
                    self.deployed.fetch_add(1, Ordering::Relaxed);
                }
                // A killed deployment may have created the domain.
                if end.success() || end.code().is_none() {
                    self.vms.lock().unwrap().push(vm);
                }
            }
            10..15 => {
                if let Some(vm) = self.some_vm(random) {
                    let child = self.start("cancel", vm, "");
                    if !self.wait_or_kill(child, random).success() {
                        self.vms.lock().unwrap().push(vm);
                    }
                }
            }
            // The guest powers itself off without the driver.
            15..18 => {
                if let Some(vm) = self.some_vm(random) {
                    let name = format!("one-{vm}");
                    let mut virsh = self.host.command(&self.host.path("bin/virsh"));
                    let _ = virsh
                        .args(["destroy", &name])
                        .stderr(Stdio::null())
                        .status();
                }
            }
            18 => {
                let mut probe = self.host.driver(&["probe"]);
                probe.stdout(Stdio::null()).stderr(Stdio::null());
                assert!(probe.status().unwrap().success(), "the probe failed");
            }
            _ => {
                let mut reconcile = self.host.driver(&["reconcile"]);
                let child = reconcile
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn();
                self.wait_or_kill(child.unwrap(), random);
            }
        }
    }

    /// Runs this many operations in parallel workers.
    fn round(&self, seed: u64, operations: usize) {
        let left = AtomicUsize::new(operations);
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let left = &left;
                scope.spawn(move || {
                    let mut random = Random(seed ^ (u64::try_from(worker).unwrap() + 1) << 32 | 1);
                    let take = |left: usize| left.checked_sub(1);
                    while left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                        .is_ok()
                    {
                        self.one_operation(&mut random);
                        self.done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
    }

    /// Waits for children that outlive killed drivers.
    fn wait_for_children(&self) {
        let mark = format!("ONE_SRIOV_ROOT={}\0", self.host.root().display()).into_bytes();
        let is_ours = |pid: &std::ffi::OsStr| {
            let path = std::path::Path::new("/proc").join(pid).join("environ");
            let environment = std::fs::read(path).unwrap_or_default();
            environment.windows(mark.len()).any(|part| part == mark)
        };
        let start = std::time::Instant::now();
        loop {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            if !processes
                .map(|process| process.file_name())
                .any(|pid| is_ours(&pid))
            {
                return;
            }
            assert!(start.elapsed().as_secs() < 60, "a child does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Reboots the host: no domains, reset cards, another boot ID.
    fn reboot(&self, boot: usize) {
        for file in std::fs::read_dir(self.host.path("/state/domains")).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        self.vms.lock().unwrap().clear();
        let id = format!("00000000-0000-0000-0000-{boot:012}\n");
        self.host.write("/proc/sys/kernel/random/boot_id", id);
        self.host.reset_cards();
    }
}

#[test]
fn no_vf_is_lost_or_assigned_twice() {
    let seed = number(
        "ONE_SRIOV_STRESS_SEED",
        u64::from(std::process::id()) << 20 | 0x9e37,
    );
    let wanted = usize::try_from(number("ONE_SRIOV_STRESS_OPERATIONS", OPERATIONS as u64)).unwrap();
    let stress = Stress {
        host: host(),
        next_vm: AtomicU32::new(1),
        vms: Mutex::default(),
        done: AtomicUsize::new(0),
        killed: AtomicUsize::new(0),
        deployed: AtomicUsize::new(0),
        quiet: RwLock::default(),
    };
    let context = |what: &str| {
        format!(
            "seed {seed}, after {} operations: {what}",
            stress.done.load(Ordering::Relaxed)
        )
    };
    let mut round = 0;
    while stress.done.load(Ordering::Relaxed) < wanted {
        round += 1;
        stress.round(seed.wrapping_add(round << 8), ROUND);
        stress.wait_for_children();
        // Killed drivers may leave files, but no VF may be assigned twice.
        let audit = Audit::of(&stress.host);
        assert_eq!(
            audit.assigned_twice(),
            [""; 0],
            "{}",
            context("assigned twice")
        );
        // One `reconcile` repairs everything.
        let reconciled = stress.host.operator(&["reconcile"]);
        assert_eq!(
            reconciled.code,
            0,
            "{}{}",
            context(&reconciled.stdout),
            reconciled.stderr
        );
        let audit = Audit::of(&stress.host);
        assert_eq!(
            audit.assigned_twice(),
            [""; 0],
            "{}",
            context("assigned twice")
        );
        assert_eq!(audit.lost(), [""; 0], "{}", context("lost"));
        if round % 3 == 0 {
            stress.reboot(usize::try_from(round).unwrap());
        }
    }
    // Otherwise the test would have tested nothing.
    let (deployed, killed) = (
        stress.deployed.load(Ordering::Relaxed),
        stress.killed.load(Ordering::Relaxed),
    );
    assert!(
        deployed > wanted / 20 && killed > wanted / 10,
        "{deployed} deployed, {killed} killed"
    );
    // At the end, all VFs can be allocated.
    stress.reboot(0);
    let all = ["sriov_ib0"; 16]
        .iter()
        .chain(&["sriov_ens1f0"; 16])
        .copied();
    let all: Vec<&str> = all.collect();
    let last = stress.host.deploy(1_000_000, &all);
    assert_eq!(last.code, 0, "{}", context(&last.stderr));
    assert_eq!(Audit::of(&stress.host).leases(), 32);
}
