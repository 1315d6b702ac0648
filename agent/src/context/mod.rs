//! Finding and reading the context of the VM.

pub mod iso;
