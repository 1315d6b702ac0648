//! What the kernel has of the NICs that are configured, beside what the context gives them.
//!
//! ```text
//! Interface (netlink)  eth0: up, MTU 1500, 10.0.0.12/24, default via 10.0.0.1
//! NicConfig (plan)     ETH0: 10.0.0.12/24, gateway 10.0.0.1, MTU 9000
//!   => Difference      'eth0' has MTU 1500, the context asks for 9000
//! ```
//! The configuration files may be right without any program reading them: only the kernel shows that.

mod compare;
mod difference;

pub use compare::{Comparison, compare};
pub use difference::Difference;
