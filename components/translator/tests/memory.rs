//! What a stream holds in memory while it goes on: a part of what came at most, and nothing that grows with it beyond
//! what its dialect must repeat.
#![allow(clippy::unwrap_used)]
#![allow(unsafe_code, reason = "an allocator that counts is unsafe to write")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use serde_json::{Value, json};
use weir_core::Dialect;
use weir_translator::fuzz::pairs;

use common::machine;

/// Counts what this thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: all is left to the system's allocator; the counters neither allocate nor panic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How much more is held at most, while `act` runs.
fn held(act: impl FnOnce()) -> usize {
    let before = HELD.with(Cell::get);
    MOST.with(|most| most.set(before));
    act();
    MOST.with(Cell::get).saturating_sub(before).cast_unsigned()
}

fn event(value: &Value) -> Vec<u8> {
    let name = value["type"].as_str().map_or(String::new(), |kind| format!("event: {kind}\n"));
    format!("{name}data: {value}\n\n").into_bytes()
}

/// How a stream of a dialect begins, and what repeats in it: words, or the arguments of a call.
fn endless(backend: Dialect, arguments: bool) -> (Vec<u8>, Vec<u8>) {
    const WORDS: &str = "The quick brown fox jumps over the lazy dog. ";
    match backend {
        Dialect::OpenaiChat => {
            let chunk = |delta: Value| {
                let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
                event(
                    &json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}),
                )
            };
            let call =
                json!([{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]);
            if arguments {
                let more = json!([{"index": 0, "function": {"arguments": WORDS}}]);
                (chunk(json!({"role": "assistant", "tool_calls": call})), chunk(json!({"tool_calls": more})))
            } else {
                (chunk(json!({"role": "assistant"})), chunk(json!({"content": WORDS})))
            }
        }
        Dialect::OpenaiResponses => {
            let response =
                json!({"id": "resp_1", "object": "response", "status": "in_progress", "model": "m", "output": []});
            let mut begin = event(&json!({"type": "response.created", "sequence_number": 0, "response": response}));
            let (item, delta) = if arguments {
                let item =
                    json!({"id": "x_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": ""});
                (item, "response.function_call_arguments.delta")
            } else {
                let item = json!({"id": "x_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
                (item, "response.output_text.delta")
            };
            begin.extend(event(&json!({"type": "response.output_item.added", "output_index": 0, "item": item})));
            let more = json!({"type": delta, "item_id": "x_1", "output_index": 0, "content_index": 0, "delta": WORDS});
            (begin, event(&more))
        }
        _ => {
            let usage = json!({"input_tokens": 1, "output_tokens": 1});
            let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": usage});
            let mut begin = event(&json!({"type": "message_start", "message": message}));
            let (block, delta) = if arguments {
                let block = json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}});
                (block, json!({"type": "input_json_delta", "partial_json": WORDS}))
            } else {
                (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": WORDS}))
            };
            begin.extend(event(&json!({"type": "content_block_start", "index": 0, "content_block": block})));
            (begin, event(&json!({"type": "content_block_delta", "index": 0, "delta": delta})))
        }
    }
}

#[test]
fn a_stream_that_goes_on_holds_no_more_than_its_client_must_be_told_again() {
    const EVENTS: usize = 20_000;
    for (client, backend) in pairs() {
        for arguments in [false, true] {
            let (begin, more) = endless(backend, arguments);
            let mut said = 0;
            let most = held(|| {
                let mut machine = machine(backend, client, false);
                machine.feed(&begin);
                for _ in 0..EVENTS {
                    machine.feed(&more);
                    said += 45;
                    while machine.poll_output().is_some() {}
                    if machine.is_over() {
                        break;
                    }
                }
            });
            // Responses say all that was said once more at the end, and so keep it; a list grows by doubling.
            let kept = if client == Dialect::OpenaiResponses && client != backend { said * 5 } else { 0 };
            let pair = format!("{} to {}, arguments: {arguments}", backend.name(), client.name());
            println!("{pair}: {most} bytes at most, of {said} that were said");
            assert!(most < 64 * 1024 + kept, "{pair}: {most} bytes held of {said}");
        }
    }
}
