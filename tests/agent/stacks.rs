//! All scenarios for all network stacks, file by file.

use one_sriov_tests::{BACKENDS, Machine, run, scenarios};

use crate::scenario::check_all;

#[test]
fn every_stack_gets_the_recorded_files() {
    for (name, context, nics) in scenarios() {
        check_all(name, &context, &nics);
    }
}

#[test]
fn a_second_run_changes_no_file() {
    for (name, context, nics) in scenarios() {
        for backend in BACKENDS {
            let machine = Machine::new(&context, &nics);
            let first = run(&machine, &["apply", "--backend", backend]);
            let before = machine.etc();
            let second = run(&machine, &["apply", "--backend", backend]);
            assert_eq!(machine.etc(), before, "{name}, {backend}");
            assert_eq!(second.code, first.code, "{name}, {backend}");
            let is_change = |line: &str| line.starts_with("wrote") || line.starts_with("updated");
            assert!(
                !second.stdout.lines().any(is_change),
                "{name}, {backend}: {}",
                second.stdout
            );
        }
    }
}

#[test]
fn switching_the_stack_removes_all_files_of_the_old_one() {
    for (name, context, nics) in scenarios() {
        let machine = Machine::new(&context, &nics);
        for backend in BACKENDS {
            let _ = run(&machine, &["apply", "--backend", backend]);
            let alone = Machine::new(&context, &nics);
            let _ = run(&alone, &["apply", "--backend", backend]);
            assert_eq!(machine.etc(), alone.etc(), "{name}, {backend}");
        }
    }
}
