//! What the guest's network stack shall read: pure functions from a plan to files.
//!
//! A backend is one module with one function `render(&Plan) -> Rendered`; [`Backend`] names them all,
//! and [`detect`](crate::detect) picks one. A new network stack is a new module and a new name, nothing else.

mod backend;
mod cloud_init;
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
mod renderers;
mod resolv_conf;
mod resolver_words;
mod sysctl;
mod transport;

pub use backend::{Backend, UnknownBackend};
pub use cloud_init::drop_in as cloud_init_drop_in;
pub use file::{HEADER, Mode, Rendered, RenderedFile, Sysctl};
pub use network_manager::managed as network_manager_managed;
pub(crate) use network_manager::version as network_manager_version;
pub use resolv_conf::{PATH as RESOLV_CONF, Resolver};
