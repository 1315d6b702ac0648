//! The documentation: what it points to is there, and what is said twice is the same.

// Tests may end at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod links;
mod pages;
