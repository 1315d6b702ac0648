//! The output of `--dry-run`.
#![allow(clippy::unwrap_used)]

mod install_support;

use install_support::{NETWORK, disk, file, ifcfg, plain, recorded, text, wanted};
use one_sriov_agent::install::{Changes, Current, OldFile, Record, decide, diff};

#[test]
fn a_diff_shows_added_changed_and_removed_files() {
    let new = "/etc/netplan/60-one-ib3.yaml";
    let gone = "/etc/network/interfaces.d/gone";
    let record = recorded(&[(NETWORK, 1), (gone, 4)]);
    let ifcfg = ifcfg();
    let foreign = "DEVICE=ib1\nWPA_PSK=hunter2\nPKEY=yes\nMTU=1\nDNS1=2\nDNS2=3\nNAME=1";
    let disk = disk(&[
        (NETWORK, plain(&text("old"))),
        (gone, plain(&text("old"))),
        (&ifcfg, plain(foreign)),
    ]);
    let want = wanted([
        file(NETWORK, 1, "new"),
        file(new, 3, "x"),
        file(&ifcfg, 2, "DEVICE=ib1"),
    ]);
    let expected = "\
--- /dev/null
+++ b/etc/netplan/60-one-ib3.yaml
@@ -0,0 +1,2 @@
+# Written by one-sriov-agent
+x
--- a/etc/sysconfig/network-scripts/ifcfg-ib1
+++ b/etc/sysconfig/network-scripts/ifcfg-ib1
@@ -1,7 +1,2 @@
+# Written by one-sriov-agent
 DEVICE=ib1
-WPA_PSK=(hidden)
-PKEY=yes
-MTU=1
-DNS1=2
-DNS2=3
-NAME=1
\\ No newline at end of file
--- a/etc/systemd/network/60-one-ib-ib1.network
+++ b/etc/systemd/network/60-one-ib-ib1.network
@@ -1,2 +1,2 @@
 # Written by one-sriov-agent
-old
+new
--- a/etc/network/interfaces.d/gone
+++ /dev/null
@@ -1,2 +0,0 @@
-# Written by one-sriov-agent
-old
";
    assert_eq!(diff(&decide(&want, &record, &disk)), expected);
}

#[test]
fn a_diff_of_a_mode_and_of_a_link() {
    let link = Current::Symlink("/srv/x".into());
    let mode = Current::File(OldFile {
        content: text("new").into(),
        mode: 0o640,
        owner: (0, 0),
    });
    let ifcfg = ifcfg();
    let disk = disk(&[(&ifcfg, link), (NETWORK, mode)]);
    let want = wanted([file(&ifcfg, 1, "new"), file(NETWORK, 1, "new")]);
    let expected = "\
Symbolic link /etc/sysconfig/network-scripts/ifcfg-ib1 -> /srv/x is replaced
--- /dev/null
+++ b/etc/sysconfig/network-scripts/ifcfg-ib1
@@ -0,0 +1,2 @@
+# Written by one-sriov-agent
+new
diff --git a/etc/systemd/network/60-one-ib-ib1.network b/etc/systemd/network/60-one-ib-ib1.network
old mode 100640
new mode 100644
";
    assert_eq!(diff(&decide(&want, &Record::default(), &disk)), expected);
    assert_eq!(diff(&Changes::default()), "");
}
