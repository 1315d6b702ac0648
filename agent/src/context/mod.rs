//! The context of the VM: the variables that OpenNebula passes to it.
//!
//! [`medium`] finds it, [`iso`] reads the CD, and [`grammar`] parses the text.

mod devices;
pub mod grammar;
pub mod iso;
pub mod medium;
pub mod survey;
mod variables;

pub use variables::Context;
