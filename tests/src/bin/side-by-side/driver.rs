//! Compares the driver with the script of 2013.
//!
//! Both deploy the same domain on the same host, on a tmpfs. `virsh`, `sudo`, `ip` and the stock action are minimal
//! stand-ins. Their cost is measured separately, for the calls that each of the two made, and subtracted. The driver queries
//! libvirt, and flushes nothing that a boot would remove anyway; the script checked nothing.

use std::path::Path;
use std::time::Duration;

use one_sriov_tests::{HostTrial, median};

use super::milliseconds;

/// NICs, runs of the script.
const PLAN: [(usize, usize); 3] = [(1, 41), (4, 21), (16, 11)];
/// Runs of the driver for each run of the script.
const DRIVER_RUNS: usize = 5;
/// The mark of a measurement above its maximum.
const TOO_SLOW: &str = "  TOO SLOW";
/// The maximum time of any deployment.
const BOUND: Duration = Duration::from_millis(15);
/// Numbers of VFs that other VMs hold.
const HELD: [u32; 3] = [8, 128, 2048];
/// The maximum time for each running VM, because the driver reads its document.
const PER_VM: Duration = Duration::from_micros(100);

/// Prints the comparison. Returns whether all maxima are kept.
pub(crate) fn compare(memory: &Path) -> bool {
    println!(
        "NICs  script 2013  driver     faster  started (virsh, ip)  with all programs: script, driver"
    );
    let mut is_good = true;
    for (nics, runs) in PLAN {
        is_good &= beside_the_script(memory, nics, runs);
    }
    println!("held VFs  by running VMs  deployment with 1 NIC");
    let mut first = None;
    for held in HELD {
        let trial = HostTrial::new(memory, 1, HostTrial::cards_of(HELD[2]), held);
        let (calls, _) = trial.trace(HostTrial::by_driver);
        let (_, own) = measure(&trial, &calls, 101, HostTrial::by_driver);
        let least = *first.get_or_insert(own);
        let is_slower = own > least + PER_VM * trial.running();
        is_good &= !is_slower;
        println!(
            "{held:>8}  {:>14}  {:>6.2} ms{}",
            trial.running(),
            milliseconds(own),
            if is_slower { TOO_SLOW } else { "" }
        );
    }
    is_good
}

fn beside_the_script(memory: &Path, nics: usize, runs: usize) -> bool {
    let trial = HostTrial::new(memory, nics, 0, 0);
    let (old_calls, old_domain) = trial.trace(HostTrial::by_script);
    let (calls, domain) = trial.trace(HostTrial::by_driver);
    // Check that both assign the same VFs.
    assert_eq!(devices(&domain).len(), nics, "a VF for each NIC");
    assert_eq!(
        devices(&old_domain),
        devices(&domain),
        "both give the same VFs"
    );
    let (old_all, old) = measure(&trial, &old_calls, runs, HostTrial::by_script);
    let (all, own) = measure(&trial, &calls, runs * DRIVER_RUNS, HostTrial::by_driver);
    let ratio = old.as_secs_f64() / own.as_secs_f64();
    let is_good = own <= BOUND;
    let started = |name: &str| calls.iter().filter(|call| call.starts_with(name)).count();
    println!(
        "{nics:>4}  {:>8.1} ms  {:>6.2} ms  {ratio:>4.0} x  {:>7}, {:<10}  {:.1} ms, {:.1} ms{}",
        milliseconds(old),
        milliseconds(own),
        started("virsh "),
        started("ip "),
        milliseconds(old_all),
        milliseconds(all),
        if is_good { "" } else { TOO_SLOW },
    );
    is_good
}

/// The time of a deployment, with and without that of the programs that it calls.
fn measure(
    trial: &HostTrial,
    calls: &[String],
    runs: usize,
    run: impl Fn(&HostTrial) -> Duration,
) -> (Duration, Duration) {
    let (mut all, mut alone) = (Vec::new(), Vec::new());
    // Alternate, so that a busy phase of the machine affects both.
    for _ in 0..runs {
        all.push(run(trial));
        alone.push(trial.alone(calls));
    }
    let all = median(&all);
    (all, all.saturating_sub(median(&alone)))
}

/// The addresses of a domain's hostdevs.
fn devices(domain: &str) -> Vec<&str> {
    domain
        .split("<address ")
        .skip(1)
        .filter_map(|rest| rest.split("/>").next())
        .collect()
}
