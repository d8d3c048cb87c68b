//! Streams, written.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use weir_core::{Dialect, Tokens, UnixMillis, Usage};

use crate::anthropic::Encoder;
use crate::canonical::{Citation, Event, Finish, Signature};
use crate::codec::Asked;
use crate::stream::{Frames, Sink};

/// The events that clients get for these, the end included.
fn written(events: &[Event]) -> Vec<Value> {
    let mut encoder = Encoder::new(&Asked::default(), UnixMillis(0));
    let mut frames = Frames::default();
    for event in events {
        encoder.event(event, &mut frames);
    }
    assert!(encoder.fault().is_none());
    encoder.end(&mut frames);
    let mut out = Vec::new();
    while let Some(frame) = frames.pop() {
        let text = String::from_utf8(frame).unwrap();
        let (name, data) = text.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap();
        assert_eq!(data["type"], name);
        out.push(data);
    }
    out
}

/// The blocks that a client puts together, as Anthropic's SDKs do it; checks that they come one after the other.
fn folded(events: &[Value]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut json: BTreeMap<usize, String> = BTreeMap::new();
    let mut open = None;
    assert_eq!(events[0]["type"], "message_start");
    assert_eq!(events[events.len() - 2]["type"], "message_delta");
    assert_eq!(events[events.len() - 1]["type"], "message_stop");
    for event in &events[1..events.len() - 2] {
        let index = event["index"].as_u64().map(|index| usize::try_from(index).unwrap());
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!((open, index), (None, Some(blocks.len())));
                open = index;
                blocks.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                assert_eq!(open, index);
                let (delta, block) = (&event["delta"], blocks.last_mut().unwrap());
                let add = |block: &mut Value, key: &str| {
                    let text = format!("{}{}", block[key].as_str().unwrap(), delta[key].as_str().unwrap());
                    block[key] = text.into();
                };
                match delta["type"].as_str().unwrap() {
                    "text_delta" => add(block, "text"),
                    "thinking_delta" => add(block, "thinking"),
                    "signature_delta" => block["signature"] = delta["signature"].clone(),
                    "input_json_delta" => {
                        json.entry(index.unwrap()).or_default().push_str(delta["partial_json"].as_str().unwrap());
                    }
                    "citations_delta" => {
                        let mut citations = block["citations"].as_array().cloned().unwrap_or_default();
                        citations.push(delta["citation"].clone());
                        block["citations"] = citations.into();
                    }
                    other => panic!("{other}"),
                }
            }
            "content_block_stop" => assert_eq!(open.take(), index),
            "ping" => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(open, None);
    for (index, json) in json {
        blocks[index]["input"] = serde_json::from_str(&json).unwrap();
    }
    blocks
}

fn text(text: &str) -> Event {
    Event::Text { candidate: 0, text: text.to_owned() }
}

fn thought(text: &str) -> Event {
    Event::Reasoning { candidate: 0, text: text.to_owned() }
}

fn call(tool: u32, id: &str) -> Event {
    Event::ToolStart { candidate: 0, tool, id: id.to_owned(), name: "f".to_owned(), custom: false }
}

fn arguments(tool: u32, json: &str) -> Event {
    Event::ToolArguments { candidate: 0, tool, json: json.to_owned() }
}

fn start() -> Event {
    Event::Start { id: "a1".to_owned(), model: "m".to_owned() }
}

fn finish(reason: Finish) -> Event {
    Event::Finish { candidate: 0, reason }
}

const END: Event = Event::PartEnd { candidate: 0 };

#[test]
fn blocks_come_one_after_the_other() {
    let signature = Signature::new(Dialect::AnthropicMessages, "sig");
    let theirs = Signature::new(Dialect::OpenaiResponses, "rs_1:abc");
    let proof = |signature: &Signature, redacted| Event::ReasoningSignature {
        candidate: 0,
        signature: signature.clone(),
        redacted,
    };
    let usage = Usage {
        input: Tokens(30),
        output: Tokens(8),
        cache_read: Tokens(10),
        cache_write: Tokens(5),
        reasoning: Tokens(2),
        estimated: false,
    };
    let events = written(&[
        start(),
        thought("hm"),
        thought("m"),
        END,
        proof(&signature, false),
        thought("again"),
        proof(&theirs, false),
        proof(&theirs, true),
        text("Hel"),
        Event::Ping,
        text("lo"),
        END,
        text("!"),
        call(0, "c1"),
        arguments(0, "{\"a\""),
        arguments(0, ":1}"),
        Event::ToolEnd { candidate: 0, tool: 0 },
        call(1, ""),
        Event::ToolEnd { candidate: 0, tool: 1 },
        finish(Finish::Stop),
        Event::Usage(usage),
    ]);
    let blocks = folded(&events);
    let id = blocks[6]["id"].clone();
    assert!(id.as_str().unwrap().starts_with("toolu_"));
    assert_eq!(
        blocks,
        [
            json!({"type": "thinking", "thinking": "hmm", "signature": "sig"}),
            json!({"type": "thinking", "thinking": "again", "signature": theirs.wrap(false)}),
            json!({"type": "redacted_thinking", "data": theirs.wrap(true)}),
            json!({"type": "text", "text": "Hello"}),
            json!({"type": "text", "text": "!"}),
            json!({"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}),
            json!({"type": "tool_use", "id": id, "name": "f", "input": {}}),
        ]
    );
    let delta = &events[events.len() - 2];
    assert_eq!(delta["delta"], json!({"stop_reason": "tool_use", "stop_sequence": null}));
    assert_eq!(
        delta["usage"],
        json!({
            "input_tokens": 15, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 10, "output_tokens": 8,
            "output_tokens_details": {"thinking_tokens": 2},
        })
    );
}

#[test]
fn calls_that_come_in_between_each_other_wait_in_their_order() {
    for (ends, finish) in [(true, finish(Finish::ToolCalls)), (false, finish(Finish::ToolCalls))] {
        let mut events = vec![
            start(),
            call(0, "a"),
            arguments(0, "{\"x\""),
            call(1, "b"),
            arguments(1, "{\"y\":"),
            text("then"),
            arguments(0, ":0}"),
            call(2, "c"),
            arguments(1, "1}"),
            arguments(2, "{}"),
        ];
        if ends {
            events.extend([1, 0, 2].map(|tool| Event::ToolEnd { candidate: 0, tool }));
        }
        events.push(finish);
        let blocks = folded(&written(&events));
        let heads: Vec<Value> =
            blocks.iter().map(|block| json!([block["type"], block["id"], block["input"]])).collect();
        assert_eq!(
            heads,
            [
                json!(["tool_use", "a", {"x": 0}]),
                json!(["tool_use", "b", {"y": 1}]),
                json!(["text", null, null]),
                json!(["tool_use", "c", {}]),
            ]
        );
    }
}

#[test]
fn the_first_calls_pieces_are_not_held_back() {
    let mut encoder = Encoder::new(&Asked::default(), UnixMillis(0));
    let mut frames = Frames::default();
    for event in [start(), call(0, "a"), call(1, "b"), arguments(1, "{}"), arguments(0, "{")] {
        encoder.event(&event, &mut frames);
    }
    let mut last = Vec::new();
    while let Some(frame) = frames.pop() {
        last = frame;
    }
    assert!(String::from_utf8(last).unwrap().contains(r#""partial_json":"{""#));
}

#[test]
fn calls_that_wait_too_long_end_the_stream() {
    let mut encoder = Encoder::new(&Asked::default(), UnixMillis(0));
    let mut frames = Frames::default();
    let piece = "x".repeat(64 * 1024);
    for event in [start(), call(0, "a"), call(1, "b")] {
        encoder.event(&event, &mut frames);
    }
    let most = (0..1000).find(|_| {
        encoder.event(&arguments(1, &piece), &mut frames);
        encoder.fault().is_some()
    });
    assert!(most.is_some_and(|pieces| (60..70).contains(&pieces)), "{most:?}");
}

#[test]
fn thoughts_that_nobody_vouches_for_have_a_proof_that_proves_nothing() {
    let blocks = folded(&written(&[start(), thought("hm"), text("a"), finish(Finish::Stop)]));
    assert_eq!(blocks[0]["signature"], "weir1.openai-chat.cw");
}

#[test]
fn a_refusal_is_text_and_a_reason() {
    let refusal = Event::Refusal { candidate: 0, text: "no".to_owned() };
    let events = written(&[start(), refusal, finish(Finish::Stop)]);
    assert_eq!(folded(&events), [json!({"type": "text", "text": "no"})]);
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "refusal");
}

#[test]
fn citations_belong_to_the_words_before_them() {
    let citation = Citation { url: Some("https://a".to_owned()), title: Some("t".to_owned()), ..Citation::default() };
    let cite = Event::Citation { candidate: 0, citation };
    let blocks = folded(&written(&[start(), text("a"), END, cite, text("b"), finish(Finish::Stop)]));
    assert_eq!(blocks.len(), 2);
    assert_eq!(blocks[0]["citations"][0]["url"], "https://a");
}

#[test]
fn the_input_of_a_custom_call_is_put_into_an_object() {
    let begin = Event::ToolStart { candidate: 0, tool: 0, id: "a".to_owned(), name: "p".to_owned(), custom: true };
    let blocks =
        folded(&written(&[start(), begin, arguments(0, "a\n\""), arguments(0, "b"), finish(Finish::ToolCalls)]));
    assert_eq!(blocks[0]["input"], json!({"input": "a\n\"b"}));
}
