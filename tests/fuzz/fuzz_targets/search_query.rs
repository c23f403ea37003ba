//! libFuzzer's way into the target `search_query` of `tests/hostile`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| hookline_hostile::run("search_query", data));
