//! Plans for a VM's NICs made on another machine, for image builders.

use one_sriov_tests::{Machine, Tool, image, infiniband, run, virtio};
use serde_json::Value;

const CONTEXT: &str = "ETH0_MAC='02:00:0a:00:00:0c'\nETH0_IP='10.0.0.12'\nETH1_MAC='02:00:c0:a8:07:07'\nETH1_IP='192.168.7.7'\n";

/// The VM whose NICs are planned.
fn vm() -> Machine {
    let nics = [
        virtio("eth0", "02:00:0a:00:00:0c", 3),
        virtio("eth1", "aa:00:c0:a8:07:07", 4),
        infiniband("ibp0s5", "24:8a:07:03:00:aa:bb:01", "0000:00:05.0"),
        infiniband("ib9", "00:00:00:00:00:00:00:00", "0000:00:09.0"),
        virtio("br0", "02:00:0a:00:00:0d", 7).with("uevent", "DEVTYPE=bridge"),
    ];
    let machine = Machine::new(CONTEXT, &nics);
    machine.write("/etc/one-sriov/agent.conf", "backend = networkd\n");
    machine
}

/// An image on a machine without those NICs.
fn builder(nics: &str) -> Machine {
    let machine = Machine::new("", &[]);
    machine.write("/etc/one-sriov/agent.conf", "backend = networkd\n");
    std::fs::remove_dir_all(machine.path("/sys")).expect("a sysfs");
    machine.write("/vm.json", nics);
    machine
}

fn plan(machine: &Machine, arguments: &[&str]) -> String {
    let nics = machine.path("/vm.json");
    let cd = image(machine.root(), Tool::Genisoimage, Some("CONTEXT"), CONTEXT);
    let all = [
        "plan",
        "--nics",
        nics.to_str().expect("UTF-8"),
        "--context",
        cd.to_str().expect("UTF-8"),
    ];
    let outcome = run(machine, &[&all, arguments].concat());
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    outcome.stdout
}

/// The plan without its first line, which names the medium.
fn files(plan: &str) -> &str {
    plan.split_once('\n').expect("a first line").1
}

#[test]
fn the_plan_for_a_vm_is_the_same_on_another_machine() {
    let vm = vm();
    let here = run(&vm, &["plan"]).stdout;
    let json = run(&vm, &["plan", "--json"]).stdout;
    let value: Value = serde_json::from_str(&json).expect("JSON");
    // The whole output of 'plan --json' is accepted, and its inventory alone.
    for nics in [json.clone(), value["inventory"].to_string()] {
        let builder = builder(&nics);
        assert_eq!(files(&plan(&builder, &[])), files(&here));
        let again: Value = serde_json::from_str(&plan(&builder, &["--json"])).expect("JSON");
        assert_eq!(again["inventory"], value["inventory"]);
    }
}

#[test]
fn a_list_of_nics_that_cannot_be_read_is_one_clear_error() {
    let table = [
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("{}", "missing field `nics`"),
        (
            r#"{"nics": [{"name": "eth0", "link": {"ethernet": "x"}}]}"#,
            "invalid MAC address 'x'",
        ),
        (
            r#"{"nics": [{"nam": "eth0", "link": {"ethernet": "02:00:0a:00:00:0c"}}]}"#,
            "unknown field `nam`",
        ),
    ];
    for (text, expected) in table {
        let builder = builder(text);
        let nics = builder.path("/vm.json");
        let nics = nics.to_str().expect("UTF-8");
        let outcome = run(&builder, &["plan", "--nics", nics]);
        assert_eq!(outcome.code, 1, "{text}");
        let start =
            format!("one-sriov-agent: error: failed to read the NICs from '{nics}': {expected}");
        assert!(outcome.stderr.starts_with(&start), "{}", outcome.stderr);
        assert!(
            outcome
                .stderr
                .contains("expected the output of 'one-sriov-agent plan --json'")
        );
    }
    let outcome = run(&builder("{}"), &["plan", "--nics", "/nowhere"]);
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (
            1,
            "one-sriov-agent: error: failed to read the NICs from '/nowhere': No such file or directory (os error 2)\n"
        )
    );
}
