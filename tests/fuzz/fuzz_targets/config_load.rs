//! `weir.yaml`: a mistake has its place in the file, a good configuration survives being written and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_config::fuzz::config_load(bytes));
