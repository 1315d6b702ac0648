//! A path of a machine cannot leave its root.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use one_sriov_system::Root;
use tempfile::TempDir;

/// An image beside a file that must not be reachable from it.
fn image() -> (TempDir, Root, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    fs::create_dir_all(image.join("etc/network")).unwrap();
    fs::create_dir_all(image.join("srv/real")).unwrap();
    fs::write(image.join("etc/hostname"), "guest\n").unwrap();
    fs::write(dir.path().join("outside"), "secret\n").unwrap();
    (dir, Root::new(&image), image)
}

#[test]
fn every_path_is_resolved_below_the_root() {
    let (dir, root, image) = image();
    let outside = dir.path().join("outside");
    symlink("/srv/real", image.join("etc/absolute")).unwrap();
    symlink("../srv/real", image.join("etc/relative")).unwrap();
    symlink("../../../../../../outside", image.join("etc/climbs")).unwrap();
    symlink(&outside, image.join("etc/escapes")).unwrap();
    symlink("absolute/deeper", image.join("etc/chain")).unwrap();
    symlink("/", image.join("etc/slash")).unwrap();
    symlink("/nowhere", image.join("etc/dangling")).unwrap();
    let cases = [
        ("/", ""),
        ("/etc/hostname", "etc/hostname"),
        ("//etc/./hostname", "etc/hostname"),
        ("/../../etc/hostname", "etc/hostname"),
        ("/etc/../../../outside", "outside"),
        ("/etc/absolute/x", "srv/real/x"),
        ("/etc/relative/x", "srv/real/x"),
        ("/etc/relative/../x", "srv/x"),
        ("/etc/climbs", "outside"),
        ("/etc/chain/x", "srv/real/deeper/x"),
        ("/etc/slash/etc/slash/etc/hostname", "etc/hostname"),
        ("/etc/dangling/x/y", "nowhere/x/y"),
        ("/missing/a/b/../c", "missing/a/c"),
    ];
    for (path, expected) in cases {
        assert_eq!(
            root.path(Path::new(path)).unwrap(),
            image.join(expected),
            "{path}"
        );
    }
    // An absolute target is a path in the image, so the host's path is looked up below the image.
    let inside = root.path(Path::new("/etc/escapes")).unwrap();
    assert_eq!(inside, image.join(outside.strip_prefix("/").unwrap()));
    assert!(!root.try_exists(Path::new("/etc/escapes")).unwrap());
    assert!(!root.try_exists(Path::new("/etc/climbs")).unwrap());
}

#[test]
fn the_live_root_does_not_change_paths() {
    for dir in ["/", "//", "/."] {
        let root = Root::new(dir);
        assert!(root.is_live(), "{dir}");
        assert_eq!(
            root.path(Path::new("/proc/self")).unwrap(),
            Path::new("/proc/self")
        );
    }
    assert_eq!(Root::default(), Root::new("/"));
    assert!(!Root::new("/mnt").is_live());
}

#[test]
fn a_loop_of_links_is_an_error() {
    let (_dir, root, image) = image();
    symlink("b", image.join("etc/a")).unwrap();
    symlink("a", image.join("etc/b")).unwrap();
    let error = root.path(Path::new("/etc/a")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(40), "{error}");
    assert!(error.to_string().contains("symbolic links"), "{error}");
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let (_dir, root, image) = image();
    symlink("/etc/hostname", image.join("l1")).unwrap();
    for link in 2..=41 {
        symlink(format!("l{}", link - 1), image.join(format!("l{link}"))).unwrap();
    }
    assert_eq!(root.read_to_string(Path::new("/l40")).unwrap(), "guest\n");
    assert!(root.path(Path::new("/l41")).is_err());
}

#[test]
fn an_entry_is_the_link_itself() {
    let (_dir, root, image) = image();
    symlink("/srv/real", image.join("etc/link")).unwrap();
    symlink("/etc", image.join("conf")).unwrap();
    assert_eq!(
        root.entry(Path::new("/conf/link")).unwrap(),
        image.join("etc/link")
    );
    assert_eq!(
        root.read_link(Path::new("/conf/link")).unwrap(),
        Path::new("/srv/real")
    );
    for path in ["/", "/etc/..", "etc/hostname", ""] {
        let error = root.entry(Path::new(path)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{path}");
    }
}

#[test]
fn files_are_read_and_directories_listed() {
    let (_dir, root, image) = image();
    fs::write(image.join("etc/network/b"), "").unwrap();
    fs::write(image.join("etc/network/a"), "").unwrap();
    symlink("/etc/network", image.join("net")).unwrap();
    assert_eq!(root.list(Path::new("/net")).unwrap(), ["a", "b"]);
    assert_eq!(root.read(Path::new("/etc/hostname")).unwrap(), b"guest\n");
    assert!(root.open(Path::new("/etc/hostname")).is_ok());
    assert!(root.try_is_dir(Path::new("/net")).unwrap());
}

#[test]
fn a_path_that_cannot_be_looked_up_is_not_taken_for_absent() {
    let (_dir, root, image) = image();
    symlink("/etc", image.join("conf")).unwrap();
    symlink("nothing", image.join("etc/dangling")).unwrap();
    // A loop, which not even root can follow.
    symlink("loop", image.join("etc/loop")).unwrap();
    let exists = |path: &str| {
        root.try_exists(Path::new(path))
            .map_err(|e| e.raw_os_error())
    };
    let is_dir = |path: &str| {
        root.try_is_dir(Path::new(path))
            .map_err(|e| e.raw_os_error())
    };
    assert_eq!(exists("/conf/hostname"), Ok(true));
    for path in ["/etc/nothing", "/etc/dangling", "/etc/hostname/x"] {
        assert_eq!(
            (exists(path), is_dir(path)),
            (Ok(false), Ok(false)),
            "{path}"
        );
    }
    assert_eq!(is_dir("/conf"), Ok(true));
    assert_eq!(is_dir("/etc/hostname"), Ok(false));
    for path in ["/etc/loop", "/etc/loop/x"] {
        const ELOOP: i32 = 40;
        assert_eq!(exists(path), Err(Some(ELOOP)), "{path}");
        assert_eq!(is_dir(path), Err(Some(ELOOP)), "{path}");
    }
}

#[test]
fn errors_keep_their_kind() {
    let (_dir, root, _image) = image();
    let kind = |path: &str| root.read(Path::new(path)).unwrap_err().kind();
    assert_eq!(kind("/etc/nothing"), ErrorKind::NotFound);
    assert_eq!(kind("/etc/hostname/x"), ErrorKind::NotADirectory);
    assert_eq!(kind("etc/hostname"), ErrorKind::InvalidInput);
}
