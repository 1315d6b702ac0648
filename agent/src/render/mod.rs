//! What the guest's network stack shall read: pure functions from a plan to files.
//!
//! A backend is one module with one function `render(&Plan) -> Rendered`; [`Backend`] names them all,
//! and [`detect`](crate::detect) picks one. A new network stack is a new module and a new name, nothing else.

mod backend;
mod configured;
mod file;
mod ifcfg;
mod interfaces;
mod keyfile;
mod limits;
mod lines;
mod netplan;
mod network_manager;
mod networkd;
mod resolv_conf;
mod transport;

pub use backend::{Backend, UnknownBackend};
pub use file::{HEADER, RenderedFile};
pub(crate) use network_manager::version as network_manager_version;
pub use resolv_conf::{PATH as RESOLV_CONF, Resolver};
pub use transport::Mode;

/// What a backend makes of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The files, in the order of the NICs.
    pub files: Vec<RenderedFile>,
    /// What the network stack cannot be told, for a person to read.
    pub notes: Vec<String>,
    /// Transport modes that the network stack cannot set; the agent does.
    pub modes: Vec<Mode>,
}
