//! The documentation: what it points to is there.

// Tests may end at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod links;
