//! The vocabulary that both halves of one-sriov share: the addresses of NICs.
