#![no_main]

use weir_core::Dialect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weir_translator::fuzz::stream(Dialect::AnthropicMessages, bytes));
