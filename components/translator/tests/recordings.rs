//! What providers really said, where the recordings lie beside the workspace; skipped elsewhere.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use http::HeaderMap;
use serde_json::Value;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, Ending, ErrorKind, UnixMillis, Usage};
use weir_translator::attempt::refusal;
use weir_translator::stream::Close;

use common::{NOW, exchange, machine, prepared, run, target, terminals};

/// The folder of recordings, if it is there.
fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recordings");
    let found = folder.is_dir().then_some(folder);
    if found.is_none() {
        println!("skipped: there are no recordings beside the workspace");
    }
    found
}

struct Exchange {
    name: String,
    status: u64,
    request: Value,
    response: Value,
}

fn exchanges(file: &str) -> Vec<Exchange> {
    let Some(folder) = recordings() else {
        return Vec::new();
    };
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let exchanges: Vec<Exchange> = text
        .lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            Exchange {
                name: format!("{file} {}", line["name"].as_str().unwrap()),
                status: line["status"].as_u64().unwrap(),
                request: line["request"].take(),
                response: line["response"].take(),
            }
        })
        .collect();
    assert!(!exchanges.is_empty(), "{file} is empty");
    exchanges
}

fn tokens(usage: &Value, key: &str) -> u64 {
    usage[key].as_u64().unwrap_or(0)
}

/// The data of a stream, as JSON.
fn data(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    lines.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

#[test]
fn requests_of_chat_completions_pass_with_nothing_but_their_model_changed() {
    for file in ["openai-chat.jsonl", "openai-compatible-chat.jsonl"] {
        for exchange in exchanges(file) {
            let body = exchange.request.to_string().into_bytes();
            let call = prepared("openai", target(Dialect::OpenaiChat), &HeaderMap::new(), &body, OnUnsupported::Reject);
            let mut sent: Value = serde_json::from_slice(&call.unwrap().upstream.body).unwrap();
            sent["model"] = exchange.request["model"].clone();
            if exchange.request["stream"] == true {
                assert_eq!(sent["stream_options"]["include_usage"], true, "{}", exchange.name);
                match exchange.request.get("stream_options") {
                    Some(options) => sent["stream_options"] = options.clone(),
                    None => drop(sent.as_object_mut().unwrap().remove("stream_options")),
                }
            }
            if let Some(most) = exchange.request.get("max_tokens") {
                assert_eq!(sent.as_object_mut().unwrap().remove("max_completion_tokens").as_ref(), Some(most));
                sent["max_tokens"] = most.clone();
            }
            // Mistral's word for what OpenAI, which the call goes to, calls `required`.
            if exchange.request["tool_choice"] == "any" {
                assert_eq!(sent["tool_choice"], "required");
                sent["tool_choice"] = "any".into();
            }
            assert_eq!(sent, exchange.request, "{}", exchange.name);
        }
    }
}

#[test]
fn requests_of_chat_completions_are_understood_for_another_dialect() {
    for file in ["openai-chat.jsonl", "openai-compatible-chat.jsonl"] {
        for exchange in exchanges(file) {
            let body = exchange.request.to_string().into_bytes();
            let call = |policy| prepared("anthropic", target(Dialect::OpenaiChat), &HeaderMap::new(), &body, policy);
            let sent = call(OnUnsupported::Drop);
            let call_with = match sent {
                Ok(sent) => sent,
                Err(error) => panic!("{}: {error}", exchange.name),
            };
            let sent: Value = serde_json::from_slice(&call_with.upstream.body).unwrap();
            assert!(sent["messages"].as_array().is_some_and(|list| !list.is_empty()), "{}", exchange.name);
            // What was dropped is named; what was not is there, words and all.
            let dropped = call_with.exchange.dropped();
            let refused = call(OnUnsupported::Reject).err().map(|error| error.kind());
            let echo = |name: &String| name.ends_with("reasoning_content") || name == "prompt_cache_key";
            assert_eq!(refused.is_some(), !dropped.iter().all(echo), "{}: {dropped:?} {refused:?}", exchange.name);
            assert!(refused.is_none_or(|kind| kind == ErrorKind::Unsupported), "{}", exchange.name);
            let written = sent.to_string();
            for message in exchange.request["messages"].as_array().unwrap() {
                if let Some(text) = message["content"].as_str().filter(|text| !text.is_empty()) {
                    assert!(written.contains(&Value::from(text).to_string()), "{} lost {text}", exchange.name);
                }
            }
        }
    }
}

#[test]
fn answers_of_chat_completions_pass_byte_for_byte_and_their_usage_is_read() {
    let (mut streams, mut wholes) = (0, 0);
    for file in ["openai-chat.jsonl", "openai-compatible-chat.jsonl"] {
        for recorded in exchanges(file).into_iter().filter(|exchange| exchange.status == 200) {
            let name = &recorded.name;
            if let Some(stream) = recorded.response.as_str() {
                let mut machine = machine(Dialect::OpenaiChat, Dialect::OpenaiChat, true);
                let (out, closed) = run(&mut machine, [stream.as_bytes()], Close::End);
                let failed =
                    !stream.contains("[DONE]") || data(stream).iter().any(|chunk| chunk.get("error").is_some());
                if failed {
                    assert_ne!(closed.ending, Ending::Complete, "{name}");
                    continue;
                }
                // Comments before the first event are the only thing that a client is not sent.
                let expected = &stream[stream.find("data:").unwrap()..];
                assert_eq!(String::from_utf8_lossy(&out), expected, "{name}");
                assert_eq!(closed.ending, Ending::Complete, "{name}");
                compare_openai(name, data(stream).iter().rev().find_map(stated), closed.usage);
                streams += 1;
            } else if recorded.response.get("choices").is_some() && recorded.response.get("error").is_none() {
                let body = recorded.response.to_string().into_bytes();
                let exchange = exchange(Dialect::OpenaiChat, Dialect::OpenaiChat, false).exchange;
                let (passed, usage) = exchange.whole(body.clone(), NOW).unwrap();
                assert_eq!(passed, body, "{name}");
                compare_openai(name, stated(&recorded.response), usage);
                wholes += 1;
            }
        }
    }
    println!("{streams} streams and {wholes} whole answers passed");
    assert!(recordings().is_none() || (streams > 20 && wholes > 200));
}

fn stated(chunk: &Value) -> Option<Value> {
    let usage = [&chunk["usage"], &chunk["x_groq"]["usage"]].into_iter().find(|usage| usage.is_object());
    usage.cloned()
}

fn compare_openai(name: &str, stated: Option<Value>, usage: Usage) {
    match stated {
        Some(stated) => {
            assert_eq!(usage.input.0, tokens(&stated, "prompt_tokens"), "{name}");
            assert_eq!(usage.output.0, tokens(&stated, "completion_tokens"), "{name}");
            assert!(!usage.estimated, "{name}");
        }
        None => assert!(usage.estimated && usage.output.0 > 0, "{name}"),
    }
}

#[test]
fn refusals_keep_their_status_and_words() {
    for file in ["openai-chat.jsonl", "openai-compatible-chat.jsonl", "anthropic.jsonl"] {
        for exchange in exchanges(file).into_iter().filter(|exchange| exchange.status >= 400) {
            let body = exchange.response.to_string().into_bytes();
            let status = u16::try_from(exchange.status).unwrap();
            let (error, failure) = refusal(status, &HeaderMap::new(), &body, false, &[], UnixMillis(0));
            let words = exchange.response["error"]["message"].as_str().unwrap();
            assert!(error.message().contains(words), "{}: {error}", exchange.name);
            assert_eq!(error.status(), status, "{}", exchange.name);
            assert_eq!(failure.retry, status == 429, "{}", exchange.name);
        }
    }
}

#[test]
fn answers_of_anthropic_pass_byte_for_byte_and_their_usage_is_read() {
    for recorded in exchanges("anthropic.jsonl").into_iter().filter(|exchange| exchange.status == 200) {
        let name = &recorded.name;
        let usage = match recorded.response.as_str() {
            Some(stream) => {
                let mut machine = machine(Dialect::AnthropicMessages, Dialect::AnthropicMessages, false);
                let (out, closed) = run(&mut machine, [stream.as_bytes()], Close::End);
                assert_eq!(String::from_utf8_lossy(&out), stream, "{name}");
                assert_eq!(closed.ending, Ending::Complete, "{name}");
                closed.usage
            }
            None => {
                let body = recorded.response.to_string().into_bytes();
                let exchange = exchange(Dialect::AnthropicMessages, Dialect::AnthropicMessages, false).exchange;
                let (passed, usage) = exchange.whole(body.clone(), NOW).unwrap();
                assert_eq!(passed, body, "{name}");
                usage
            }
        };
        compare_anthropic(name, &recorded.response, usage);
    }
}

fn compare_anthropic(name: &str, response: &Value, usage: Usage) {
    let objects: Vec<Value> = match response.as_str() {
        Some(stream) => data(stream)
            .into_iter()
            .flat_map(|event| [event["message"]["usage"].clone(), event["usage"].clone()])
            .filter(Value::is_object)
            .collect(),
        None => vec![response["usage"].clone()],
    };
    let last = |key: &str| objects.iter().rev().find_map(|usage| usage[key].as_u64()).unwrap_or(0);
    // What was spent beside the answer stands in its rounds alone.
    let rounds = objects.iter().rev().find_map(|usage| usage["iterations"].as_array()).cloned().unwrap_or_default();
    let is_beside = |round: &&Value| round["type"] == "compaction" || round["type"] == "advisor_message";
    let beside = |key: &str| rounds.iter().filter(is_beside).filter_map(|round| round[key].as_u64()).sum::<u64>();
    let all = |key: &str| last(key) + beside(key);
    let input = all("input_tokens") + all("cache_read_input_tokens") + all("cache_creation_input_tokens");
    assert_eq!((usage.input.0, usage.output.0), (input, all("output_tokens")), "{name}");
}

#[test]
fn answers_of_anthropic_reach_clients_of_chat_completions_with_every_word() {
    for recorded in exchanges("anthropic.jsonl").into_iter().filter(|exchange| exchange.status == 200) {
        let name = &recorded.name;
        if let Some(stream) = recorded.response.as_str() {
            let (words, calls) = said_in_stream(&data(stream));
            let mut machine = machine(Dialect::AnthropicMessages, Dialect::OpenaiChat, true);
            let (out, closed) = run(&mut machine, [stream.as_bytes()], Close::End);
            assert_eq!(closed.ending, Ending::Complete, "{name}");
            assert_eq!(heard(&out), (words, calls), "{name}");
            compare_anthropic(name, &recorded.response, closed.usage);
        } else {
            let body = recorded.response.to_string().into_bytes();
            let whole = exchange(Dialect::AnthropicMessages, Dialect::OpenaiChat, false).exchange.whole(body, NOW);
            if recorded.response["stop_reason"].is_null() {
                assert_eq!(whole.unwrap_err().kind(), ErrorKind::UpstreamProtocol, "{name}");
                continue;
            }
            let (written, usage) = whole.unwrap();
            let written: Value = serde_json::from_slice(&written).unwrap();
            let blocks = recorded.response["content"].as_array().unwrap();
            let text: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
            let message = &written["choices"][0]["message"];
            assert_eq!(message["content"].as_str().unwrap_or_default(), text, "{name}");
            let asked = blocks.iter().filter(|block| block["type"] == "tool_use");
            let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
            for (block, call) in asked.zip(calls) {
                assert_eq!(block["id"].as_str(), call["id"].as_str().and_then(|id| id.split('~').next()), "{name}");
                let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
                assert_eq!(block["input"], arguments, "{name}");
            }
            compare_anthropic(name, &recorded.response, usage);
        }
    }
}

/// All words and the ids of all calls in Anthropic's events.
fn said_in_stream(events: &[Value]) -> (String, Vec<String>) {
    let (mut words, mut calls) = (String::new(), Vec::new());
    for event in events {
        words.push_str(event["delta"]["text"].as_str().unwrap_or_default());
        words.push_str(event["content_block"]["text"].as_str().unwrap_or_default());
        if event["content_block"]["type"] == "tool_use" {
            calls.push(event["content_block"]["id"].as_str().unwrap().to_owned());
        }
    }
    (words, calls)
}

/// The same in chunks.
fn heard(chunks: &[u8]) -> (String, Vec<String>) {
    let (mut words, mut calls) = (String::new(), Vec::new());
    for chunk in data(&String::from_utf8_lossy(chunks)) {
        let delta = &chunk["choices"][0]["delta"];
        words.push_str(delta["content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            calls.extend(call["id"].as_str().map(str::to_owned));
        }
    }
    (words, calls)
}

/// The recorded streams of a provider, as they would come over the wire.
fn streams(provider: &str, named: bool, end: &str) -> Vec<(String, Vec<Value>, String)> {
    let Some(folder) = recordings() else {
        return Vec::new();
    };
    let files = fs::read_dir(folder.join("streams").join(provider)).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.to_str().unwrap().ends_with(".stream.jsonl"));
    let read = |path: PathBuf| {
        let lines = fs::read_to_string(&path).unwrap();
        let mut events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Some files hold the streams of several turns, one after the other.
        let ends = ["message_stop", "response.completed", "response.incomplete"];
        if let Some(end) = events.iter().position(|event| ends.iter().any(|end| event["type"] == *end)) {
            events.truncate(end + 1);
        }
        let mut stream = String::new();
        for event in &events {
            if named {
                stream.push_str(&format!("event: {}\n", event["type"].as_str().unwrap()));
            }
            stream.push_str(&format!("data: {event}\n\n"));
        }
        (format!("{provider} {}", path.file_stem().unwrap().to_str().unwrap()), events, stream + end)
    };
    files.map(read).collect()
}

#[test]
fn streams_of_anthropic_reach_clients_of_chat_completions_with_every_word() {
    for (name, events, stream) in streams("anthropic", true, "") {
        let mut machine = machine(Dialect::AnthropicMessages, Dialect::OpenaiChat, true);
        let (out, closed) = run(&mut machine, [stream.as_bytes()], Close::End);
        assert_eq!(terminals(Dialect::OpenaiChat, &out), 1, "{name}");
        if name.contains("spliced") {
            assert_eq!(closed.ending, Ending::Truncated, "{name}");
            continue;
        }
        assert_eq!(closed.ending, Ending::Complete, "{name}: {:?}", closed.error);
        assert_eq!(heard(&out), said_in_stream(&events), "{name}");
        let ids: BTreeSet<String> = heard(&out).1.into_iter().collect();
        assert_eq!(ids.len(), heard(&out).1.len(), "{name}");
    }
}

#[test]
fn streams_of_openais_like_pass_byte_for_byte() {
    for provider in
        ["openai/chat", "openai-compatible/chat", "groq", "mistral", "deepseek", "xai", "alibaba", "moonshotai"]
    {
        for (name, events, stream) in streams(provider, false, "data: [DONE]\n\n") {
            if events.iter().any(|event| event.get("choices").is_none()) {
                println!("skipped: {name} is of another dialect");
                continue;
            }
            let mut machine = machine(Dialect::OpenaiChat, Dialect::OpenaiChat, true);
            let (out, closed) = run(&mut machine, [stream.as_bytes()], Close::End);
            assert_eq!(String::from_utf8_lossy(&out), stream, "{name}");
            assert_eq!(closed.ending, Ending::Complete, "{name}");
            compare_openai(&name, events.iter().rev().find_map(stated), closed.usage);
        }
    }
}

#[test]
fn streams_of_responses_pass_byte_for_byte() {
    for (name, events, stream) in streams("openai/responses", true, "") {
        let mut machine = machine(Dialect::OpenaiResponses, Dialect::OpenaiResponses, true);
        let (out, closed) = run(&mut machine, [stream.as_bytes()], Close::End);
        let last = events.last().unwrap();
        let ended = ["response.completed", "response.incomplete"].iter().any(|end| last["type"] == *end);
        if !ended {
            assert_ne!(closed.ending, Ending::Complete, "{name}");
            continue;
        }
        assert_eq!(String::from_utf8_lossy(&out), stream, "{name}");
        assert_eq!(closed.ending, Ending::Complete, "{name}");
        assert_eq!(closed.usage.input.0, tokens(&last["response"]["usage"], "input_tokens"), "{name}");
        assert_eq!(closed.usage.output.0, tokens(&last["response"]["usage"], "output_tokens"), "{name}");
    }
}
