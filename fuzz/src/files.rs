//! The whole way from a context to the files for the network stacks.

use std::collections::BTreeSet;

use one_sriov_agent::context::Context;
use one_sriov_agent::inventory::Inventory;
use one_sriov_agent::plan::{Outcome, Plan, PlanSettings, plan};
use one_sriov_agent::render::{Backend, Resolver};

use one_sriov_tests::check_file;

use crate::machine::Machine;

/// Checks that, whatever the context, files contain only what `check_file` allows, and messages contain no control characters.
pub fn files(input: &[u8]) {
    let machine = Machine::of(input);
    let Ok(context) = Context::parse(machine.context) else {
        return;
    };
    let first = plan(&context, &machine.inventory(), &machine.settings);
    check(&first);

    // The next boot, at which half of the devices are late: their names come from the record of the first run.
    let known = first.nics.iter().filter_map(|nic| {
        let device = nic.device.as_ref()?;
        Some((nic.id, device.name.clone()))
    });
    let settings = PlanSettings {
        known: known.collect(),
        ..machine.settings
    };
    let here = machine.nics.into_iter().step_by(2).collect();
    let here = Inventory::new(here, Vec::new(), Vec::new());
    let next = plan(&context, &here, &settings);
    check(&next);
    assert!(next.keep(&settings.known, &here).len() <= settings.known.len());
}

fn check(plan: &Plan) {
    for note in &plan.notes {
        assert_printable(note);
    }
    for value in &plan.bad_values {
        assert_printable(&value.to_string());
    }
    for nic in &plan.nics {
        assert_printable(&nic.label());
        assert_printable(&nic.id.to_string());
        match &nic.outcome {
            Outcome::Refused(reasons) => reasons.iter().for_each(|reason| assert_printable(reason)),
            Outcome::Absent(why) | Outcome::LeftAlone(why) => assert_printable(why),
            Outcome::Configure(_) => {}
        }
        for value in &nic.bad_values {
            assert_printable(&value.to_string());
        }
        for origin in &nic.origins {
            assert_printable(&origin.value);
            assert_printable(&origin.from);
        }
    }
    for backend in Backend::ALL {
        let mut rendered = backend.render(plan);
        assert_eq!(
            backend.render(plan),
            rendered,
            "{backend} is not deterministic"
        );
        let names = backend.name_servers(plan, || Resolver::Nobody);
        rendered.files.extend(names.files);
        rendered.notes.extend(names.notes);
        for note in &rendered.notes {
            assert_printable(note);
        }
        let mut paths = BTreeSet::new();
        for file in &rendered.files {
            assert!(
                paths.insert(&file.path),
                "{backend} writes '{}' twice",
                file.path.display()
            );
            let path = file.path.to_str().expect("UTF-8");
            if let Err(broken) = check_file(path, file.mode, &file.text) {
                panic!(
                    "{backend}, '{}': {broken}\n{:?}",
                    file.path.display(),
                    file.text
                );
            }
        }
    }
}

/// Checks a message, which may be printed to terminals and logs.
fn assert_printable(message: &str) {
    assert!(!message.contains(char::is_control), "{message:?}");
}
