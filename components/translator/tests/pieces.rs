//! What backends of every dialect may send in pieces, mixed, twice or not at all, and what clients of every dialect hear
//! of it (RELIABILITY.md, rows S8 and S11).
#![allow(clippy::unwrap_used)]

mod common;

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_core::{Dialect, Ending, Tokens};
use weir_translator::fuzz::{DIALECTS, Heard, clients};
use weir_translator::stream::Close;

use common::{ESTIMATE, machine, run};

fn sse(events: &[Value]) -> Vec<u8> {
    let written = |event: &Value| match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    };
    events.iter().map(written).collect::<String>().into_bytes()
}

fn chunk(choices: &Value, usage: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage})
}

fn delta(delta: &Value, finish: &Value) -> Value {
    chunk(&json!([{"index": 0, "delta": delta, "finish_reason": finish}]), &Value::Null)
}

fn response(status: &str, output: &[Value], usage: &Value) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "m", "output": output,
        "error": null, "incomplete_details": null, "usage": usage})
}

/// How a stream begins, and how it ends in order.
fn frame(backend: Dialect, items: &[Value], stop: &str) -> (Vec<Value>, Vec<Value>, &'static str) {
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    match backend {
        Dialect::OpenaiChat => {
            let finish = if stop == "tool_use" { "tool_calls" } else { "stop" };
            (
                vec![delta(&json!({"role": "assistant"}), &Value::Null)],
                vec![delta(&json!({}), &finish.into())],
                "data: [DONE]\n\n",
            )
        }
        Dialect::OpenaiResponses => {
            let begin = json!({"type": "response.created", "response": response("in_progress", &[], &Value::Null)});
            let end = json!({"type": "response.completed", "response": response("completed", items, &usage)});
            (vec![begin], vec![end], "")
        }
        _ => {
            let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": usage});
            let reason = json!({"stop_reason": stop, "stop_sequence": null});
            let end = json!({"type": "message_delta", "delta": reason, "usage": {"output_tokens": 1}});
            (vec![json!({"type": "message_start", "message": message})], vec![end, json!({"type": "message_stop"})], "")
        }
    }
}

/// One tool's call as a backend streams it: its begin first.
fn call(backend: Dialect, place: u32, pieces: &[String]) -> Vec<Value> {
    let id = format!("call_{place}");
    match backend {
        Dialect::OpenaiChat => {
            let function = |function: Value| delta(&json!({"tool_calls": [function]}), &Value::Null);
            let begin =
                json!({"index": place, "id": id, "type": "function", "function": {"name": "f", "arguments": ""}});
            let more = |piece: &String| function(json!({"index": place, "function": {"arguments": piece}}));
            std::iter::once(function(begin)).chain(pieces.iter().map(more)).collect()
        }
        Dialect::OpenaiResponses => {
            let item = |arguments: &str, status: &str| {
                json!({"id": format!("fc_{place}"), "type": "function_call", "call_id": id, "name": "f",
                    "arguments": arguments, "status": status})
            };
            let event = |kind: &str, key: &str, value: Value| json!({"type": kind, "item_id": format!("fc_{place}"), "output_index": place, key: value});
            let whole = pieces.concat();
            let mut events = vec![event("response.output_item.added", "item", item("", "in_progress"))];
            let more = |piece: &String| event("response.function_call_arguments.delta", "delta", piece.as_str().into());
            events.extend(pieces.iter().map(more));
            events.push(event("response.function_call_arguments.done", "arguments", whole.as_str().into()));
            events.push(event("response.output_item.done", "item", item(&whole, "completed")));
            events
        }
        _ => {
            let start = json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
            let mut events = vec![json!({"type": "content_block_start", "index": place, "content_block": start})];
            events.extend(pieces.iter().map(|piece| {
                let delta = json!({"type": "input_json_delta", "partial_json": piece});
                json!({"type": "content_block_delta", "index": place, "delta": delta})
            }));
            events.push(json!({"type": "content_block_stop", "index": place}));
            events
        }
    }
}

/// JSON arguments in pieces, or none at all.
fn arguments() -> impl Strategy<Value = Vec<String>> {
    let some = ("[a-z\"{}\\\\:, \u{e9}]{0,12}", 1usize..6).prop_map(|(text, size)| {
        let chars: Vec<char> = json!({"a": text}).to_string().chars().collect();
        chars.chunks(size).map(|piece| piece.iter().collect()).collect()
    });
    prop_oneof![4 => some, 1 => Just(Vec::new())]
}

/// What a backend says of its usage: input and output, either of which may make no sense.
fn report(backend: Dialect, (input, output): (i64, i64)) -> Value {
    match backend {
        Dialect::OpenaiChat => chunk(&json!([]), &json!({"prompt_tokens": input, "completion_tokens": output})),
        Dialect::OpenaiResponses => {
            let usage = json!({"input_tokens": input, "output_tokens": output});
            json!({"type": "response.in_progress", "response": response("in_progress", &[], &usage)})
        }
        _ => json!({"type": "message_delta", "delta": {}, "usage": {"input_tokens": input, "output_tokens": output}}),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s11_calls_of_tools_arrive_whole_however_their_pieces_are_mixed(
        tools in prop::collection::vec(arguments(), 1..5),
        gap in 1u32..7,
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        for backend in DIALECTS {
            let places = (0u32..).step_by(gap as usize);
            let mut queues: Vec<Vec<Value>> =
                tools.iter().zip(places).map(|(pieces, place)| call(backend, place, pieces)).collect();
            let items: Vec<Value> = queues.iter().map(|queue| queue.last().unwrap()["item"].clone()).collect();
            let (mut events, end, last) = frame(backend, &items, "tool_use");
            // Calls begin in order, as their places say; what follows is mixed.
            events.extend(queues.iter_mut().map(|queue| queue.remove(0)));
            for pick in &order {
                queues.retain(|queue| !queue.is_empty());
                if queues.is_empty() {
                    break;
                }
                let at = pick.index(queues.len());
                events.push(queues[at].remove(0));
            }
            events.extend(queues.concat());
            events.extend(end);
            let bytes = [sse(&events), last.as_bytes().to_vec()].concat();
            for client in clients(backend).filter(|&client| client != backend) {
                let (out, closed) = run(&mut machine(backend, client, true), [bytes.as_slice()], Close::End);
                let pair = format!("{} to {}: {}", backend.name(), client.name(), String::from_utf8_lossy(&out));
                prop_assert_eq!(closed.ending, Ending::Complete, "{:?} {}", closed.error, pair);
                let heard = Heard::stream(client, &out);
                prop_assert!(heard.faults.is_empty(), "{:#?} {}", heard.faults, pair);
                let calls = heard.first().calls;
                prop_assert_eq!(calls.len(), tools.len(), "{}", pair);
                for ((place, pieces), call) in (0u32..).step_by(gap as usize).zip(&tools).zip(&calls) {
                    let whole = pieces.concat();
                    prop_assert_eq!(&call.id, &format!("call_{place}"), "{}", pair);
                    prop_assert_eq!(&call.arguments, if whole.is_empty() { "{}" } else { &whole }, "{}", pair);
                }
            }
        }
    }

    #[test]
    fn s8_the_last_usage_counts_and_is_never_negative(
        reports in prop::collection::vec((-5i64..50, -5i64..50), 0..6),
    ) {
        let tokens = |n: i64| Tokens(u64::try_from(n).unwrap_or(0));
        for backend in DIALECTS {
            let (mut events, mut end, last) = frame(backend, &[], "end_turn");
            let last_report = events.len() + reports.len();
            events.extend(reports.iter().map(|pair| report(backend, *pair)));
            if backend == Dialect::OpenaiResponses {
                // The last word is the one that ends the stream.
                if let Some((input, output)) = reports.last() {
                    end[0]["response"]["usage"] = json!({"input_tokens": input, "output_tokens": output});
                } else {
                    end[0]["response"]["usage"] = Value::Null;
                }
            }
            if backend == Dialect::AnthropicMessages {
                events[0]["message"]["usage"] = json!({});
                end[0]["usage"] = json!({});
            }
            prop_assert!(events.len() == last_report);
            events.extend(end);
            let bytes = [sse(&events), last.as_bytes().to_vec()].concat();
            for client in clients(backend) {
                let (out, closed) = run(&mut machine(backend, client, true), [bytes.as_slice()], Close::End);
                let pair = format!("{} to {}: {}", backend.name(), client.name(), String::from_utf8_lossy(&out));
                prop_assert_eq!(closed.ending, Ending::Complete, "{:?} {}", closed.error, pair);
                let said = |(input, output): &&(i64, i64)| *input >= 0 || *output >= 0;
                let expected = match backend {
                    // Each figure counts for itself: messages tell them apart.
                    Dialect::AnthropicMessages => {
                        let input = reports.iter().rev().map(|report| report.0).find(|n| *n >= 0);
                        let output = reports.iter().rev().map(|report| report.1).find(|n| *n >= 0);
                        (input.is_some() || output.is_some()).then(|| (input.unwrap_or(0), output.unwrap_or(0)))
                    }
                    _ => reports.iter().rev().find(said).copied(),
                };
                match expected {
                    Some((input, output)) => {
                        prop_assert_eq!(closed.usage.input, tokens(input), "{}", pair);
                        prop_assert_eq!(closed.usage.output, tokens(output), "{}", pair);
                        prop_assert!(!closed.usage.estimated, "{}", pair);
                    }
                    None => {
                        prop_assert_eq!(closed.usage.input, ESTIMATE.input, "{}", pair);
                        prop_assert!(closed.usage.estimated, "{}", pair);
                    }
                }
                let heard = Heard::stream(client, &out).usage;
                let told = client != backend && expected.is_some();
                prop_assert!(!told || heard == Some(closed.usage), "{heard:?} {pair}");
            }
        }
    }
}
