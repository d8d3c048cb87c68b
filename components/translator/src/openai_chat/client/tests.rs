//! What clients write that is read in more than one way, and answers in OpenAI's older words.

use serde_json::{Value, json};
use weir_core::json::Object;
use weir_core::sse::{Decoder, Item};
use weir_core::{Dialect, Limits, Tokens, UnixMillis};

use super::{Encoder, decode_request, echo, encode_response};
use crate::canonical::*;
use crate::codec::Asked;
use crate::openai_chat::proof;
use crate::stream::{Frames, Sink as _};

fn object(body: &Value) -> Object {
    Object::parse(body.to_string().as_bytes(), 64).unwrap()
}

fn decoded(messages: &Value, more: &Value) -> Request {
    let mut body = json!({"model": "m", "messages": messages});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    decode_request(&object(&body)).unwrap()
}

fn proof(value: &str, redacted: bool) -> (Signature, bool) {
    (Signature::new(Dialect::AnthropicMessages, value), redacted)
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}})
}

#[test]
fn proofs_in_ids_become_the_thoughts_before_their_call() {
    let first = proof::carry("a", &[proof("veiled", true), proof("shown", false)]);
    let second = proof::carry("b", &[proof("later", false)]);
    let messages = json!([
        {"role": "assistant", "content": "Hi", "reasoning_content": "Hm.", "tool_calls": [call(&first), call(&second)]},
        {"role": "tool", "tool_call_id": first, "content": "1"},
        {"role": "tool", "tool_call_id": second, "content": "2"},
    ]);
    let request = decoded(&messages, &json!({}));
    let shown: Vec<String> = request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .map(|part| match part {
            Part::Reasoning(thoughts) => {
                let proof = thoughts.signature.as_ref().map_or("-", |signature| signature.value.as_str());
                format!("{}/{proof}/{}", thoughts.text, thoughts.redacted)
            }
            Part::ToolCall(call) => call.id.clone(),
            Part::ToolResult(result) => format!("={}", result.id),
            Part::Text(text) => text.text.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, ["/veiled/true", "Hm./shown/false", "Hi", "a", "/later/false", "b", "=a", "=b"]);
}

#[test]
fn answers_to_custom_calls_are_of_custom_tools() {
    let messages = json!([
        {"role": "assistant", "tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "p", "input": "x"}}, call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    ]);
    let request = decoded(&messages, &json!({}));
    let custom = request.messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::ToolResult(result) => Some(result.custom),
        _ => None,
    });
    assert_eq!(custom.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn thinking_is_asked_for_in_the_words_of_several() {
    for (body, mode, effort, shown) in [
        (json!({"reasoning_effort": "xhigh"}), None, Some(Effort::ExtraHigh), None),
        (json!({"reasoning_effort": "default"}), None, None, None),
        (json!({"reasoning": {"effort": "low", "exclude": true}}), None, Some(Effort::Low), Some(Shown::Omitted)),
        (json!({"reasoning": {"max_tokens": 9}}), Some(ThinkingMode::Budget(Tokens(9))), None, None),
        (json!({"reasoning": {"enabled": false}}), Some(ThinkingMode::Off), None, None),
        (json!({"thinking": {"type": "enabled"}}), Some(ThinkingMode::Adaptive), None, None),
        (json!({"thinking": {"type": "disabled"}}), Some(ThinkingMode::Off), None, None),
    ] {
        let request = decoded(&json!([{"role": "user", "content": "Hi"}]), &body);
        let thinking = request.thinking;
        assert_eq!((thinking.mode, thinking.effort, thinking.shown), (mode, effort, shown), "{body}");
        assert!(request.unplaced.is_empty(), "{body}");
    }
}

#[test]
fn marks_of_both_customs_are_read() {
    for (mark, ttl) in [
        (json!({"cache_control": {"type": "ephemeral"}}), None),
        (json!({"cache_control": {"type": "ephemeral", "ttl": "1h"}}), Some(CacheTtl::Hours)),
        (json!({"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}), Some(CacheTtl::Minutes)),
    ] {
        let mut part = json!({"type": "text", "text": "Hi"});
        part.as_object_mut().unwrap().extend(mark.as_object().unwrap().clone());
        let request = decoded(&json!([{"role": "user", "content": [part]}]), &json!({}));
        let Part::Text(text) = &request.messages[0].parts[0] else { panic!("no text") };
        assert_eq!((text.cache, request.unplaced.len()), (Some(CacheMark { ttl }), 0), "{mark}");
    }
}

#[test]
fn whoever_speaks_of_functions_is_answered_so() {
    let body = json!({"model": "m", "messages": [], "functions": [{"name": "f"}]});
    let asked = Asked { echo: echo(&object(&body)), ..Asked::default() };
    let call = ToolCall { id: "a".into(), name: "f".into(), arguments: "{}".into(), ..ToolCall::default() };
    let candidate = Candidate { parts: vec![Part::ToolCall(call)], finish: Finish::ToolCalls };
    let response = Response { candidates: vec![candidate], ..Response::default() };
    let whole: Value = serde_json::from_slice(&encode_response(&response, &asked, UnixMillis(0))).unwrap();
    let function = json!({"name": "f", "arguments": "{}"});
    assert_eq!(whole["choices"][0]["message"]["function_call"], function);
    assert_eq!(whole["choices"][0]["finish_reason"], "function_call");

    let mut encoder = Encoder::new(&asked, UnixMillis(0));
    let mut frames = Frames::default();
    let of = (0, 0);
    for event in [
        Event::Start { id: "x".into(), model: "m".into() },
        Event::ToolStart { candidate: of.0, tool: of.1, id: "a".into(), name: "f".into(), custom: false },
        Event::ToolArguments { candidate: of.0, tool: of.1, json: "{}".into() },
        Event::ToolEnd { candidate: of.0, tool: of.1 },
        Event::Finish { candidate: of.0, reason: Finish::ToolCalls },
    ] {
        encoder.event(&event, &mut frames);
    }
    let (mut name, mut arguments, mut reason) = (String::new(), String::new(), Value::Null);
    while let Some(frame) = frames.pop() {
        let read = |item: Item<'_>| {
            let Item::Event(event) = item else { return };
            let chunk: Value = serde_json::from_slice(&event.data()).unwrap();
            let choice = &chunk["choices"][0];
            let function = &choice["delta"]["function_call"];
            name.push_str(function["name"].as_str().unwrap_or_default());
            arguments.push_str(function["arguments"].as_str().unwrap_or_default());
            assert!(choice["delta"].get("tool_calls").is_none());
            reason = choice["finish_reason"].clone();
        };
        Decoder::new(&Limits::default()).feed(&frame, read).unwrap();
    }
    assert_eq!((name.as_str(), arguments.as_str(), reason), ("f", "{}", json!("function_call")));
}

#[test]
fn a_schemas_description_stands_in_the_schema() {
    let schema = json!({"name": "n", "description": "D", "schema": {"type": "object"}});
    let more = json!({"response_format": {"type": "json_schema", "json_schema": schema}});
    let ResponseFormat::JsonSchema { schema, .. } =
        decoded(&json!([{"role": "user", "content": "Hi"}]), &more).response_format
    else {
        panic!()
    };
    assert_eq!(schema, json!({"type": "object", "description": "D"}));
}
