//! All code blocks of the pages with commands, and how each block is checked.

/// How a block is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// The lines run in a guest, in the order of this table.
    Guest,
    /// The lines run on a host.
    Host,
    /// The output of the previous block.
    Output,
    /// Not run here, because another test covers it or because it needs something.
    NotHere(&'static str),
    /// Not a command: configuration, a template, a message.
    Text,
}

use Check::{Guest, Host, NotHere, Output, Text};

const CLOUD: &str = "needs an OpenNebula front-end";
const PACKAGES: &str = "tests/packages installs the packages";
const REMOTES: &str = "tests/remotes/install.rs installs the remotes";
const VFS: &str = "needs a card with VFs; tests/driver/vfs.rs runs the service's command";
const DOCTOR: &str = "needs a real host: 'make lab' runs it; tests/driver/doctor.rs";
const DEMO: &str = "tests/demo runs it";
const CARGO: &str = "it is how these tests are started";

/// The page, the start of the block's first line, and the check.
pub(super) const BLOCKS: &[(&str, &str, Check)] = &[
    ("README.md", "make demo", NotHere(DEMO)),
    ("README.md", "dpkg --root IMAGE", Guest),
    (
        "README.md",
        "dpkg --install dist/one-sriov-frontend",
        NotHere(PACKAGES),
    ),
    (
        "README.md",
        "dpkg --install dist/one-sriov-node",
        NotHere(PACKAGES),
    ),
    ("CONTRIBUTING.md", "cargo check", NotHere(CARGO)),
    ("CONTRIBUTING.md", "cargo test", NotHere(CARGO)),
    ("CONTRIBUTING.md", "INSTA_UPDATE=new cargo", NotHere(CARGO)),
    ("docs/tutorial/demo.md", "make demo", NotHere(DEMO)),
    (
        "docs/tutorial/demo.md",
        "===",
        NotHere("tests/demo compares it"),
    ),
    (
        "docs/tutorial/demo.md",
        "[",
        NotHere("tests/demo compares it"),
    ),
    (
        "docs/tutorial/demo.md",
        "NICs: ",
        NotHere("tests/demo compares it"),
    ),
    (
        "docs/how-to/put-it-into-an-image.md",
        "one-sriov-agent plan --json",
        Guest,
    ),
    ("docs/how-to/put-it-into-an-image.md", "mkdir files", Guest),
    (
        "docs/how-to/put-it-into-an-image.md",
        "one-sriov-agent plan --root",
        Guest,
    ),
    (
        "docs/how-to/put-it-into-an-image.md",
        "dpkg --root IMAGE",
        Guest,
    ),
    (
        "docs/how-to/put-it-into-an-image.md",
        "one-sriov-agent clean",
        Guest,
    ),
    ("docs/how-to/put-it-into-an-image.md", "removed '", Output),
    (
        "docs/how-to/when-something-is-wrong.md",
        "one-sriov doctor",
        NotHere(DOCTOR),
    ),
    (
        "docs/how-to/when-something-is-wrong.md",
        "one-sriov-agent status",
        NotHere("tests/agent/status runs it for each cause"),
    ),
    (
        "docs/how-to/install-the-driver.md",
        "dpkg --install",
        NotHere(PACKAGES),
    ),
    (
        "docs/how-to/install-the-driver.md",
        "make install-frontend",
        NotHere(REMOTES),
    ),
    ("docs/how-to/install-the-driver.md", "ARGUMENTS ", Text),
    ("docs/how-to/install-the-driver.md", "VM_MAD = [", Text),
    (
        "docs/how-to/install-the-driver.md",
        "systemctl restart opennebula",
        NotHere(CLOUD),
    ),
    (
        "docs/how-to/install-the-driver.md",
        "LIVE_DISK_SNAPSHOTS=",
        Text,
    ),
    (
        "docs/how-to/install-the-driver.md",
        "cat /sys/class/net/ib0/",
        NotHere(VFS),
    ),
    (
        "docs/how-to/install-the-driver.md",
        "'ib0' has 8 VFs now",
        Text,
    ),
    (
        "docs/how-to/install-the-driver.md",
        "refused to change the VFs",
        Text,
    ),
    (
        "docs/how-to/install-the-driver.md",
        "one-sriov doctor",
        NotHere(DOCTOR),
    ),
    ("docs/how-to/install-the-driver.md", "ok       pool", Text),
    ("docs/how-to/install-the-driver.md", "one-sriov pool", Host),
    (
        "docs/how-to/install-the-driver.md",
        "ib0: 8 of 8 free",
        Output,
    ),
    (
        "docs/how-to/install-the-driver.md",
        "onehost show",
        NotHere(CLOUD),
    ),
    ("docs/how-to/install-the-driver.md", "SRIOV_IB0_FREE=", Text),
    ("docs/how-to/install-the-driver.md", "NAME  ", Text),
    ("docs/how-to/install-the-driver.md", "NIC  ", Text),
    ("docs/how-to/maintain-a-host.md", "onehost ", NotHere(CLOUD)),
    ("docs/how-to/maintain-a-host.md", "onevm ", NotHere(CLOUD)),
    ("docs/how-to/maintain-a-host.md", "one-sriov pool", Host),
    ("docs/how-to/maintain-a-host.md", "ib0: 8 of 8 free", Output),
    (
        "docs/how-to/maintain-a-host.md",
        "virsh ",
        NotHere("needs a running VM; 'make lab'"),
    ),
    (
        "docs/how-to/move-from-the-old-driver.md",
        "# one-sriov import-legacy",
        NotHere("tests/driver/legacy.rs imports leases"),
    ),
    (
        "docs/how-to/move-from-the-old-driver.md",
        "stale entries",
        Text,
    ),
    (
        "docs/how-to/move-from-the-old-driver.md",
        "not imported:",
        Text,
    ),
    (
        "docs/how-to/test-on-real-hardware.md",
        "",
        NotHere("needs a real card"),
    ),
    ("docs/how-to/use-opennebula-pci-nics.md", ":filter:", Text),
    (
        "docs/how-to/use-opennebula-pci-nics.md",
        "PCI_FILTER=",
        Text,
    ),
    ("docs/how-to/use-opennebula-pci-nics.md", "NAME  ", Text),
    ("docs/how-to/use-opennebula-pci-nics.md", "failed to ", Text),
    ("docs/how-to/use-opennebula-pci-nics.md", "PCI ", Text),
    (
        "docs/how-to/use-opennebula-pci-nics.md",
        "INHERIT_VNET_ATTR",
        Text,
    ),
    ("docs/how-to/use-opennebula-pci-nics.md", "mask /24", Text),
    (
        "docs/how-to/use-opennebula-pci-nics.md",
        "CONTEXT = [",
        Text,
    ),
];

/// Commands that are not run although the other lines of their block are, each with the reason.
pub(super) const NOT_TYPED: &[(&str, &str)] = &[("dpkg", PACKAGES)];
