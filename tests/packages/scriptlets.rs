//! The scriptlet that makes oneadmin the owner of the front-end's files, in directories that oneadmin already owns.

use std::path::Path;
use std::process::Command;

use crate::{said, source};

/// A symbolic link in place of a directory, and a hard link, make names of package files refer to files of root.
const SETUP: &str = r#"
mount --make-rprivate /
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /opt
cp /etc/passwd /etc/group /opt
echo 'oneadmin:x:9869:9869::/var/lib/one:/bin/sh' >> /opt/passwd
echo 'oneadmin:x:9869:' >> /opt/group
mount --bind /opt/passwd /etc/passwd
mount --bind /opt/group /etc/group
mkdir -p /opt/bin /var/lib/roots /var/lib/one/remotes/vmm/kvm-sriov/bin /var/lib/one/datastores
chown -R oneadmin: /var/lib/one
printf '#!/bin/sh\ncat /opt/list\n' > /opt/bin/dpkg
chmod +x /opt/bin/dpkg
cd /var/lib/one/remotes/vmm
touch /var/lib/roots/deploy /var/lib/roots/hosts /var/lib/one/datastores/disk
mkdir kvm-sriov/etc
touch kvm-sriov/bin/driver kvm-sriov/etc/kvmrc
ln -s kvmrc kvm-sriov/etc/link
ln -s /var/lib/roots kvm-sriov/evil
ln /var/lib/roots/hosts kvm-sriov/hosts
printf '/var/lib/one%s\n' '' /remotes /remotes/vmm /remotes/vmm/kvm-sriov /remotes/vmm/kvm-sriov/bin \
    /remotes/vmm/kvm-sriov/bin/driver /remotes/vmm/kvm-sriov/etc /remotes/vmm/kvm-sriov/etc/kvmrc \
    /remotes/vmm/kvm-sriov/etc/link /remotes/vmm/kvm-sriov/evil /remotes/vmm/kvm-sriov/evil/deploy \
    /remotes/vmm/kvm-sriov/hosts > /opt/list
PATH=/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin sh "$POSTINST" configure ''
cd /var/lib
stat -c '%n %U' roots roots/deploy roots/hosts one/datastores/disk
cd one/remotes/vmm/kvm-sriov
stat -c '%n %U' bin/driver etc etc/kvmrc etc/link
"#;

#[test]
fn only_files_of_the_front_end_become_owned_by_oneadmin() {
    if !nix::unistd::geteuid().is_root() {
        println!("passed over: it takes root");
        return;
    }
    let postinst = source().join("packaging/deb/frontend/postinst");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-euc", SETUP])
        .env("POSTINST", postinst.canonicalize().unwrap())
        .current_dir(Path::new("/"));
    let owners = "roots root\nroots/deploy root\nroots/hosts root\none/datastores/disk root\n\
        bin/driver oneadmin\netc oneadmin\netc/kvmrc oneadmin\netc/link oneadmin\n";
    assert_eq!(said(&mut command), owners);
}
