//! What the translator costs for each pair of dialects, natively or as WebAssembly: this program measures itself, so that
//! the same code can be run both ways in one go (`scripts/pace.sh`, which `make bench` runs).
//!
//! Prints a line of JSON for each pair: microseconds for a request of 100 KB and for an event of a stream, framing
//! included, and how often memory was asked for.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "it measures; the library does not")]

#[path = "../benches/counting/mod.rs"]
mod counting;

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use weir_core::config::Quirks;
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, Estimate, Limits, Tokens, UnixMillis, Usage};
use weir_translator::canonical::{Event, Finish, Message, Part, Request, Role, Tool};
use weir_translator::codec::{Asked, Target, backend_side, client_side};
use weir_translator::stream::{Close, Cross, Frames, Machine, Translation};
use weir_translator::tools::ToolNames;
use weir_translator::unsupported::Unsupported;

use counting::allocations;

/// How many deltas a measured stream has.
const DELTAS: u32 = 2_000;
/// How often each thing is measured; the best counts, as anything above it is somebody else's work.
const ROUNDS: u32 = 30;
/// How large a measured request is, in bytes, at least.
const REQUEST: usize = 100_000;

fn main() {
    for client in Dialect::ALL.into_iter().filter(|dialect| client_side(*dialect).is_some()) {
        for backend in Dialect::ALL.into_iter().filter(|dialect| backend_side(*dialect).is_some()) {
            let (stream, allocations) = stream(backend, client);
            let line = json!({
                "client": client.name(),
                "backend": backend.name(),
                "request_us": (client != backend).then(|| rounded(request(client, backend))),
                "event_us": rounded(stream),
                "allocations_an_event": rounded(allocations),
                "wasm": cfg!(target_family = "wasm"),
            });
            println!("{line}");
        }
    }
}

/// Microseconds that a request of 100 KB takes.
fn request(client: Dialect, backend: Dialect) -> f64 {
    let (from, to) = (client_side(client).unwrap(), backend_side(backend).unwrap());
    let (body, quirks) = (body(client), Quirks::default());
    let target = Target { model: "their-model", max_output: Tokens(4_096), quirks: &quirks };
    best(|| {
        let object = Object::parse(&body, 64).unwrap();
        let mut request = (from.decode_request)(&object).unwrap();
        let names = ToolNames::adapt(&mut request, to.tools);
        let mut unsupported = Unsupported::new(OnUnsupported::Drop, client, backend);
        black_box((names, (to.encode_request)(request, &target, &mut unsupported).unwrap()));
    })
}

/// A request of a long conversation with some tools, in the client's words: written by the dialect's own encoder.
fn body(client: Dialect) -> Vec<u8> {
    let words = "All work and no play makes a dull gateway; \"quotes\" and\nlines are part of it. ".repeat(6);
    let turn = |n: usize| {
        let role = if n.is_multiple_of(2) { Role::User } else { Role::Assistant };
        Message::new(role, vec![Part::Text(words.clone().into())], format!("messages[{n}]"))
    };
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let tool = |n: u32| {
        Tool::Function(weir_translator::canonical::Function {
            name: format!("tool_{n}"),
            description: Some(words.clone()),
            parameters: Some(schema.clone()),
            ..Default::default()
        })
    };
    let (turns, quirks) = (REQUEST / words.len(), Quirks::default());
    let request = Request {
        messages: (0..=turns).map(turn).collect(),
        tools: (0..8).map(tool).collect(),
        stream: true,
        ..Request::default()
    };
    let target = Target { model: "model", max_output: Tokens(4_096), quirks: &quirks };
    let mut unsupported = Unsupported::new(OnUnsupported::Reject, client, client);
    let body = (backend_side(client).unwrap().encode_request)(request, &target, &mut unsupported).unwrap();
    assert!(body.len() > REQUEST);
    body
}

/// Microseconds and allocations that an event of a stream takes.
fn stream(backend: Dialect, client: Dialect) -> (f64, f64) {
    let bytes = said(backend);
    let run = || {
        let mut machine = Machine::new(translation(backend, client), client, Estimate::default(), &Limits::default());
        let mut written = 0;
        // As a network does: several events a piece, cut anywhere.
        for piece in bytes.chunks(1_400) {
            machine.feed(piece);
            while let Some(frame) = machine.poll_output() {
                written += frame.len();
            }
        }
        assert_eq!(machine.close(Close::End).ending, weir_core::Ending::Complete);
        black_box(written);
    };
    let micros = best(run);
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let allocations = allocations(run) as f64;
    (micros / f64::from(DELTAS), allocations / f64::from(DELTAS))
}

fn translation(backend: Dialect, client: Dialect) -> Box<dyn Translation> {
    if backend == client {
        return (client_side(client).unwrap().tap)(true);
    }
    let asked = Asked { include_usage: true, ..Asked::default() };
    let (source, sink) = (backend_side(backend).unwrap().source, client_side(client).unwrap().sink);
    Box::new(Cross::new(source(), sink(&asked, UnixMillis(0))))
}

/// A long answer, as a backend of this dialect streams it.
fn said(dialect: Dialect) -> Vec<u8> {
    let candidate = 0;
    let delta = |_| Event::Text { candidate, text: " hello".to_owned() };
    let start = Event::Start { id: "answer_1".to_owned(), model: "model".to_owned() };
    let usage = Usage { input: Tokens(9), output: Tokens(u64::from(DELTAS)), ..Usage::default() };
    let end = [Event::Finish { candidate, reason: Finish::Stop }, Event::Usage(usage)];
    let asked = Asked { include_usage: true, ..Asked::default() };
    let mut sink = (client_side(dialect).unwrap().sink)(&asked, UnixMillis(0));
    let (mut frames, mut bytes) = (Frames::default(), Vec::new());
    for event in std::iter::once(start).chain((0..DELTAS).map(delta)).chain(end) {
        sink.event(&event, &mut frames);
    }
    sink.end(&mut frames);
    while let Some(frame) = frames.pop() {
        bytes.extend_from_slice(&frame);
    }
    bytes
}

/// The fewest microseconds that `work` took.
fn best(mut work: impl FnMut()) -> f64 {
    let timed = |_| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64() * 1e6
    };
    (0..ROUNDS).map(timed).fold(f64::INFINITY, f64::min)
}

fn rounded(number: f64) -> Value {
    json!((number * 100.0).round() / 100.0)
}
