//! Compares the kernel's state of configured NICs with the context.
//!
//! ```text
//! Interface (netlink)  eth0: up, MTU 1500, 10.0.0.12/24, default via 10.0.0.1
//! NicConfig (plan)     ETH0: 10.0.0.12/24, gateway 10.0.0.1, MTU 9000
//!   => Difference      'eth0' has MTU 1500, the context asks for 9000
//! ```
//! Correct files prove nothing, because no program may have read them: only the kernel shows what is in effect.

mod compare;
mod difference;

pub use compare::{Comparison, compare};
pub use difference::Difference;
