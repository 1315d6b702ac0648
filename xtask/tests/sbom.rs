//! The bill of materials lists only what the programs contain.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;

#[test]
fn the_bill_lists_only_what_is_compiled_into_the_programs() {
    let text = one_sriov_xtask::sbom::render("x86_64-unknown-linux-musl").unwrap();
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let components = bill["components"].as_array().unwrap();
    let names: Vec<&str> = components
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    for name in [
        "one-sriov-agent",
        "one-sriov-driver",
        "hwaddr",
        "clap",
        "quick-xml",
        "nix",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    // These only test and build the programs.
    for name in [
        "proptest",
        "insta",
        "criterion",
        "clap_mangen",
        "one-sriov-xtask",
    ] {
        assert!(!names.contains(&name), "{name}");
    }
    for one in components {
        assert!(one["licenses"][0]["expression"].is_string(), "{one}");
    }
    assert_eq!(
        text,
        one_sriov_xtask::sbom::render("x86_64-unknown-linux-musl").unwrap()
    );
}
