//! Benchmarks the steps of a deployment, without the programs that it calls: reading libvirt's output, allocating
//! VFs while others hold many, editing the domain.
//!
//! `side-by-side` in `tests/` measures whole deployments, and compares them with the script of 2013.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hwaddr::{DummyMac, DummyPrefix, Key, MacAddress};
use one_sriov_driver::config::{Config, IdentitySetting};
use one_sriov_driver::domain::{DeviceReplacement, Domain, DummyInterface, HostDevice};
use one_sriov_driver::lease::{Allocator, Guard, Store, SweepScope, VfRequest, Wanted};
use one_sriov_driver::libvirt::RunningDomains;
use one_sriov_driver::libvirt::{RunningDomain, read_dumps};
use one_sriov_driver::opennebula::NicAttributes;
use one_sriov_driver::prepare;
use one_sriov_system::Root;
use one_sriov_tests::host::{Host, domain, mac};
use one_sriov_tests::{HELD_EACH, HostTrial, VFS_OF_CARD, scratch};

const NICS: [usize; 3] = [1, 4, 16];
const HELD: [u32; 3] = [8, 128, 2048];
const POOL: &str = "ib0";

fn replacements(vm: u32, nics: usize) -> Vec<DeviceReplacement> {
    let replacement = |interface: usize| {
        let mac: MacAddress = mac(vm, interface).parse().unwrap();
        let position = u8::try_from(interface).unwrap();
        DeviceReplacement {
            interface,
            device: HostDevice::Plain {
                address: format!("0000:81:{:02x}.{}", interface / 8, interface % 8)
                    .parse()
                    .unwrap(),
            },
            dummy: Some(DummyInterface {
                bridge: "sriov_br".parse().unwrap(),
                mac: DummyMac::new(DummyPrefix::default(), position, Key::from(mac)),
            }),
        }
    };
    (0..nics).map(replacement).collect()
}

fn edit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("edit");
    for nics in NICS {
        let sent = domain(7, &vec!["sriov_ib0"; nics]);
        let replacements = replacements(7, nics);
        group.throughput(Throughput::Bytes(sent.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(nics), |bencher| {
            bencher.iter(|| {
                Domain::read(black_box(sent.as_bytes()))
                    .unwrap()
                    .edit(&replacements)
            });
        });
    }
    group.finish();
}

fn dumps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("what libvirt says of running VMs");
    for vms in [1, 8, 128_u32] {
        let document = |vm: u32| {
            let sent = domain(vm, &["sriov_ib0"; HELD_EACH as usize]);
            let edited = Domain::read(sent.as_bytes())
                .unwrap()
                .edit(&replacements(vm, HELD_EACH as usize));
            String::from_utf8(edited).unwrap()
        };
        let text: String = (0..vms).map(document).collect();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(vms), |bencher| {
            bencher.iter(|| read_dumps(black_box(text.as_bytes())).unwrap());
        });
    }
    group.finish();
}

/// VMs with sixteen VFs each, all of them held.
struct Held {
    _host: Host,
    root: Root,
    config: Config,
    store: Store,
    running: RunningDomains,
}

impl Held {
    fn new(held: u32) -> Self {
        let pfs = HostTrial::pfs(HostTrial::cards_of(HELD[2]));
        let host = Host::new_in(&scratch(), &pfs);
        let root = Root::new(host.root());
        let config = Config::new(&host.home());
        let store = Store::open(&root, &config.lease_dir).unwrap();
        let mut domains = Vec::new();
        for vm in 1..=held.div_ceil(HELD_EACH) {
            let first = (vm - 1) * HELD_EACH;
            let pool = format!("ib{}", 1 + first / VFS_OF_CARD);
            let requests = requests(vm, &pool, HELD_EACH.min(held - first) as usize);
            let running = RunningDomains::new(domains);
            let guard = store.lock(Duration::ZERO, "benchmark").unwrap();
            let devices = grant(&root, &config, &guard, &running, vm, &requests);
            domains = running.domains().to_vec();
            domains.push(RunningDomain {
                name: format!("one-{vm}"),
                uuid: format!("00000000-0000-4000-a000-{vm:012x}"),
                devices,
            });
        }
        Self {
            _host: host,
            root,
            config,
            store,
            running: RunningDomains::new(domains),
        }
    }
}

fn requests(vm: u32, pool: &str, nics: usize) -> Vec<VfRequest> {
    let request = |nth: usize| {
        let mac: MacAddress = mac(vm, nth).parse().unwrap();
        let position = u8::try_from(nth).unwrap();
        VfRequest {
            wanted: Wanted::AnyOf(pool.parse().unwrap()),
            mac,
            dummy: DummyMac::new(DummyPrefix::default(), position, Key::from(mac)),
            guid_prefix: [0, 0],
            vlan: None,
            attributes: NicAttributes::default(),
        }
    };
    (0..nics).map(request).collect()
}

fn grant(
    root: &Root,
    config: &Config,
    guard: &Guard<'_>,
    running: &RunningDomains,
    vm: u32,
    requests: &[VfRequest],
) -> Vec<hwaddr::PciAddress> {
    let sweep = guard
        .sweep(running, SweepScope::StoppedVms, Duration::ZERO)
        .unwrap();
    let allocations = Allocator::new(root, config, guard, running)
        .allocate(requests, &[], &sweep)
        .unwrap();
    let devices = allocations
        .iter()
        .map(|allocation| allocation.vf.address)
        .collect();
    let granted = requests
        .iter()
        .zip(allocations)
        .map(|(request, allocation)| {
            let setup = prepare::setup(request, &allocation, IdentitySetting::Auto, &[]).unwrap();
            (request, allocation, setup)
        });
    let vm = vm.to_string().parse().unwrap();
    let mut deployment = guard.grant(vm, None, granted.collect()).unwrap();
    guard
        .activate(&mut deployment, &format!("one-{vm}"))
        .unwrap();
    devices
}

/// The decision under the lock, without writing the leases.
fn allocate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choose a VF while others are held");
    for held in HELD {
        let host = Held::new(held);
        let requests = requests(9999, POOL, 1);
        group.bench_function(BenchmarkId::from_parameter(held), |bencher| {
            bencher.iter(|| {
                let guard = host.store.lock(Duration::ZERO, "benchmark").unwrap();
                let running = &host.running;
                let sweep = guard
                    .sweep(running, SweepScope::StoppedVms, Duration::ZERO)
                    .unwrap();
                let mut allocator = Allocator::new(&host.root, &host.config, &guard, running);
                allocator
                    .allocate(black_box(&requests), &[], &sweep)
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, edit, dumps, allocate);
criterion_main!(benches);
