//! libFuzzer's way into the target `endpoint_url` of `tests/hostile`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| hookline_hostile::run("endpoint_url", data));
