//! What is made from the source and committed, so that a package needs no Rust to have it.

pub mod completion;
mod man;
pub mod sbom;

pub use man::Page;
