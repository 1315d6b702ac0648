//! What the guest's network stack shall read: pure functions from a plan to files.

mod file;

pub use file::RenderedFile;
