//! What the guest's network stack shall read: pure functions from a plan to files.
//!
//! A backend is one module with one function `render(&Plan) -> Rendered`; [`Backend`] names them all,
//! and [`choose`] picks one. A new network stack is a new module and a new name, nothing else.

mod backend;
mod choose;
mod file;
mod ifcfg;

pub use backend::{Backend, UnknownBackend};
pub use choose::{Choice, Facts, choose};
pub use file::{HEADER, RenderedFile};

/// What a backend makes of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The files, in the order of the NICs.
    pub files: Vec<RenderedFile>,
    /// What the network stack cannot be told, for a person to read.
    pub notes: Vec<String>,
}
