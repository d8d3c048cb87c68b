//! When two requests of a dialect mean the same: ways of writing that differ and say nothing else, each with its reason.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use weir_core::Dialect;
use weir_core::Dialect::{AnthropicMessages as Messages, OpenaiChat as Chat, OpenaiResponses as Responses};

/// A way of writing, brought to one form.
struct Rule {
    dialect: Dialect,
    /// Why it says nothing.
    why: &'static str,
    apply: fn(&mut Value),
}

const fn rule(dialect: Dialect, why: &'static str, apply: fn(&mut Value)) -> Rule {
    Rule { dialect, why, apply }
}

const RULES: &[Rule] = &[
    rule(Chat, "not to stream is the default", |body| default(body, "/stream", &json!(false))),
    rule(Responses, "not to stream is the default", |body| default(body, "/stream", &json!(false))),
    rule(Messages, "not to stream is the default", |body| default(body, "/stream", &json!(false))),
    rule(Chat, "one answer is the default", |body| default(body, "/n", &json!(1))),
    rule(Chat, "no tools are none", |body| default(body, "/tools", &json!([]))),
    rule(Chat, "Groq's word for what it does anyway", |body| default(body, "/reasoning_effort", &json!("default"))),
    rule(Chat, "Weir must know the usage", |body| drop(take(body, "/stream_options"))),
    rule(Chat, "a schema describes itself", |body| {
        let told = take(body, "/response_format/json_schema/description");
        let schema = body.pointer_mut("/response_format/json_schema/schema").and_then(Value::as_object_mut);
        if let (Some(text), Some(schema)) = (told, schema) {
            schema.entry("description").or_insert(text);
        }
    }),
    rule(Chat, "OpenAI's newer name for it", |body| rename(body, "/max_tokens", "/max_completion_tokens")),
    rule(Chat, "Mistral's and OpenAI's word for one thing", |body| replace(body, "/tool_choice", "any", "required")),
    rule(Chat, "OpenRouter's and Z.ai's ways to say that a model thinks as it sees fit", |body| {
        default(body, "/reasoning", &json!({"enabled": true}));
        default(body, "/thinking", &json!({"type": "enabled"}));
        default(body, "/thinking", &json!({}));
    }),
    rule(Chat, "OpenRouter's name for the effort", |body| {
        if body["reasoning"].is_object() {
            rename(body, "/reasoning/effort", "/reasoning_effort");
            default(body, "/reasoning", &json!({"enabled": true}));
            default(body, "/reasoning", &json!({}));
        }
    }),
    rule(Chat, "no parts are none", |body| {
        messages(body).for_each(|message| default(message, "/content", &json!([])));
        messages(body).for_each(|message| default(message, "/content", &Value::Null));
    }),
    rule(Chat, "a tool whose type is not said is a function", |body| {
        tools(body).for_each(|tool| replace(tool, "/type", "", "function"));
        if body["tool_choice"].is_object() {
            replace(body, "/tool_choice/type", "", "function");
        }
    }),
    rule(Chat, "where a prompt may be cached is a hint, and named where it is dropped", |body| {
        drop(take(body, "/prompt_cache_options"));
        parts(body).for_each(|part| drop(take(part, "/prompt_cache_breakpoint")));
    }),
    rule(Chat, "no calls are none, and their places are those in the list", |body| {
        for message in messages(body) {
            default(message, "/tool_calls", &json!([]));
            calls(message).for_each(|call| drop(take(call, "/index")));
        }
    }),
    rule(Chat, "what is no prefix is no prefix (Mistral's word)", |body| {
        messages(body).for_each(|message| default(message, "/prefix", &json!(false)));
    }),
    rule(Chat, "thoughts sent back are an echo, and named where they are dropped", |body| {
        messages(body).for_each(|message| drop(take(message, "/reasoning")));
    }),
    rule(Chat, "OpenAI takes ids of up to 40 characters; what matters is that calls and results agree", |body| {
        for message in messages(body) {
            shorten(message, "/tool_call_id");
            calls(message).for_each(|call| shorten(call, "/id"));
        }
    }),
    rule(Chat, "Mistral's word for a file", |body| {
        for part in parts(body).filter(|part| part["type"] == "document_url" || part["type"] == "file") {
            let data = [part["document_url"].clone(), part["file"]["file_data"].clone()];
            *part = json!({"file": data.into_iter().find(|data| !data.is_null())});
        }
    }),
    rule(Chat, "words are one part that holds them", |body| {
        messages(body).for_each(|message| one_text(message, "/content"));
    }),
    rule(Responses, "words are a message of the user's", |body| {
        if let Some(words) = body["input"].as_str().map(str::to_owned) {
            body["input"] = json!([{"role": "user", "content": words}]);
        }
    }),
    rule(Responses, "Weir stores nothing", |body| default(body, "/store", &json!(false))),
    rule(Responses, "Weir has the proofs of thoughts sent always, so that they can travel", |body| {
        if let Some(include) = body["include"].as_array_mut() {
            include.retain(|member| member != "reasoning.encrypted_content");
        }
        default(body, "/include", &json!([]));
    }),
    rule(Responses, "tools that are given on the way are offered from the beginning", |body| {
        let mut given: Vec<Value> = Vec::new();
        if let Some(items) = body["input"].as_array_mut() {
            items.retain(|item| {
                let gives = item["type"] == "additional_tools";
                given.extend(item["tools"].as_array().filter(|_| gives).into_iter().flatten().cloned());
                !gives
            });
        }
        if let (Some(tools), false) = (body["tools"].as_array_mut(), given.is_empty()) {
            tools.append(&mut given);
        }
    }),
    rule(Responses, "which tools are strict is said, since silence means yes", |body| {
        let silent = |tool: &mut Value| {
            if tool["type"] == "function" {
                default(tool, "/strict", &json!(true));
            }
        };
        for tool in tools(body) {
            tool["tools"].as_array_mut().into_iter().flatten().for_each(silent);
            silent(tool);
        }
    }),
    rule(Responses, "likelihoods of the chosen tokens alone are those of none besides", |body| {
        default(body, "/top_logprobs", &json!(0));
    }),
    rule(Responses, "no instructions are none", |body| default(body, "/instructions", &json!(""))),
    rule(Responses, "words are the default form", |body| {
        default(body, "/text/format", &json!({"type": "text"}));
        default(body, "/text", &json!({}));
    }),
    rule(Responses, "an object that says nothing", |body| default(body, "/reasoning", &json!({}))),
    rule(Responses, "an item with a role is a message, and was complete", |body| {
        for item in items(body) {
            default(item, "/type", &json!("message"));
            default(item, "/status", &json!("completed"));
        }
    }),
    rule(Responses, "where nothing is stored, an item's id says nothing but for thoughts", |body| {
        items(body).filter(|item| item["type"] != "reasoning").for_each(|item| drop(take(item, "/id")));
    }),
    rule(Responses, "words are one part that holds them", |body| {
        for item in items(body) {
            one_text(item, "/content");
        }
    }),
    rule(Responses, "two messages of the model, one after the other, are one", |body| {
        let mut joined: Vec<Value> = Vec::new();
        for mut item in body["input"].as_array_mut().into_iter().flatten().map(Value::take) {
            let parts = match item["content"].take() {
                Value::String(words) => vec![json!({"type": "output_text", "text": words, "annotations": []})],
                Value::Array(parts) => parts,
                other => vec![other],
            };
            let model = |item: &Value| item["role"] == "assistant";
            match joined.last_mut().filter(|last| model(last) && model(&item) && last["phase"] == item["phase"]) {
                Some(last) => last["content"].as_array_mut().unwrap().extend(parts),
                None => {
                    if item.get("role").is_some() {
                        item["content"] = parts.into();
                    }
                    joined.push(item);
                }
            }
        }
        body["input"] = joined.into();
    }),
    rule(Messages, "words are one block that holds them", |body| {
        one_text(body, "/system");
        for message in messages(body) {
            for block in message["content"].as_array_mut().into_iter().flatten() {
                one_text(block, "/content");
            }
            one_text(message, "/content");
        }
    }),
    rule(Messages, "a result is no error unless it says so", |body| {
        parts(body).for_each(|block| default(block, "/is_error", &json!(false)));
    }),
    rule(Messages, "an effort without a word about thinking means thinking, as chat's clients have it", |body| {
        if !body["output_config"]["effort"].is_null() {
            default(body, "/thinking", &json!({"type": "adaptive"}));
        }
    }),
    rule(Messages, "two messages of one speaker are one", |body| {
        let mut joined: Vec<Value> = Vec::new();
        for message in body["messages"].as_array_mut().into_iter().flatten() {
            let blocks = match message["content"].take() {
                Value::String(words) => vec![json!({"type": "text", "text": words})],
                Value::Array(blocks) => blocks,
                other => vec![other],
            };
            match joined.last_mut().filter(|last| last["role"] == message["role"]) {
                Some(last) => last["content"].as_array_mut().unwrap().extend(blocks),
                None => joined.push(json!({"role": message["role"], "content": blocks})),
            }
        }
        body["messages"] = joined.into();
    }),
];

fn items(body: &mut Value) -> impl Iterator<Item = &mut Value> {
    body["input"].as_array_mut().into_iter().flatten()
}

fn messages(body: &mut Value) -> impl Iterator<Item = &mut Value> {
    body["messages"].as_array_mut().into_iter().flatten()
}

fn parts(body: &mut Value) -> impl Iterator<Item = &mut Value> {
    messages(body).filter_map(|message| message["content"].as_array_mut()).flatten()
}

fn calls(message: &mut Value) -> impl Iterator<Item = &mut Value> {
    message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten()
}

fn tools(body: &mut Value) -> impl Iterator<Item = &mut Value> {
    body.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten()
}

/// Takes what stands at a pointer out of its object.
fn take(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    value.pointer_mut(parent)?.as_object_mut()?.swap_remove(key)
}

/// What has this value is as good as absent.
fn default(value: &mut Value, pointer: &str, silent: &Value) {
    if value.pointer(pointer) == Some(silent) {
        take(value, pointer);
    }
}

/// What stands at one pointer, as a member of another name.
fn rename(value: &mut Value, old: &str, new: &str) {
    if let Some(taken) = take(value, old) {
        value[&new[1..]] = taken;
    }
}

/// Another word in the place of one; in the place of nothing where `old` is empty.
fn replace(value: &mut Value, pointer: &str, old: &str, new: &str) {
    let found = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if found == old
        && let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(parent) = value.pointer_mut(parent)
    {
        parent[key] = new.into();
    }
}

/// A list of one text, as the text.
fn one_text(value: &mut Value, pointer: &str) {
    let alone = match value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice) {
        Some([one]) => {
            one.as_object().filter(|part| part.keys().all(|key| matches!(&**key, "type" | "text" | "annotations")))
        }
        _ => None,
    };
    if let Some(text) = alone.and_then(|part| part.get("text")).cloned() {
        *value.pointer_mut(pointer).unwrap() = text;
    }
}

/// An id that is too long, as one that stands for it.
fn shorten(value: &mut Value, pointer: &str) {
    if let Some(id) = value.pointer_mut(pointer)
        && id.as_str().is_some_and(|text| text.len() > 40 || text.starts_with("call_12R8"))
    {
        *id = "long".into();
    }
}

/// What differs between a request and what was written of it again, rules and what was dropped by name aside. The rules
/// that were needed are noted in `used`, by their place.
pub(crate) fn differences(
    dialect: Dialect,
    request: &Value,
    written: &Value,
    dropped: &[String],
    used: &mut BTreeSet<usize>,
) -> Vec<String> {
    let (mut request, mut written) = (request.clone(), written.clone());
    for path in dropped {
        remove(&mut request, path);
    }
    prune(&mut request);
    for (place, rule) in RULES.iter().enumerate().filter(|(_, rule)| rule.dialect == dialect) {
        let before = if used.contains(&place) { 0 } else { count(&request, &written) };
        (rule.apply)(&mut request);
        (rule.apply)(&mut written);
        if before > 0 && count(&request, &written) < before {
            used.insert(place);
        }
    }
    let mut found = Vec::new();
    compare("", &request, &written, &mut found);
    found
}

/// The rules that no recording needs.
pub(crate) fn rules_without_effect(used: &BTreeSet<usize>) -> Vec<&'static str> {
    RULES.iter().enumerate().filter(|(place, _)| !used.contains(place)).map(|(_, rule)| rule.why).collect()
}

/// How much differs.
fn count(one: &Value, other: &Value) -> usize {
    let mut found = Vec::new();
    if one != other {
        compare("", one, other, &mut found);
    }
    found.len()
}

fn compare(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let (a, b) = (one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null));
                compare(&format!("{path}.{key}"), a, b, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (a, b)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}[{index}]"), a, b, found);
            }
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        (one, other) if one == other => {}
        (one, other) => found.push(format!("{path}: {} became {}", short(one), short(other))),
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(160).collect()
}

/// Takes out what [`remove`] left in lists.
fn prune(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.retain(|item| !item.is_null());
            list.iter_mut().for_each(prune);
        }
        Value::Object(members) => members.values_mut().for_each(prune),
        _ => {}
    }
}

/// Removes what stands at a path such as `messages[0].content[1].x`.
fn remove(body: &mut Value, path: &str) {
    let pointer: String = path.split(['.', '[']).map(|step| format!("/{}", step.trim_end_matches(']'))).collect();
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.remove(last)),
        Some(Value::Array(list)) => {
            if let Ok(index) = last.parse::<usize>()
                && index < list.len()
            {
                // Others keep their places, so that the next path is right.
                list[index] = Value::Null;
            }
        }
        _ => {}
    }
}
