#![allow(clippy::unwrap_used)]

use std::fs;

use tempfile::TempDir;

use super::*;

/// A host with these files; the actions are in `/one/vmm/kvm-sriov`.
fn host(files: &[(&str, &str)]) -> (TempDir, Result<Config, ConfigError>) {
    let dir = TempDir::new().unwrap();
    let home = dir.path().join("one/vmm/kvm-sriov");
    fs::create_dir_all(&home).unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let config = Config::read(&Root::new(dir.path()), &home);
    (dir, config)
}

#[test]
fn later_files_override_earlier_ones_setting_by_setting() {
    let (_dir, config) = host(&[
        (
            "one/vmm/kvm-sriov/kvmrc",
            "export DUMMY_BRIDGE=a\nDUMMY_MAC_PREFIX=a6\nLEASE_GRACE=1\nexport HPC_MODE=off\n",
        ),
        (
            "one/etc/vmm/kvm-sriov/kvmrc",
            "DUMMY_BRIDGE=b\nLEASE_GRACE=2\n",
        ),
        ("etc/one-sriov/kvmrc", "LEASE_GRACE=3\n"),
        ("one/vmm/kvm/kvmrc", "export LIBVIRT_URI=old:///\n"),
        ("one/etc/vmm/kvm/kvmrc", "export LIBVIRT_URI=new:///\n"),
    ]);
    let config = config.unwrap();
    assert_eq!(config.dummy_bridge, "b");
    assert_eq!(config.dummy_prefix, "a6".parse().unwrap());
    assert_eq!(config.lease_grace, Duration::from_secs(3));
    assert_eq!(config.libvirt_uri, "new:///");
}

#[test]
fn without_a_file_the_defaults_apply() {
    let (dir, config) = host(&[]);
    let config = config.unwrap();
    assert_eq!(config.dummy_bridge, "sriov_br");
    assert_eq!(config.libvirt_uri, "qemu:///system");
    assert_eq!(config.lease_dir, Path::new("/run/one-sriov"));
    let maps = dir.path().join("one/vmm/kvm-sriov/vf_maps");
    assert_eq!(config.maps_dir(&Root::new("/x")).unwrap(), maps);
}

#[test]
fn identities_are_set_for_all_pools_or_for_one() {
    let text = "VF_IDENTITY_ib0=guid\nVF_IDENTITY=dummy\n";
    let (_dir, config) = host(&[("etc/one-sriov/kvmrc", text)]);
    let config = config.unwrap();
    let of = |pool: &str| config.identity(&pool.parse().unwrap());
    assert_eq!(of("ib0"), IdentitySetting::Guid);
    assert_eq!(of("ib1"), IdentitySetting::Dummy);
}

#[test]
fn an_empty_identity_of_a_pool_counts_as_unset() {
    let (_dir, config) = host(&[
        ("one/vmm/kvm-sriov/kvmrc", "VF_IDENTITY_ib0=guid\n"),
        (
            "etc/one-sriov/kvmrc",
            "VF_IDENTITY=dummy\nVF_IDENTITY_ib0=\nVF_IDENTITY_ib1=''\n",
        ),
    ]);
    let config = config.unwrap();
    let of = |pool: &str| config.identity(&pool.parse().unwrap());
    assert_eq!(of("ib0"), IdentitySetting::Guid);
    assert_eq!(of("ib1"), IdentitySetting::Dummy);
}

#[test]
fn an_invalid_value_is_reported_with_file_and_line() {
    let table = [
        (
            "DUMMY_MAC_PREFIX=02",
            "DUMMY_MAC_PREFIX: invalid value '02': ",
        ),
        ("DUMMY_BRIDGE='a b'", "DUMMY_BRIDGE: invalid value 'a b': "),
        (
            "LEASE_DIR=run",
            "LEASE_DIR: invalid value 'run': expected an absolute path",
        ),
        (
            "LEASE_GRACE=soon",
            "LEASE_GRACE: invalid value 'soon': expected a number of seconds",
        ),
        (
            "PEER_WAIT=0",
            "PEER_WAIT: invalid value '0': expected at least 1 second",
        ),
        (
            "GUID_PREFIX=1:2",
            "GUID_PREFIX: invalid value '1:2': expected auto or two octets such as 00:00",
        ),
        (
            "VF_IDENTITY=vdpa",
            "VF_IDENTITY: invalid value 'vdpa': expected auto, mac, dummy or guid",
        ),
        ("VF_IDENTITY_ib0=x", "VF_IDENTITY_ib0: invalid value 'x': "),
        (
            "VF_MAPS_PATH=$(pwd)",
            "VF_MAPS_PATH: the value must be plain text",
        ),
    ];
    for (line, expected) in table {
        let (_dir, config) = host(&[("etc/one-sriov/kvmrc", &format!("\n{line}\n"))]);
        let error = config.unwrap_err().to_string();
        let expected = format!("/etc/one-sriov/kvmrc': line 2: {expected}");
        assert!(error.contains(&expected), "{error}");
    }
}

/// Root must know who owns a file before it reads the file.
#[test]
fn a_file_that_cannot_be_looked_up_is_an_error() {
    let dir = TempDir::new().unwrap();
    for path in ["etc", "etc/one-sriov", "etc/one-sriov/kvmrc"] {
        let full = dir.path().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(full.file_name().unwrap(), &full).unwrap();
        let error = Config::of_host(&Root::new(dir.path()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/etc/one-sriov/kvmrc': "), "{path}: {error}");
        std::fs::remove_file(&full).unwrap();
    }
}
