//! Generates files that are committed, so that packaging does not need Rust.

pub mod completion;
mod crates;
pub mod licences;
mod man;
pub mod sbom;

pub use man::Page;

/// The programs that are released.
pub const PROGRAMS: [&str; 2] = ["one-sriov-agent", "one-sriov-driver"];
