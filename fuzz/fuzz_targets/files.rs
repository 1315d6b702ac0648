//! libFuzzer's door to [`one_sriov_fuzz::files`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| one_sriov_fuzz::files(input));
