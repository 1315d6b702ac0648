//! The context of the VM: the variables that OpenNebula passes to it.
//!
//! [`medium`] finds where it is, [`iso`] reads it off the CD, [`grammar`] reads the text.

mod devices;
pub mod grammar;
pub mod iso;
pub mod medium;
pub mod survey;
mod variables;

pub use variables::Context;
