//! The actions that OpenNebula calls. Each one that does more than the stock action has a module of its own.
//!
//! | action | what the driver does |
//! |---|---|
//! | `deploy` | allocates VFs, leases those that OpenNebula has chosen, then runs the stock action |
//! | `shutdown`, `cancel` | runs the stock action, then releases the VFs of the VM |
//! | `save` | unplugs the VFs, then runs the stock action |
//! | `restore` | runs the stock action, then plugs in VFs of this host |
//! | `migrate` | has VFs leased on the other host, unplugs those of this host, runs the stock action, has those plugged in |
//! | `receive` | does the other host's part of a migration; called by this driver over ssh |
//! | `snapshot_create`, `migrate_local` | refuses a VM that holds VFs |
//! | `snapshot_revert` | runs the stock action, then releases the VFs that are not in the snapshot |
//! | `attach_nic`, `detach_nic` | attaches or detaches an SR-IOV NIC with its VF and dummy NIC, a PCI NIC with its VF, others by the stock action |
//! | all others | runs the stock action |
//!
//! If no VF is involved, the driver replaces itself with the stock action (`exec`): same arguments, same stdin to the byte. For a
//! VM with VFs, the stock action runs as a child, so that the driver can explain a failure that the stock action does not.

mod attach;
mod attach_native;
mod deploy;
mod detach;
mod finish;
mod input;
mod migrate;
mod nic;
mod plug;
mod refuse;
mod repair;
mod restore;
mod save;
mod saved_nic;
mod snapshot;
mod stock;

pub use repair::{Found, RepairError, Repaired, repair, repair_vm};

use std::ffi::OsString;
use std::path::Path;

use refuse::Refused;

use crate::config::ConfigError;
use crate::domain::DomainError;
use crate::host::Host;
use crate::lease::{AllocateError, Store, StoreError};
use crate::libvirt::{DumpError, LibvirtError};
use crate::opennebula::VmId;
use crate::opennebula::{Arguments, NicAttributeError, Report, VmDocument, VmDocumentError};
use crate::pool::PoolError;
use crate::pool_name::{PoolName, PoolNameError};
use crate::prepare::{Conflict, SetError, VfSetupError};
use crate::saved::SavedError;
use crate::unplug::UnplugError;
use one_sriov_system::{NetlinkError, ProcessError, Spool, unless_absent};

/// Why an action failed. OpenNebula shows the message as the VM's error, cut off after about 100 characters.
#[derive(Debug, thiserror::Error)]
enum ActionError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("failed to read the domain of the VM: {0}")]
    Input(std::io::Error),
    #[error("failed to read the document of the VM: it is larger than {mib} MiB")]
    Large { mib: usize },
    #[error(transparent)]
    Domain(#[from] DomainError),
    #[error("failed to find the VM ID in the arguments")]
    NoVm,
    #[error("failed to read bridge '{bridge}': {cause}")]
    Bridge {
        bridge: String,
        cause: PoolNameError,
    },
    #[error("failed to read the MAC of the NIC on bridge '{bridge}': {what}")]
    Mac { bridge: String, what: String },
    #[error(transparent)]
    NicAttribute(#[from] NicAttributeError),
    #[error("failed to deploy VM {vm}: it has more than 256 SR-IOV NICs")]
    TooManyNics { vm: VmId },
    #[error("failed to read '{path}': {cause}")]
    VmDocument {
        path: String,
        cause: VmDocumentError,
    },
    #[error("failed to read '{path}': {cause}")]
    VmFile { path: String, cause: std::io::Error },
    #[error(
        "failed to use InfiniBand VF '{vf}': its network needs VN_MAD=\"dummy\"; '{driver}' would cancel the VM after its boot"
    )]
    NetworkDriver {
        vf: hwaddr::PciAddress,
        driver: String,
    },
    #[error(
        "failed to set VLAN_QOS or VLAN_PROTO of PCI NIC '{mac}': OpenNebula's network driver sets its VLAN and does not support them"
    )]
    NativeVlan { mac: hwaddr::MacAddress },
    #[error(transparent)]
    Choose(#[from] AllocateError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Libvirt(#[from] LibvirtError),
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    #[error("failed to read the ports of this host: {0}")]
    Sysfs(std::io::Error),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    VfSetup(#[from] VfSetupError),
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error(
        "failed to get VFs for VM {vm}: another driver process is still releasing its previous VFs; deploy it again, or see \
         'one-sriov pool'"
    )]
    OwnVfs { vm: VmId },
    #[error("failed to use MAC '{mac}': another VF still carries the identity of this NIC: {why}")]
    StillKnown {
        mac: hwaddr::MacAddress,
        why: String,
    },
    #[error(transparent)]
    Set(#[from] SetError),
    #[error("failed to create bridge '{bridge}' for the dummy NICs: {what}")]
    DummyBridge { bridge: String, what: String },
    #[error("failed to run the stock '{action}': {cause}")]
    Stock { action: String, cause: ProcessError },
    #[error("failed to print deploy ID '{id}' of VM {vm}, which is running: {cause}")]
    DeployId {
        id: String,
        vm: VmId,
        cause: std::io::Error,
    },
    #[error("{}", .refused.message(*.vm, .vfs))]
    HoldsVfs {
        refused: Refused,
        vm: VmId,
        vfs: String,
    },
    #[error("failed to attach NIC '{mac}': {cause}")]
    Attach {
        mac: hwaddr::MacAddress,
        cause: LibvirtError,
    },
    #[error(
        "failed to attach NIC '{mac}': libvirt reports success, but the VM does not hold VF '{vf}'"
    )]
    NotAttached { mac: hwaddr::MacAddress, vf: String },
    #[error("failed to detach NIC '{mac}': {cause}")]
    Detach {
        mac: hwaddr::MacAddress,
        cause: UnplugError,
    },
    #[error(
        "failed to use device '{address}' of PCI NIC '{mac}': it is not a VF of a PF with a network device"
    )]
    NotAVf {
        mac: hwaddr::MacAddress,
        address: hwaddr::PciAddress,
    },
    #[error("failed to save VM {vm}: {cause}")]
    Save { vm: VmId, cause: UnplugError },
    #[error("failed to migrate VM {vm}: {cause}")]
    Unplug { vm: VmId, cause: UnplugError },
    #[error("failed to migrate VM {vm} to '{host}': {why}")]
    Migrate { vm: VmId, host: String, why: String },
    #[error("failed to remove the identity of the VM from VF '{vf}': {why}")]
    ClearIdentity { vf: String, why: String },
    #[error("failed to read the request of the other host: {why}")]
    NoOffer { why: String },
    #[error(
        "failed to read the request of the other host: its driver uses protocol {theirs}, this one {ours}; 'onehost sync --force' \
         gives all hosts the same driver"
    )]
    Protocol { theirs: u32, ours: u32 },
    #[error("failed to receive VM {vm}: it already runs here")]
    RunsHere { vm: VmId },
    #[error(
        "failed to {action} VM {vm}: another driver process on this host is migrating it; try again in a few minutes"
    )]
    Migrating { action: String, vm: VmId },
    #[error(transparent)]
    Saved(#[from] SavedError),
    #[error("failed to read the running domain: {0}")]
    Dump(DumpError),
    #[error("failed to detach NIC '{mac}': VM {vm} has {count} SR-IOV NICs with this MAC")]
    SameMac {
        mac: hwaddr::MacAddress,
        vm: VmId,
        count: usize,
    },
    /// The stock action failed and printed why.
    #[error("the stock action failed")]
    StockFailed(u8),
}

impl ActionError {
    /// Returns what the operator can do about the error, unless the message says so.
    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::VfSetup(VfSetupError::Layer { .. }) => Some("set VF_IDENTITY=auto"),
            Self::Set(SetError::Unsupported { what, .. }) if what.contains("GUID") => {
                Some("set VF_IDENTITY=auto")
            }
            Self::Set(SetError::Unsupported { .. }) => {
                Some("remove that attribute from the network, or use another card")
            }
            Self::Set(_)
            | Self::Libvirt(_)
            | Self::Netlink(_)
            | Self::Sysfs(_)
            | Self::Store(
                StoreError::NoDirectory(_) | StoreError::Foreign { .. } | StoreError::Open { .. },
            ) => Some("see 'one-sriov doctor'"),
            // libvirt gives a q35 machine one spare port; ports cannot be added while it runs.
            Self::Attach { cause, .. } if cause.to_string().contains("No more available PCI") => {
                Some(
                    "a q35 machine needs two free ports for a NIC: <controller type='pci' \
                     model='pcie-root-port'/> in RAW of the template adds one",
                )
            }
            _ => None,
        }
    }
}

/// Runs an action of the driver whose actions are in `home`, and returns its exit code.
///
/// Does not return if the stock action replaces this process.
#[must_use]
pub fn run(home: &Path, action: &str, arguments: &[OsString]) -> u8 {
    let mut report = Report::new(home, action);
    let call = ActionCall {
        home,
        action,
        arguments: Arguments(arguments),
    };
    let result = match action {
        "deploy" => deploy::run(&call, &mut report),
        "shutdown" | "cancel" => finish::run(&call, &mut report),
        "save" => save::run(&call, &mut report),
        "restore" => restore::run(&call, &mut report),
        "snapshot_create" => refuse::run(&call, Refused::Snapshot, &mut report),
        "snapshot_revert" => snapshot::revert(&call, &mut report),
        "migrate" => migrate::run(&call, &mut report),
        "receive" => migrate::receive(&call, &mut report),
        "migrate_local" => refuse::migrate_local(&call),
        "attach_nic" => nic::attach(&call, &mut report),
        "detach_nic" => nic::detach(&call, &mut report),
        _ => stock::run_stock(&call, None, &mut report),
    };
    match result {
        Ok(()) => {
            report.finish();
            0
        }
        Err(ActionError::StockFailed(code)) => {
            report.finish();
            stock::safe_exit_code(code)
        }
        Err(error) => {
            log::error!("{action}: {error}");
            let remedy = error.remedy().map(|remedy| format!("; {remedy}"));
            report.fail(&format!("{error}{}", remedy.unwrap_or_default()));
            1
        }
    }
}

/// One call of an action.
struct ActionCall<'a> {
    home: &'a Path,
    action: &'a str,
    arguments: Arguments<'a>,
}

impl ActionCall<'_> {
    fn host(&self) -> Result<Host, ConfigError> {
        Host::new(self.home)
    }

    /// Returns the host and its leases. If they or the settings cannot be read, the VM is treated as one without VFs: libvirt
    /// refuses to save or migrate a VM with VFs.
    fn leases_if_readable(&self) -> Option<(Host, Store)> {
        let found = self.host().map_err(ActionError::from).and_then(|host| {
            let store = host.leases_if_any()?;
            Ok(store.map(|store| (host, store)))
        });
        found.unwrap_or_else(|error| {
            log::error!("{}: {error}", self.action);
            None
        })
    }

    /// Reads the document that OpenNebula sends on stdin since 5.0. Before that, stdin is a stream of commands, which never ends.
    /// The file `VERSION` exists since 4.4.
    fn stdin_document(&self) -> Result<Option<Spool>, ActionError> {
        let path = self.home.join("../../VERSION");
        let version = match unless_absent(std::fs::read_to_string(&path), String::new()) {
            Ok(version) => version,
            Err(cause) => {
                let path = path.display().to_string();
                return Err(ActionError::VmFile { path, cause });
            }
        };
        let major = version.trim().split('.').next();
        match major.and_then(|major| major.parse::<u32>().ok()) {
            Some(5..) => input::read().map(Some),
            _ => Ok(None),
        }
    }

    /// Parses the VM document from stdin. Returns `None` if stdin was not read or is empty.
    fn vm_document(stdin: Option<&Spool>) -> Result<Option<VmDocument>, ActionError> {
        let Some(stdin) = stdin else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(input::document(stdin)?);
        if text.trim().is_empty() {
            return Ok(None);
        }
        let document = VmDocument::parse(&text);
        document.map(Some).map_err(|cause| ActionError::VmDocument {
            path: "/dev/stdin".into(),
            cause,
        })
    }

    /// Returns the purpose that processes waiting for the lock report.
    fn purpose(&self, vm: VmId) -> String {
        format!("{} of VM {vm}", self.action)
    }
}

/// Creates the bridge of the dummy NICs if it is missing.
fn ensure_dummy_bridge(host: &Host, is_open_vswitch: bool) -> Result<(), ActionError> {
    let bridge = &host.config.dummy_bridge;
    let made = crate::dummy_bridge::ensure(&host.root, bridge, is_open_vswitch);
    made.map_err(|what| ActionError::DummyBridge {
        bridge: bridge.clone(),
        what,
    })
}

/// Returns the pool that a bridge requests a VF of, if it is the bridge of an SR-IOV network.
///
/// The name of the dummy NICs' bridge may start with `sriov_`, too (`sriov_br`, or `sriov_ib0` in old configurations). Such a
/// bridge requests a VF only if its pool exists.
fn requested(host: &Host, bridge: &str) -> Result<Option<PoolName>, ActionError> {
    let Some(name) = bridge.strip_prefix(PoolName::BRIDGE_PREFIX) else {
        return Ok(None);
    };
    let is_dummy = bridge == host.config.dummy_bridge;
    match name.parse::<PoolName>() {
        Ok(name) if is_dummy && !crate::pool::Pool::exists(&host.root, &host.maps()?, &name) => {
            Ok(None)
        }
        Ok(name) => Ok(Some(name)),
        Err(_) if is_dummy => Ok(None),
        Err(cause) => Err(ActionError::Bridge {
            bridge: bridge.to_owned(),
            cause,
        }),
    }
}
