//! The host half of one-sriov: the OpenNebula VMM driver `kvm-sriov`.
//!
//! It assigns virtual functions (VFs) of SR-IOV cards to the VMs of OpenNebula, on top of the stock KVM driver. The front-end
//! calls the [`actions`]. To start a VM, they read its NICs ([`domain`]), lease VFs ([`lease`]), set them up ([`prepare`]),
//! put them into the [`domain`], and run the stock action.

pub mod actions;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod domain;
mod dummy_bridge;
#[cfg(test)]
mod fake_host;
pub mod host;
pub mod lease;
pub mod legacy;
pub mod libvirt;
pub mod numa;
pub mod opennebula;
pub mod pool;
pub mod pool_name;
pub mod prepare;
pub mod release;
pub mod saved;
pub mod shared_guids;
mod text;
pub mod unplug;
pub mod vfs;
pub mod xml;
