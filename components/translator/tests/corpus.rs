//! Replays the fuzz targets' corpora, so that a commit needs no nightly compiler.
//!
//! The golden inputs of the translator are inputs of the targets, too: they are replayed where they lie.
//! `WEIR_BLESS=1 cargo test -p weir-translator --test corpus` copies them into the corpora, for fuzzers to begin with.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

use std::fs;
use std::path::{Path, PathBuf};

use weir_core::Dialect;
use weir_translator::fuzz;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus")
}

/// Replays a target's corpus, and `goldens` with every first byte of `firsts` before each.
fn replay(target: &str, goldens: &[(String, Vec<u8>)], firsts: &[u8], fuzz: impl Fn(&[u8])) {
    let folder = folder().join(target);
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in goldens {
            fs::write(folder.join(name), [&firsts[..firsts.len().min(1)], bytes].concat()).unwrap();
        }
    }
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for (_, bytes) in goldens {
        let with = |first: &u8| [&[*first][..], bytes].concat();
        inputs.extend(firsts.iter().map(with));
        inputs.extend(firsts.is_empty().then(|| bytes.clone()));
    }
    assert!(inputs.len() >= 15, "{} holds only {} inputs", folder.display(), inputs.len());
    for bytes in inputs {
        fuzz(&bytes);
        // Cut off anywhere, an input is one more.
        for cut in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
            fuzz(&bytes[..cut]);
        }
    }
}

/// The golden inputs whose names end in `suffix`, of the pairs whose first dialect is `first`.
fn goldens(first: Dialect, suffix: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut goldens = Vec::new();
    for pair in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let name = pair.file_name().unwrap().to_str().unwrap().to_owned();
        if name.split_once("__").unwrap().0 != first.name() {
            continue;
        }
        for file in fs::read_dir(&pair).unwrap().map(|entry| entry.unwrap().path()) {
            let case = file.file_name().unwrap().to_str().unwrap().to_owned();
            // A request's name ends as an answer's does.
            let is_answer = case.ends_with(".answer.in.json");
            if let Some(case) = case.strip_suffix(suffix).filter(|_| is_answer == suffix.starts_with(".answer")) {
                goldens.push((format!("{name}-{case}"), fs::read(&file).unwrap()));
            }
        }
    }
    goldens.sort();
    goldens
}

/// How a stream closes and how it is cut, as the first byte says it: each way to close, in pieces of 1, 2 and 7 bytes.
const CLOSES: [u8; 4] = [b'0', b'1', b'2', b'f'];

fn streams(dialect: Dialect) {
    let target = format!("{}_stream", dialect.name().replace('-', "_"));
    replay(&target, &goldens(dialect, ".in.sse"), &CLOSES, |bytes| fuzz::stream(dialect, bytes));
}

fn answers(dialect: Dialect) {
    let target = format!("{}_answer", dialect.name().replace('-', "_"));
    replay(&target, &goldens(dialect, ".answer.in.json"), &[], |bytes| fuzz::answer(dialect, bytes));
}

fn requests(dialect: Dialect) {
    let target = format!("{}_request", dialect.name().replace('-', "_"));
    replay(&target, &goldens(dialect, ".in.json"), &[], |bytes| fuzz::request(dialect, bytes));
}

#[test]
fn sse_decode() {
    replay("sse_decode", &[], &[], weir_core::sse::fuzz);
}

#[test]
fn openai_chat_stream() {
    streams(Dialect::OpenaiChat);
}

#[test]
fn openai_responses_stream() {
    streams(Dialect::OpenaiResponses);
}

#[test]
fn anthropic_messages_stream() {
    streams(Dialect::AnthropicMessages);
}

#[test]
fn openai_chat_answer() {
    answers(Dialect::OpenaiChat);
}

#[test]
fn openai_responses_answer() {
    answers(Dialect::OpenaiResponses);
}

#[test]
fn anthropic_messages_answer() {
    answers(Dialect::AnthropicMessages);
}

#[test]
fn openai_chat_request() {
    requests(Dialect::OpenaiChat);
}

#[test]
fn openai_responses_request() {
    requests(Dialect::OpenaiResponses);
}

#[test]
fn anthropic_messages_request() {
    requests(Dialect::AnthropicMessages);
}

#[test]
fn errors() {
    replay("errors", &[], &[], fuzz::error);
}
