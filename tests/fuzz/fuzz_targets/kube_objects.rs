#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(weir_kube::catalog::fuzz::fuzz(bytes)));
