//! libFuzzer's way into the target `answer` of `tests/hostile`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| hookline_hostile::run("answer", data));
