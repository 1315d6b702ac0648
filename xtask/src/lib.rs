//! What is made from the source and committed, so that a package needs no Rust to have it.

mod man;
mod pages;

pub use man::{Page, man};
pub use pages::{PROGRAMS, agent, driver, page};
