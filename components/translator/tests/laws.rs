//! The laws of the stream machine, for every pair of dialects and every golden stream.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

mod common;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use weir_core::{Dialect, Ending, ErrorKind, GatewayError, Tokens, Usage};
use weir_translator::stream::Close;

use weir_translator::attempt::Exchange;

use common::{ESTIMATE, NOW, exchange, machine, run, terminals};

struct Golden {
    name: String,
    backend: Dialect,
    client: Dialect,
    exchange: Exchange,
    bytes: Vec<u8>,
}

impl Golden {
    fn run<'a>(
        &self,
        pieces: impl IntoIterator<Item = &'a [u8]>,
        how: Close,
    ) -> (Vec<u8>, weir_translator::stream::Closed) {
        run(&mut self.exchange.machine(NOW), pieces, how)
    }
}

fn goldens() -> Vec<Golden> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut goldens = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let pair = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let (backend, client) = pair.split_once("__").unwrap();
        let dialect = |name| Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).unwrap();
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let Some(case) = file.file_name().unwrap().to_str().unwrap().strip_suffix(".in.sse").map(str::to_owned)
            else {
                continue;
            };
            goldens.push(Golden {
                name: format!("{pair}/{case}"),
                backend: dialect(backend),
                client: dialect(client),
                exchange: exchange(dialect(backend), dialect(client), case.ends_with("_asked")).exchange,
                bytes: fs::read(&file).unwrap(),
            });
        }
    }
    assert!(goldens.len() >= 40, "only {} golden streams were found", goldens.len());
    goldens
}

/// The bill for an answer that never began, from a backend that has read the prompt.
const PROMPT: Usage = Usage {
    input: ESTIMATE.input,
    output: Tokens::ZERO,
    cache_read: Tokens::ZERO,
    cache_write: Tokens::ZERO,
    reasoning: Tokens::ZERO,
    estimated: true,
};

fn reset() -> Close {
    Close::Broken(GatewayError::new(ErrorKind::UpstreamTruncated, "reset"))
}

/// Where a stream is cut: at each byte of a short one, and of the end of a long one, at some hundred others of it.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    let step = if length <= 1_024 { 1 } else { (length / 384) | 1 };
    let end = length.saturating_sub(128);
    (0..end).step_by(step).chain(end..length)
}

#[test]
fn s3_a_stream_that_is_cut_at_any_byte_is_told_as_an_error_and_never_closed_as_complete() {
    for golden in goldens() {
        let whole = golden.run([golden.bytes.as_slice()], Close::End).1;
        for cut in cuts(golden.bytes.len()) {
            for how in [reset(), Close::End] {
                let (out, closed) = golden.run([&golden.bytes[..cut]], how.clone());
                let at = format!("{} cut at {cut}, {how:?}: {}", golden.name, String::from_utf8_lossy(&out));
                match closed.ending {
                    Ending::Complete => {
                        // Only where the terminal event itself was there.
                        assert_eq!(whole.ending, Ending::Complete, "{at}");
                        assert_eq!(closed.usage, whole.usage, "{at}");
                        assert_eq!(terminals(golden.client, &out), 1, "{at}");
                        assert!(closed.error.is_none(), "{at}");
                    }
                    Ending::Truncated => {
                        assert!(closed.error.is_some(), "{at}");
                        assert_eq!(terminals(golden.client, &out), 1, "{at}");
                        let last = String::from_utf8_lossy(&out).trim_end().rsplit('\n').next().unwrap().to_owned();
                        assert!(last.contains("error"), "{at}");
                    }
                    Ending::Failed | Ending::Refused => {
                        assert!(out.is_empty() && closed.error.is_some(), "{at}");
                        let is_cut = closed.error.unwrap().kind() == ErrorKind::UpstreamTruncated;
                        assert_eq!(closed.usage, if is_cut { PROMPT } else { Usage::default() }, "{at}");
                    }
                    Ending::ClientGone => panic!("{at}: nobody left"),
                }
            }
        }
    }
}

#[test]
fn s5_any_cut_in_two_and_byte_by_byte_gives_the_same() {
    for golden in goldens() {
        let whole = golden.run([golden.bytes.as_slice()], Close::End);
        let single = golden.run(golden.bytes.chunks(1), Close::End);
        assert_eq!(whole, single, "{}", golden.name);
        for cut in cuts(golden.bytes.len()) {
            let (a, b) = golden.bytes.split_at(cut);
            assert_eq!(whole, golden.run([a, b], Close::End), "{} cut at {cut}", golden.name);
        }
    }
}

#[test]
fn s6_a_client_that_leaves_is_billed_for_what_it_got_at_least() {
    for golden in goldens() {
        let mut seen = Tokens(0);
        for cut in (0..=golden.bytes.len()).step_by(3) {
            let (_, closed) = golden.run([&golden.bytes[..cut]], Close::ClientGone);
            assert_eq!(closed.ending, Ending::ClientGone);
            assert!(closed.tail.is_empty(), "nobody reads it");
            assert!(closed.usage.input > Tokens::ZERO, "{} cut at {cut}", golden.name);
            assert!(closed.usage.estimated || closed.usage.input != ESTIMATE.input, "{}", golden.name);
            // Usage may be corrected downwards by a later report, as in the golden stream that does so.
            if !golden.name.contains("usage_in_every_chunk") {
                let output = closed.usage.output;
                assert!(output >= seen || !closed.usage.estimated, "{} cut at {cut}: {output} < {seen}", golden.name);
                seen = output;
            }
        }
    }
}

#[test]
fn s6_a_backend_that_is_cut_off_before_its_first_event_is_billed_for_the_prompt() {
    let broken = |kind| Close::Broken(GatewayError::new(kind, "why"));
    for (fed, how, expected) in [
        ("", broken(ErrorKind::UpstreamTimeout), PROMPT),
        (": ping\n\ndata: {\"choi", broken(ErrorKind::UpstreamTruncated), PROMPT),
        ("", Close::End, PROMPT),
        ("", Close::ClientGone, PROMPT),
        ("", broken(ErrorKind::Overloaded), Usage::default()),
        // The backend's own word that it failed, and took too long itself.
        ("data: {\"error\":{\"message\":\"m\",\"code\":504}}\n\n", Close::End, Usage::default()),
        (
            "data: {\"error\":{\"message\":\"m\",\"code\":504}}\n\n",
            broken(ErrorKind::UpstreamTimeout),
            Usage::default(),
        ),
    ] {
        let mut machine = machine(Dialect::OpenaiChat, Dialect::OpenaiChat, false);
        machine.feed(fed.as_bytes());
        let closed = machine.close(how.clone());
        assert_eq!(closed.usage, expected, "{fed:?}, {how:?}");
    }
}

#[test]
fn s6_an_answer_that_broke_off_is_billed_for_the_prompt_and_what_came() {
    let exchange = exchange(Dialect::OpenaiChat, Dialect::OpenaiChat, false).exchange;
    let usage = exchange.estimated(41);
    assert_eq!((usage.input, usage.output, usage.estimated), (ESTIMATE.input, Tokens(11), true));
}

#[test]
fn frames_come_one_event_each_and_as_soon_as_their_event_is_complete() {
    for golden in goldens().iter().filter(|golden| golden.name.ends_with("/text_asked")) {
        let mut machine = machine(golden.backend, golden.client, true);
        for event in golden.bytes.split_inclusive(|&byte| byte == b'\n') {
            machine.feed(event);
            while let Some(frame) = machine.poll_output() {
                let frame = String::from_utf8(frame).unwrap();
                assert_eq!(frame.matches("\n\n").count(), 1, "{frame}");
                assert!(frame.ends_with("\n\n"), "{frame}");
            }
        }
        assert!(machine.is_over());
    }
}

#[test]
fn what_comes_after_a_fault_of_the_stream_is_dropped() {
    let mut machine = machine(Dialect::OpenaiChat, Dialect::OpenaiChat, false);
    machine.feed(b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: oops\n\ndata: [DONE]\n\n");
    machine.feed(b"data: [DONE]\n\n");
    let closed = machine.close(Close::End);
    let out = String::from_utf8(closed.tail).unwrap();
    assert_eq!(closed.ending, Ending::Truncated);
    assert!(out.contains("upstream_protocol") && !out.contains("[DONE]"), "{out}");
}

#[test]
fn h2_a_secret_in_an_error_event_is_not_passed_on() {
    let mut machine = machine(Dialect::OpenaiChat, Dialect::OpenaiChat, false)
        .with_redaction(|text| text.replace("canary", "[redacted]"));
    machine.feed(b"data: {\"choices\":[]}\n\ndata: {\"error\":{\"message\":\"bad canary\",\"code\":400,\"param\":\"canary\"}}\n\n");
    let closed = machine.close(Close::End);
    assert!(!String::from_utf8(closed.tail).unwrap().contains("canary"));
    let error = closed.error.unwrap();
    assert!(!error.message().contains("canary"));
    assert_eq!(error.param(), Some("[redacted]"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s5_any_split_gives_the_same(pick in any::<prop::sample::Index>(), sizes in prop::collection::vec(1usize..80, 1..8)) {
        let goldens = goldens();
        let golden = &goldens[pick.index(goldens.len())];
        let mut pieces = Vec::new();
        let mut rest = golden.bytes.as_slice();
        for size in sizes.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(golden.run([golden.bytes.as_slice()], Close::End), golden.run(pieces, Close::End));
    }
}
