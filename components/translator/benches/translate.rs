//! What the translator costs: per event of a stream, and for a request of 100 KB.
//!
//! `cargo bench -p weir-translator`; figures are for one thread, native. As WebAssembly they are two to three times that.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use weir_core::config::Quirks;
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::sse::Decoder;
use weir_core::{Dialect, Estimate, Limits, Tokens, UnixMillis};
use weir_translator::codec::{Asked, Target};
use weir_translator::stream::{Close, Cross, Machine, Translation};
use weir_translator::unsupported::Unsupported;
use weir_translator::{anthropic, attempt, openai_chat};

const EVENTS: usize = 1_000;

fn openai_stream() -> Vec<u8> {
    let chunk = json!({
        "id": "chatcmpl-C1KMEUDb1vVwsROQUCZTgG6A6vtWo", "object": "chat.completion.chunk", "created": 1_754_432_618,
        "model": "gpt-4o-2024-08-06", "service_tier": "default", "system_fingerprint": "fp_ff25b2783a", "usage": null,
        "choices": [{"index": 0, "delta": {"content": " hello"}, "logprobs": null, "finish_reason": null}],
    });
    let mut stream = format!("data: {chunk}\n\n").repeat(EVENTS).into_bytes();
    stream.extend(b"data: [DONE]\n\n");
    stream
}

fn anthropic_stream() -> Vec<u8> {
    let event = |value: serde_json::Value| format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap());
    let message = json!({"id": "m", "model": "claude", "usage": {"input_tokens": 1}});
    let mut stream = event(json!({"type": "message_start", "message": message}));
    stream += &event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}));
    let delta = json!({"type": "text_delta", "text": " hello"});
    stream += &event(json!({"type": "content_block_delta", "index": 0, "delta": delta})).repeat(EVENTS);
    stream += &event(json!({"type": "content_block_stop", "index": 0}));
    stream +=
        &event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}));
    stream += &event(json!({"type": "message_stop"}));
    stream.into_bytes()
}

/// Feeds a stream as a network does, some events a piece.
fn carry(translation: Box<dyn Translation>, stream: &[u8]) -> usize {
    let mut machine = Machine::new(translation, Dialect::OpenaiChat, Estimate::default(), &Limits::default());
    let mut written = 0;
    for piece in stream.chunks(1_400) {
        machine.feed(piece);
        while let Some(frame) = machine.poll_output() {
            written += frame.len();
        }
    }
    assert_eq!(machine.close(Close::End).ending, weir_core::Ending::Complete);
    written
}

fn request() -> Vec<u8> {
    let turn = |n: usize| {
        let role = if n.is_multiple_of(2) { "user" } else { "assistant" };
        json!({"role": role, "content": "The quick brown fox jumps over the lazy dog.\n".repeat(11)})
    };
    let body = json!({"model": "m", "stream": true, "messages": (0..200).map(turn).collect::<Vec<_>>()});
    let body = body.to_string().into_bytes();
    assert!((90_000..120_000).contains(&body.len()), "{}", body.len());
    body
}

fn streams(c: &mut Criterion) {
    let (openai, anthropic) = (openai_stream(), anthropic_stream());
    let mut group = c.benchmark_group("event");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("sse", |b| {
        b.iter(|| Decoder::new(&Limits::default()).feed(&openai, |item| assert!(!item.raw().is_empty())).unwrap());
    });
    let exchange = {
        let config = serde_json::from_value(json!({
            "version": 1, "policy": "p", "chain": [], "tenants": [], "routes": [], "limits": [], "control": null,
            "backends": {"b": {
                "kind": {"type": "openai"}, "origin": "https://api.example", "base_path": "/v1", "key": null,
                "timeouts": weir_core::config::Timeouts::default(), "on_client_gone": "cancel",
            }},
            "retry": weir_core::config::Retry::default(), "sizes": Limits::default(),
        }));
        let view = weir_core::RequestView::parse(&http::Method::POST, "/v1/chat/completions", false).map_err(|e| e.1);
        let candidate = weir_core::Candidate { backend: "b".into(), model: "m".into() };
        let estimate = Estimate::default();
        let on_unsupported = OnUnsupported::Reject;
        let try_one = attempt::Attempt { candidate, on_unsupported, estimate, deadline: None };
        let body = br#"{"model":"m","stream":true}"#;
        let request = attempt::Request { view: &view.unwrap(), headers: &http::HeaderMap::new(), body };
        attempt::prepare(&config.unwrap(), &try_one, request).unwrap().exchange
    };
    group.bench_function("openai to openai", |b| {
        b.iter(|| {
            let mut machine = exchange.machine(UnixMillis(0));
            let mut written = 0;
            for piece in openai.chunks(1_400) {
                machine.feed(piece);
                while let Some(frame) = machine.poll_output() {
                    written += frame.len();
                }
            }
            written
        });
    });
    group.bench_function("anthropic to openai", |b| {
        b.iter(|| {
            let encoder = openai_chat::Encoder::new(&Asked::default(), UnixMillis(0));
            carry(Box::new(Cross::new(Box::new(anthropic::Decoder::default()), Box::new(encoder))), &anthropic)
        });
    });
}

fn requests(c: &mut Criterion) {
    let body = request();
    let mut group = c.benchmark_group("request of 100 KB");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("openai to openai", |b| {
        b.iter(|| {
            let mut object = Object::parse(&body, 64).unwrap();
            openai_chat::edit(&mut object, "their-model", true, true).unwrap();
            object.to_bytes()
        });
    });
    group.bench_function("openai to anthropic", |b| {
        b.iter(|| {
            let object = Object::parse(&body, 64).unwrap();
            let request = openai_chat::decode_request(&object).unwrap();
            let mut unsupported =
                Unsupported::new(OnUnsupported::Reject, Dialect::OpenaiChat, Dialect::AnthropicMessages);
            let quirks = Quirks::default();
            let target = Target { model: "m", max_output: Tokens(4096), quirks: &quirks };
            anthropic::encode_request(request, &target, &mut unsupported).unwrap()
        });
    });
}

criterion_group!(benches, streams, requests);
criterion_main!(benches);
