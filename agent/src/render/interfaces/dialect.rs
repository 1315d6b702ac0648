//! The programs that read the stanzas.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Dialect {
    /// ifupdown.
    Debian,
    /// ifupdown-ng, or busybox.
    Alpine,
}
