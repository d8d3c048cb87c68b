//! What the translator costs between every pair of dialects: per event of a stream, in time and in allocations, and for
//! a request of 100 KB.
//!
//! `cargo bench -p weir-translator`; figures are for one thread, native. As WebAssembly they are two to three times that.
//! The targets: 1.5 µs an event, framing included, and 0.5 ms a request.
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "it measures; the library does not")]

mod counting;

use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use weir_core::plan::OnUnsupported;
use weir_core::sse::Decoder;
use weir_core::{Dialect, Limits, UnixMillis};
use weir_translator::attempt::Exchange;
use weir_translator::canonical::{Event, Finish};
use weir_translator::codec::{Asked, client_side};
use weir_translator::fuzz::{DIALECTS, call, exchange, pairs};
use weir_translator::stream::{Close, Frames};

use counting::allocations;

const EVENTS: usize = 1_000;

/// A stream of a dialect, as its own writer writes it: so many pieces of text.
fn stream(backend: Dialect) -> Vec<u8> {
    let asked = Asked { include_usage: true, proofs: true, ..Asked::default() };
    let mut sink = (client_side(backend).unwrap().sink)(&asked, UnixMillis(1_754_432_618_000));
    let text = || Event::Text { candidate: 0, text: " hello".to_owned() };
    let mut events =
        vec![Event::Start { id: "C1KMEUDb1vVwsROQUCZTgG6A6vtWo".to_owned(), model: "a-model-2024-08-06".to_owned() }];
    events.extend((0..EVENTS).map(|_| text()));
    events.push(Event::PartEnd { candidate: 0 });
    events.push(Event::Finish { candidate: 0, reason: Finish::Stop });
    let mut frames = Frames::default();
    events.iter().for_each(|event| sink.event(event, &mut frames));
    sink.end(&mut frames);
    std::iter::from_fn(|| frames.pop()).flatten().collect()
}

/// Feeds a stream as a network does, some events a piece.
fn carry(exchange: &Exchange, stream: &[u8]) -> usize {
    let mut machine = exchange.machine(UnixMillis(0));
    let mut written = 0;
    for piece in stream.chunks(1_400) {
        machine.feed(piece);
        while let Some(frame) = machine.poll_output() {
            written += frame.len();
        }
    }
    let closed = machine.close(Close::End);
    assert_eq!(closed.ending, weir_core::Ending::Complete, "{:?}", closed.error);
    written + closed.tail.len()
}

/// A conversation of 100 KB.
fn request(client: Dialect) -> Vec<u8> {
    let turn = |n: usize| {
        let role = if n.is_multiple_of(2) { "user" } else { "assistant" };
        json!({"role": role, "content": "The quick brown fox jumps over the lazy dog.\n".repeat(11)})
    };
    let turns: Vec<Value> = (0..200).map(turn).collect();
    let body = match client {
        Dialect::OpenaiResponses => json!({"model": "m", "stream": true, "store": false, "input": turns}),
        _ => json!({"model": "m", "stream": true, "max_tokens": 1024, "messages": turns}),
    };
    let body = body.to_string().into_bytes();
    assert!((90_000..120_000).contains(&body.len()), "{}", body.len());
    body
}

fn name(from: Dialect, to: Dialect) -> String {
    format!("{} to {}", from.name(), to.name())
}

fn streams(c: &mut Criterion) {
    let mut group = c.benchmark_group("event");
    group.throughput(Throughput::Elements(EVENTS as u64));
    let bytes = stream(Dialect::OpenaiChat);
    group.bench_function("sse alone", |b| {
        b.iter(|| Decoder::new(&Limits::default()).feed(&bytes, |item| assert!(!item.raw().is_empty())).unwrap());
    });
    for (client, backend) in pairs() {
        let (bytes, exchange) = (stream(backend), exchange(client, backend));
        group.bench_function(name(backend, client), |b| b.iter(|| carry(&exchange, &bytes)));
    }
}

fn requests(c: &mut Criterion) {
    let mut group = c.benchmark_group("request of 100 KB");
    for (client, backend) in pairs() {
        let body = request(client);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name(client, backend), |b| {
            b.iter(|| call(client, backend, &body, OnUnsupported::Reject).unwrap().upstream.body.len());
        });
    }
}

/// Allocations per event, and times as ratios to the same dialect on both sides.
fn ratios(_: &mut Criterion) {
    println!("\n| from | to | an event: µs | × passing | allocations | a request: ms | × passing |");
    println!("|---|---|---|---|---|---|---|");
    for backend in DIALECTS {
        let passing = (event_cost(backend, backend).0, request_cost(backend, backend));
        for client in DIALECTS.into_iter().filter(|&client| pairs().contains(&(client, backend))) {
            let (event, allocations) = event_cost(client, backend);
            let request = request_cost(client, backend);
            println!(
                "| {} | {} | {:.2} | {:.1} | {:.1} | {:.2} | {:.1} |",
                backend.name(),
                client.name(),
                event * 1e6,
                event / passing.0,
                allocations,
                request * 1e3,
                request / passing.1,
            );
        }
    }
    println!();
}

/// Seconds and allocations an event.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn event_cost(client: Dialect, backend: Dialect) -> (f64, f64) {
    let (bytes, exchange) = (stream(backend), exchange(client, backend));
    let events = bytes.windows(2).filter(|window| window == b"\n\n").count() as f64;
    let allocations = allocations(|| {
        carry(&exchange, &bytes);
    }) as f64;
    (
        best(|| {
            std::hint::black_box(carry(&exchange, &bytes));
        }) / events,
        allocations / events,
    )
}

/// Seconds a request.
fn request_cost(client: Dialect, backend: Dialect) -> f64 {
    let body = request(client);
    best(|| drop(std::hint::black_box(call(client, backend, &body, OnUnsupported::Reject).unwrap().upstream.body)))
}

/// The shortest of many runs, in seconds.
fn best(run: impl Fn()) -> f64 {
    let once = || {
        let begin = Instant::now();
        run();
        begin.elapsed().as_secs_f64()
    };
    (0..60).map(|_| once()).fold(f64::INFINITY, f64::min)
}

criterion_group!(benches, streams, requests, ratios);
criterion_main!(benches);
