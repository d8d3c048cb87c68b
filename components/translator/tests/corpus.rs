//! Replays the fuzz targets' corpora, so that a commit needs no nightly compiler.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

use std::fs;
use std::path::Path;

fn replay(target: &str, fuzz: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 15, "{} holds only {} inputs", folder.display(), files.len());
    for file in files {
        let bytes = fs::read(&file).unwrap();
        fuzz(&bytes);
        // Cut off anywhere, an input is one more.
        for cut in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
            fuzz(&bytes[..cut]);
        }
    }
}

#[test]
fn sse_decode() {
    replay("sse_decode", weir_core::sse::fuzz);
}

#[test]
fn openai_chat_stream() {
    replay("openai_chat_stream", weir_translator::fuzz::openai_chat_stream);
}

#[test]
fn anthropic_stream() {
    replay("anthropic_stream", weir_translator::fuzz::anthropic_stream);
}

#[test]
fn request_translate() {
    replay("request_translate", weir_translator::fuzz::request_translate);
}
