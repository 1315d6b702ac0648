//! The steps of a deployment, without the programs that it calls: reading what libvirt says, choosing
//! VFs while others hold many, editing the domain.
//!
//! What a whole deployment costs, and how that compares with the script of 2013, the program
//! `side-by-side` in `tests/` measures.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hwaddr::{DummyMac, DummyPrefix, Key, MacAddress};
use one_sriov_driver::config::{Config, TransportChoice};
use one_sriov_driver::domain::{Domain, DummyNic, Handover, HostDevice};
use one_sriov_driver::lease::{Chooser, Depth, Guard, Store, Wish};
use one_sriov_driver::libvirt::Look;
use one_sriov_driver::prepare;
use one_sriov_driver::running::{RunningDomain, read_dumps};
use one_sriov_system::Root;
use one_sriov_tests::host::{Host, domain, mac};
use one_sriov_tests::{HELD_EACH, HostTrial, VFS_OF_CARD, scratch};

const NICS: [usize; 3] = [1, 4, 16];
const HELD: [u32; 3] = [8, 128, 2048];
const POOL: &str = "ib0";

fn handovers(vm: u32, nics: usize) -> Vec<Handover> {
    let handover = |interface: usize| {
        let mac: MacAddress = mac(vm, interface).parse().unwrap();
        let position = u8::try_from(interface).unwrap();
        Handover {
            interface,
            device: HostDevice::Plain {
                address: format!("0000:81:{:02x}.{}", interface / 8, interface % 8)
                    .parse()
                    .unwrap(),
            },
            dummy: Some(DummyNic {
                bridge: "sriov_br".parse().unwrap(),
                mac: DummyMac::new(DummyPrefix::default(), position, Key::from(mac)),
            }),
        }
    };
    (0..nics).map(handover).collect()
}

fn edit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("edit");
    for nics in NICS {
        let sent = domain(7, &vec!["sriov_ib0"; nics]);
        let handovers = handovers(7, nics);
        group.throughput(Throughput::Bytes(sent.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(nics), |bencher| {
            bencher.iter(|| {
                Domain::read(black_box(sent.as_bytes()))
                    .unwrap()
                    .edit(&handovers)
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
                .edit(&handovers(vm, HELD_EACH as usize));
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
    look: Look,
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
            let wishes = wishes(vm, &pool, HELD_EACH.min(held - first) as usize);
            let look = Look::new(domains);
            let guard = store.lock(Duration::ZERO, "benchmark").unwrap();
            let devices = grant(&root, &config, &guard, &look, vm, &wishes);
            domains = look.domains().to_vec();
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
            look: Look::new(domains),
        }
    }
}

fn wishes(vm: u32, pool: &str, nics: usize) -> Vec<Wish> {
    let wish = |nth: usize| {
        let mac: MacAddress = mac(vm, nth).parse().unwrap();
        let position = u8::try_from(nth).unwrap();
        Wish {
            pool: pool.parse().unwrap(),
            mac,
            dummy: DummyMac::new(DummyPrefix::default(), position, Key::from(mac)),
            lead: [0, 0],
            vlan: None,
        }
    };
    (0..nics).map(wish).collect()
}

fn grant(
    root: &Root,
    config: &Config,
    guard: &Guard<'_>,
    look: &Look,
    vm: u32,
    wishes: &[Wish],
) -> Vec<hwaddr::PciAddress> {
    let sweep = guard
        .sweep(look, Depth::VmsThatAreGone, Duration::ZERO)
        .unwrap();
    let chosen = Chooser::new(root, config, guard, look)
        .choose(wishes, &sweep)
        .unwrap();
    let devices = chosen.iter().map(|choice| choice.vf.address).collect();
    let granted = wishes.iter().zip(chosen).map(|(wish, choice)| {
        let terms = prepare::terms(wish, &choice, TransportChoice::Auto, &[]).unwrap();
        (wish, choice, terms)
    });
    let vm = vm.to_string().parse().unwrap();
    let mut deployment = guard.grant(vm, None, granted.collect()).unwrap();
    guard
        .activate(&mut deployment, &format!("one-{vm}"))
        .unwrap();
    devices
}

/// The decision under the lock, up to the writing of the leases.
fn allocate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choose a VF while others are held");
    for held in HELD {
        let host = Held::new(held);
        let wishes = wishes(9999, POOL, 1);
        group.bench_function(BenchmarkId::from_parameter(held), |bencher| {
            bencher.iter(|| {
                let guard = host.store.lock(Duration::ZERO, "benchmark").unwrap();
                let look = &host.look;
                let sweep = guard
                    .sweep(look, Depth::VmsThatAreGone, Duration::ZERO)
                    .unwrap();
                let mut chooser = Chooser::new(&host.root, &host.config, &guard, look);
                chooser.choose(black_box(&wishes), &sweep).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, edit, dumps, allocate);
criterion_main!(benches);
