//! The host half of one-sriov: the OpenNebula VMM driver `kvm-sriov`.
