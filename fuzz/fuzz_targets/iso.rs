//! Runs [`one_sriov_fuzz::iso`] in libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| one_sriov_fuzz::iso(input));
