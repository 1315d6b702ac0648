//! Runs [`one_sriov_fuzz::domain`] in libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| one_sriov_fuzz::domain(input));
