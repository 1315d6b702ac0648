//! The documentation: its links work, its messages are real, and pages with the same content agree.

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lifecycle;
mod links;
mod messages;
mod pages;
