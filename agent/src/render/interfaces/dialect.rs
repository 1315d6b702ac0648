//! The programs that read the stanzas.

/// The program that reads the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Dialect {
    /// ifupdown.
    Debian,
    /// ifupdown-ng, or busybox.
    Alpine,
}
