//! Which programs have a man page, and what their command lines do not say.

use clap::CommandFactory;
use one_sriov_agent::{cli as agent_cli, config};
use one_sriov_driver::cli as driver_cli;

use crate::Page;

/// All programs, by name.
pub const PROGRAMS: [&str; 2] = ["one-sriov-agent", "one-sriov-driver"];

/// The page of the program of that name.
#[must_use]
pub fn page(program: &str) -> Option<Page> {
    match program {
        "one-sriov-agent" => Some(agent()),
        "one-sriov-driver" => Some(driver()),
        _ => None,
    }
}

/// `one-sriov-agent(8)`.
#[must_use]
pub fn agent() -> Page {
    Page {
        command: agent_cli::Cli::command(),
        files: &[
            (
                config::PATH,
                "Settings of the agent, all of them optional: prefix, role, backend.",
            ),
            (
                "/dev/disk/by-label/CONTEXT",
                "The context CD; other disks are looked at where udev does not tell the label.",
            ),
            ("/context/context.sh", "A context without a CD."),
        ],
    }
}

/// `one-sriov-driver(8)`.
#[must_use]
pub fn driver() -> Page {
    Page {
        command: driver_cli::Cli::command(),
        files: &[
            (
                "/var/tmp/one/vmm/kvm-sriov",
                "The actions, as the front-end has copied them, and the program below bin/.",
            ),
            (
                "/var/tmp/one/vmm/kvm-sriov/kvmrc",
                "Settings of all hosts, all of them optional.",
            ),
            (
                "/var/tmp/one/etc/vmm/kvm-sriov/kvmrc",
                "The same, where OpenNebula keeps configuration since 5.6.",
            ),
            (
                "/etc/one-sriov/kvmrc",
                "Settings of this host alone, which overrule the others name by name.",
            ),
            (
                "/var/tmp/one/vmm/kvm-sriov/vf_maps",
                "A map for each pool that does not have all VFs of the network device of its name.",
            ),
            (
                "/run/one-sriov",
                "The leases: owned by oneadmin, mode 0700, void after a boot.",
            ),
        ],
    }
}
