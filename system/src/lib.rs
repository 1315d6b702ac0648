//! The only doors through which one-sriov touches a machine.
