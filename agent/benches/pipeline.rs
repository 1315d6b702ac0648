//! Benchmarks the steps of a run, one by one and together, with 1, 16 and 256 NICs.
//!
//! `side-by-side` in `tests/` measures whole processes, and compares them with the script of 2013.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use one_sriov_agent::context::Context;
use one_sriov_agent::install::{Directories, Record, Snapshot, WantedFiles, apply, decide};
use one_sriov_agent::inventory::{Inventory, Sysfs};
use one_sriov_agent::plan::{PlanSettings, plan};
use one_sriov_agent::render::Backend;
use one_sriov_system::Root;
use one_sriov_tests::{Machine, Trial, fleet, scratch, sizes};
use tempfile::TempDir;

const BACKEND: Backend = Backend::IfcfgInitscripts;

/// A whole run, except for starting the process.
fn run(text: &[u8], sysfs: &Path, root: &Root) {
    let context = Context::parse(text).unwrap();
    let mut directories = Directories::new(root);
    let record = Record::load(&mut directories).unwrap();
    let inventory = Sysfs::new(sysfs, root).unwrap().inventory().unwrap();
    let plan = plan(&context, &inventory, &PlanSettings::default());
    let wanted = WantedFiles {
        files: BACKEND.render(&plan).files.into(),
        keep: plan.keep(record.devices(), &inventory),
        takes_over: false,
    };
    let disk = Snapshot::take(&mut directories, &wanted.files, &record).unwrap();
    let changes = decide(&wanted, &record, &disk);
    let report = apply(&mut directories, &changes, &record).unwrap();
    black_box(report);
}

fn steps(criterion: &mut Criterion) {
    for nics in sizes() {
        let (text, devices) = fleet(nics);
        let machine = Machine::new_in(&scratch(), &text, &devices);
        let root = Root::new(machine.root());
        let sysfs = Sysfs::new(machine.path("/sys"), &root).unwrap();
        let context = Context::parse(text.as_bytes()).unwrap();
        let inventory: Inventory = sysfs.inventory().unwrap();
        let planned = plan(&context, &inventory, &PlanSettings::default());

        let mut group = criterion.benchmark_group("step");
        group.throughput(Throughput::Elements(nics.into()));
        group.bench_function(BenchmarkId::new("context", nics), |bench| {
            bench.iter(|| Context::parse(black_box(text.as_bytes())).unwrap());
        });
        group.bench_function(BenchmarkId::new("inventory", nics), |bench| {
            bench.iter(|| sysfs.inventory().unwrap());
        });
        group.bench_function(BenchmarkId::new("plan", nics), |bench| {
            bench.iter(|| plan(black_box(&context), &inventory, &PlanSettings::default()));
        });
        group.bench_function(BenchmarkId::new("render", nics), |bench| {
            bench.iter(|| BACKEND.render(black_box(&planned)));
        });
        group.finish();
    }
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole");
    for nics in sizes() {
        let (text, devices) = fleet(nics);
        let trial = Trial::new(&scratch(), nics);
        let machine = Machine::new_in(&scratch(), &text, &devices);
        let sysfs = machine.path("/sys");
        group.throughput(Throughput::Elements(nics.into()));
        group.sample_size(20);
        group.bench_function(BenchmarkId::new("first run", nics), |bench| {
            bench.iter_batched(
                || trial.fresh_root(),
                |root: TempDir| {
                    run(text.as_bytes(), &sysfs, &Root::new(root.path()));
                    root
                },
                BatchSize::PerIteration,
            );
        });
        let done = trial.fresh_root();
        let root = Root::new(done.path());
        run(text.as_bytes(), &sysfs, &root);
        group.bench_function(BenchmarkId::new("nothing to do", nics), |bench| {
            bench.iter(|| run(text.as_bytes(), &sysfs, &root));
        });
    }
    group.finish();
}

criterion_group!(pipeline, steps, whole);
criterion_main!(pipeline);
