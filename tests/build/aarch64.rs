//! The binaries for aarch64 do the same as those for this machine, under an emulator if necessary.

use std::process::Command;

use one_sriov_tests::host::{Host, Pf};
use one_sriov_tests::{Machine, Nic, Outcome, context, ethernet, infiniband, virtio};

use crate::binaries::Program;

#[test]
fn the_binaries_run_and_print_their_version() {
    let outcome = output(Program::Agent.on_aarch64().arg("version"));
    let mut lines = outcome.stdout.lines();
    let expected = format!(
        "one-sriov-agent {} (aarch64-linux)",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(lines.next(), Some(&*expected));
    // 'make' sets the commit when it builds a checkout.
    let commit = std::env::var("ONE_SRIOV_COMMIT").unwrap_or_default();
    if !commit.is_empty() {
        let date = std::env::var("ONE_SRIOV_DATE").unwrap();
        assert_eq!(lines.next(), Some(&*format!("commit {commit} of {date}")));
    }
    assert_eq!(outcome.code, 0);

    let outcome = output(Program::Driver.on_aarch64().arg("--version"));
    let mut expected = format!("one-sriov-driver {}\n", env!("CARGO_PKG_VERSION"));
    if !commit.is_empty() {
        let date = std::env::var("ONE_SRIOV_DATE").unwrap();
        expected.push_str(&format!("commit {commit} of {date}\n"));
    }
    assert_eq!(outcome.stdout, expected);
}

#[test]
fn the_agent_writes_the_same_files_from_the_same_contexts() {
    for name in [
        "context-4.14.2",
        "context-5.12.13",
        "7.5-three-sriov-alias",
        "7.5-ipv6",
        "7.5-pci",
    ] {
        let text = context(name);
        for backend in ["ifcfg-initscripts", "ifcfg-nm", "ifcfg-suse"] {
            let machines = [(); 2].map(|()| Machine::new(&text, &nics(&text)));
            let [here, there] = &machines;
            let one = apply(Command::new(Program::Agent.here()), here, backend);
            let other = apply(Program::Agent.on_aarch64(), there, backend);
            assert!(
                !here.etc().is_empty(),
                "{name}, {backend}: nothing was written"
            );
            assert_eq!(there.etc(), here.etc(), "{name}, {backend}");
            assert_eq!(
                (other.code, other.stdout, other.stderr),
                (one.code, one.stdout, one.stderr),
                "{name}, {backend}"
            );
        }
    }
}

#[test]
fn the_driver_shows_the_same_pools() {
    let host = Host::new(&[
        Pf::infiniband("ib0", "0000:81:00", 4),
        Pf::ethernet("ens1", "0000:07:00", 2).with_vf_netdevs(),
    ]);
    let deployed = host.deploy(7, &["sriov_ib0", "sriov_ens1"]);
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    let [here, there] = [
        Command::new(Program::Driver.here()),
        Program::Driver.on_aarch64(),
    ]
    .map(|program| {
        let mut command = host.command(std::path::Path::new(program.get_program()));
        command
            .args(program.get_args())
            .arg("--home")
            .arg(host.home());
        output(command.args(["pool", "--json"]))
    });
    assert_eq!(here.code, 0, "{}", here.stderr);
    assert!(here.stdout.contains("\"vm\": 7"), "{}", here.stdout);
    assert_eq!(there.stdout, here.stdout, "{}", there.stderr);
}

fn apply(mut command: Command, machine: &Machine, backend: &str) -> Outcome {
    command
        .args(["apply", "--backend", backend, "--root"])
        .arg(machine.root())
        .env_remove("CONTEXT_FILE")
        .env_remove("JOURNAL_STREAM");
    output(&mut command)
}

/// A bridge NIC, a dummy NIC for each NIC of a context, and enough InfiniBand ports.
fn nics(context: &str) -> Vec<Nic> {
    let macs = context.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let is_nic = name.starts_with("ETH") && name.ends_with("_MAC") && !name.contains("ALIAS");
        is_nic.then(|| value.trim_matches('\'').get(6..))?
    });
    let dummies = (0..).zip(macs).map(|(n, key): (u8, &str)| {
        virtio(&format!("eth{n}"), &format!("aa:{n:02x}:{key}"), 3 + n)
    });
    let ports = (0x10..0x15).map(|slot: u8| {
        let guid = format!("24:8a:07:03:00:aa:bb:{slot:02x}");
        infiniband(
            &format!("ibp0s{slot}"),
            &guid,
            &format!("0000:00:{slot:02x}.0"),
        )
    });
    let others = [
        ethernet("ens1", "02:00:c0:a8:3c:11", "0000:01:01.0", "mlx5_core"),
        infiniband("ibp1s0", "24:8a:07:03:00:aa:bb:01", "0000:01:00.0"),
    ];
    dummies.chain(ports).chain(others).collect()
}

fn output(command: &mut Command) -> Outcome {
    let output = command.output();
    output
        .unwrap_or_else(|error| {
            panic!("{command:?} does not run ({error}); 'make setup' installs it")
        })
        .into()
}
