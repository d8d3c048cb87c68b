//! Requests.

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderMap;
use serde_json::Value;
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, ErrorKind};
use weir_translator::codec::{backend_side, client_side};
use weir_translator::fuzz::backends;
use weir_translator::unsupported::Unsupported;

use crate::common::{call, none, prepared, target, with_target};
use crate::load::{Exchange, exchanges};
use crate::meaning::{differences, rules_without_effect};
use crate::refused::{REFUSED, Refused, Why};

fn body(exchange: &Exchange) -> Object {
    Object::parse(exchange.request.to_string().as_bytes(), 64).unwrap()
}

/// Requests that a provider took. Of those it refused there are a few, each for a fault of its own.
fn taken() -> Vec<Exchange> {
    let taken = |exchange: &Exchange| exchange.status == 200 && exchange.request.is_object() && !exchange.counts;
    exchanges().into_iter().filter(taken).collect()
}

#[test]
fn pass_with_nothing_but_their_model_changed() {
    for exchange in exchanges().into_iter().filter(|exchange| exchange.request.is_object()) {
        let name = if exchange.dialect == Dialect::AnthropicMessages { "anthropic" } else { "openai" };
        let path = match (exchange.dialect, exchange.counts) {
            (Dialect::AnthropicMessages, true) => "/v1/messages/count_tokens",
            (Dialect::OpenaiResponses, true) => "/v1/responses/input_tokens",
            (dialect, _) => target(dialect),
        };
        let body = exchange.request.to_string().into_bytes();
        let call = prepared(name, path, &HeaderMap::new(), &body, OnUnsupported::Reject);
        let call = call.unwrap_or_else(|error| panic!("{}: {error}", exchange.name));
        let mut sent: Value = serde_json::from_slice(&call.upstream.body).unwrap();
        sent["model"] = exchange.request["model"].clone();
        if exchange.dialect == Dialect::OpenaiChat && exchange.request["stream"] == true {
            assert_eq!(sent["stream_options"]["include_usage"], true, "{}", exchange.name);
            match exchange.request.get("stream_options") {
                Some(options) => sent["stream_options"] = options.clone(),
                None => drop(sent.as_object_mut().unwrap().remove("stream_options")),
            }
        }
        // OpenAI, which the call goes to, has other words for what its like say.
        if let Some(most) = exchange.request.get("max_tokens").filter(|_| exchange.dialect == Dialect::OpenaiChat) {
            assert_eq!(sent.as_object_mut().unwrap().remove("max_completion_tokens").as_ref(), Some(most));
            sent["max_tokens"] = most.clone();
        }
        if exchange.request["tool_choice"] == "any" {
            assert_eq!(sent["tool_choice"], "required", "{}", exchange.name);
            sent["tool_choice"] = "any".into();
        }
        assert_eq!(sent, exchange.request, "{}", exchange.name);
    }
}

#[test]
fn are_written_again_by_their_own_dialects_encoder_the_same_in_meaning() {
    let mut used = BTreeSet::new();
    let mut faults = Vec::new();
    for exchange in taken() {
        let dialect = exchange.dialect;
        let Some((client, backend)) = client_side(dialect).zip(backend_side(dialect)) else {
            continue;
        };
        let request = (client.decode_request)(&body(&exchange));
        let request = match request {
            Ok(request) => request,
            // What another dialect refuses always, and its own passes.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{}: {error}", exchange.name);
                continue;
            }
        };
        let mut unsupported = Unsupported::new(OnUnsupported::Drop, dialect, dialect);
        request.asides.iter().for_each(|path| unsupported.note(path));
        let model = exchange.request["model"].as_str().unwrap();
        let written = with_target(model, |target| (backend.encode_request)(request, target, &mut unsupported));
        let written: Value = serde_json::from_slice(&written.unwrap()).unwrap();
        let dropped = unsupported.into_dropped();
        for difference in differences(dialect, &exchange.request, &written, &dropped, &mut used) {
            faults.push(format!("{}: {difference}", exchange.name));
        }
    }
    none(&faults);
    if !taken().is_empty() {
        let idle = rules_without_effect(&used);
        assert!(idle.is_empty(), "rules that nothing needs: {idle:#?}");
    }
}

#[test]
fn reach_backends_of_every_dialect_and_what_is_refused_is_listed() {
    let mut found: BTreeMap<(Dialect, Dialect, String), BTreeSet<String>> = BTreeMap::new();
    let mut faults = Vec::new();
    for exchange in taken() {
        let client = exchange.dialect;
        for backend in backends(client).filter(|&backend| backend != client) {
            let body = exchange.request.to_string().into_bytes();
            let name = format!("{}, to {}", exchange.name, backend.name());
            let sent = call(client, backend, &body, OnUnsupported::Drop);
            let sent = match sent {
                Ok(sent) => sent,
                Err(error) => {
                    let path = pattern(error.param().unwrap_or_default());
                    if why(client, backend, &path) != Some(Why::Always) {
                        faults.push(format!("{name}: {error}"));
                    }
                    found.entry((client, backend, path)).or_default().insert(exchange.name.clone());
                    continue;
                }
            };
            let (mut refused, mut unclear) = (false, false);
            for path in sent.exchange.dropped() {
                let path = pattern(path);
                refused |= why(client, backend, &path) == Some(Why::Refused);
                unclear |= why(client, backend, &path) == Some(Why::Either);
                found.entry((client, backend, path)).or_default().insert(exchange.name.clone());
            }
            let strictly = call(client, backend, &body, OnUnsupported::Reject).err();
            let kind = strictly.map(|error| error.kind());
            let expected = refused.then_some(ErrorKind::Unsupported);
            if kind != expected && !(unclear && kind == Some(ErrorKind::Unsupported)) {
                faults.push(format!("{name}: {kind:?}, though it drops {:?}", sent.exchange.dropped()));
            }
            let written = String::from_utf8(sent.upstream.body).unwrap();
            let lost =
                texts(client, &exchange.request).into_iter().find(|text| !written.contains(text.trim_matches('"')));
            faults.extend(lost.map(|text| format!("{name} lost {text}")));
        }
    }
    compare(&found);
    none(&faults);
}

/// The list and what was found are the same.
fn compare(found: &BTreeMap<(Dialect, Dialect, String), BTreeSet<String>>) {
    let listed: BTreeSet<(Dialect, Dialect, String)> = REFUSED
        .iter()
        .flat_map(|line| line.backends.iter().map(|backend| (line.client, *backend, line.path.to_owned())))
        .collect();
    assert!(REFUSED.iter().all(|line| !line.reason.is_empty()), "a refusal without a reason");
    if crate::load::recordings().is_none() {
        return;
    }
    let unlisted: Vec<String> = found
        .iter()
        .filter(|(key, _)| !listed.contains(key))
        .map(|((client, backend, path), names)| {
            format!(
                "{} to {}: {path}, {} times, as in {}",
                client.name(),
                backend.name(),
                names.len(),
                names.first().unwrap()
            )
        })
        .collect();
    assert!(unlisted.is_empty(), "refused or dropped, and not listed:\n{}", unlisted.join("\n"));
    let idle: Vec<_> = listed.iter().filter(|key| !found.contains_key(key)).collect();
    assert!(idle.is_empty(), "listed, and refused no longer: {idle:#?}");
}

fn why(client: Dialect, backend: Dialect, path: &str) -> Option<Why> {
    let is = |line: &&Refused| line.client == client && line.backends.contains(&backend) && line.path == path;
    REFUSED.iter().find(is).map(|line| line.why)
}

/// A path without its indices.
fn pattern(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}

/// The words of a request's messages, as JSON writes them.
fn texts(client: Dialect, request: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    let (list, leaf) = match client {
        Dialect::OpenaiResponses => (&request["input"], ["input_text", "output_text"]),
        _ => (&request["messages"], ["text", "text"]),
    };
    let mut messages: Vec<&Value> = list.as_array().into_iter().flatten().collect();
    let system = serde_json::json!({"role": "system", "content": [request["system"], request["instructions"], list]});
    messages.push(&system);
    for message in messages.iter().filter(|message| message.get("role").is_some()) {
        let content = &message["content"];
        texts.extend(content.as_str().map(str::to_owned));
        for part in content.as_array().into_iter().flatten() {
            texts.extend(part.as_str().map(str::to_owned));
            if leaf.contains(&part["type"].as_str().unwrap_or_default()) {
                texts.extend(part["text"].as_str().map(str::to_owned));
            }
        }
    }
    texts.retain(|text| !text.trim().is_empty());
    texts.into_iter().map(|text| Value::from(text).to_string()).collect()
}
