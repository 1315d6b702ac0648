//! The images of the lab, built by the scripts in `tests/lab/images`.

use std::path::{Path, PathBuf};

use crate::cache::{Cache, Image};
use crate::report::Failure;

/// The network stacks; each has a guest image.
pub(crate) const STACKS: [&str; 5] = [
    "networkd",
    "networkmanager",
    "ifupdown",
    "netplan-networkd",
    "netplan-networkmanager",
];

/// The guest image with one-context and networkd.
pub(crate) const ONE_CONTEXT: &str = "one-context";

/// All images of a run.
#[derive(Debug)]
pub(crate) struct Images {
    /// The host's root file system. The lab also runs its QEMU.
    pub(crate) host_root: Image,
    /// Contains `vmlinux` and `initrd`.
    pub(crate) boot: Image,
    /// Contains `host.ext4`, and `key`, the ssh key of root and oneadmin on the host.
    pub(crate) host: Image,
    /// Contains the `initrd` of guests without a disk.
    pub(crate) tiny: Image,
    guests: Vec<(&'static str, Image)>,
}

impl Images {
    /// Builds missing images. The guests' images contain the agent's package.
    pub(crate) fn build(cache: &Cache, agent: &Path) -> Result<Self, Failure> {
        let host_root = cache.image("host-root", &[], &[], &[])?;
        let module = |name| cache.image("module", &[&host_root], &[name], &[name]);
        let (fakeib, vmrun) = (module("fakeib")?, module("vmrun")?);
        let boot = cache.image("boot", &[&host_root, &fakeib], &["guest/init"], &[])?;
        let needs = [&host_root, &fakeib, &vmrun];
        let host = cache.image("host", &needs, &["host", "guest/etc"], &[])?;
        let package = agent
            .to_str()
            .ok_or_else(|| Failure::new(format!("'{}' is no text", agent.display())))?;
        let tiny = cache.image("tiny", &[&boot], &[], &[package])?;
        let (mut guests, mut roots) = (Vec::new(), Vec::new());
        let mut guest = |name, stack, files: &[&str]| {
            let root = cache.image("guest-root", &[], &[], &[stack])?;
            let needs = [&root, &host_root, &fakeib];
            let image = cache.image("guest", &needs, files, &[name, package])?;
            guests.push((name, image));
            roots.push(root);
            Ok::<(), Failure>(())
        };
        for stack in STACKS {
            guest(stack, stack, &["guest/etc"])?;
        }
        guest(
            ONE_CONTEXT,
            "networkd",
            &["guest/etc", "neighbours", "../companion/network.sh"],
        )?;
        let all = guests.iter().map(|(_, image)| image);
        let all: Vec<&Image> = all
            .chain(&roots)
            .chain([&host_root, &fakeib, &vmrun, &boot, &host, &tiny])
            .collect();
        cache.forget(&all);
        Ok(Self {
            host_root,
            boot,
            host,
            tiny,
            guests,
        })
    }

    /// Returns the disk of a guest, by its network stack or [`ONE_CONTEXT`].
    pub(crate) fn guest(&self, name: &str) -> PathBuf {
        let guest = self.guests.iter().find(|(known, _)| *known == name);
        let (_, image) = guest.unwrap_or_else(|| panic!("there is no guest '{name}'"));
        image.path.join("guest.ext4")
    }
}
