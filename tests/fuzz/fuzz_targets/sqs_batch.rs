//! libFuzzer's way into the target `sqs_batch` of `tests/hostile`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| hookline_hostile::run("sqs_batch", data));
