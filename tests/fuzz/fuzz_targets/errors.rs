#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_translator::fuzz::error(bytes));
