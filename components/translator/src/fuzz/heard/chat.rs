//! Chat completions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use weir_core::Usage;

use super::{Answer, Call, End, Heard, error_words, list, text, tokens};

#[derive(Default)]
pub(super) struct Ear {
    chunks: usize,
    created: Option<u64>,
    finished: BTreeSet<u64>,
    /// The custom calls, which carry `custom.input` rather than `function.arguments`.
    calls: BTreeMap<(u64, u64), Call>,
}

impl super::Ear for Ear {
    fn event(&mut self, name: &str, data: &[u8], heard: &mut Heard) {
        heard.expect(name == "message", || format!("an event with the name {name}"));
        if data == b"[DONE]" {
            let all = !heard.answers.is_empty() && heard.answers.keys().all(|number| self.finished.contains(number));
            heard.expect(all, || "[DONE] before every choice had its finish_reason".to_owned());
            return heard.ended(End::Complete);
        }
        let Ok(chunk) = serde_json::from_slice::<Value>(data) else {
            return heard.fault(|| format!("no JSON: {}", String::from_utf8_lossy(data)));
        };
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return heard.ended(End::Error(error_words(&chunk)));
        }
        self.chunk(&chunk, heard);
    }

    fn closed(&mut self, heard: &mut Heard) {
        for ((choice, index), call) in std::mem::take(&mut self.calls) {
            let answer = heard.answer(choice);
            let at = answer.calls.len() as u64;
            answer.calls.push(call);
            heard.expect(at == index, || format!("tool_calls of choice {choice} skip to {index}"));
        }
    }
}

impl Ear {
    fn chunk(&mut self, chunk: &Value, heard: &mut Heard) {
        self.chunks += 1;
        let id = text(chunk, "/id");
        heard.expect(text(chunk, "/object") == "chat.completion.chunk", || format!("object: {}", chunk["object"]));
        heard.expect(chunk["created"].is_u64(), || "no created".to_owned());
        if self.chunks == 1 {
            id.clone_into(&mut heard.id);
            text(chunk, "/model").clone_into(&mut heard.model);
            self.created = chunk["created"].as_u64();
        }
        let same = heard.id == id && heard.model == text(chunk, "/model") && self.created == chunk["created"].as_u64();
        heard.expect(same, || format!("id, model and created change: {chunk}"));
        heard.expect(chunk["choices"].is_array(), || "no choices".to_owned());
        for choice in list(chunk, "/choices") {
            self.choice(choice, heard);
        }
        for place in ["/usage", "/x_groq/usage"] {
            if let Some(stated) = chunk.pointer(place).filter(|stated| stated.is_object()) {
                heard.usage = Some(usage(stated));
            }
        }
    }

    fn choice(&mut self, choice: &Value, heard: &mut Heard) {
        let number = choice["index"].as_u64().unwrap_or_default();
        heard.expect(choice["index"].is_u64() && choice["delta"].is_object(), || format!("a choice: {choice}"));
        let delta = &choice["delta"];
        let begun = heard.answers.contains_key(&number);
        heard.expect(delta.get("role").is_none() || delta["role"] == "assistant", || "another role".to_owned());
        heard.expect(begun || delta["role"] == "assistant", || "the first delta of a choice names no role".to_owned());
        heard.expect(!self.finished.contains(&number), || format!("choice {number} goes on after its end: {choice}"));
        said(delta, heard.answer(number));
        let told = list(choice, "/logprobs/content").len() + list(choice, "/logprobs/refusal").len();
        heard.answer(number).logprobs += told;
        for call in list(delta, "/tool_calls") {
            self.call(number, call, heard);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            heard.answer(number).finish = Some(reason.to_owned());
            self.finished.insert(number);
        }
    }

    fn call(&mut self, choice: u64, piece: &Value, heard: &mut Heard) {
        let index = piece["index"].as_u64().unwrap_or_default();
        heard.expect(piece["index"].is_u64(), || format!("a call without an index: {piece}"));
        let known = self.calls.contains_key(&(choice, index));
        let call = self.calls.entry((choice, index)).or_default();
        let custom = piece["type"] == "custom" || piece.get("custom").is_some();
        let body = if custom { &piece["custom"] } else { &piece["function"] };
        call.custom |= custom;
        if call.id.is_empty() {
            text(piece, "/id").clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            text(body, "/name").clone_into(&mut call.name);
        }
        call.arguments.push_str(text(body, if custom { "/input" } else { "/arguments" }));
        let whole = piece["id"].is_string() && body["name"].is_string() && piece["type"].is_string();
        heard.expect(known || whole, || format!("a call begins without id, name or type: {piece}"));
        let again = piece.get("id").is_some_and(|id| !id.is_null()) || body.get("name").is_some_and(|n| !n.is_null());
        heard.expect(!known || !again, || format!("a call says twice what it is: {piece}"));
    }
}

pub(super) fn whole(body: &Value, heard: &mut Heard) {
    text(body, "/id").clone_into(&mut heard.id);
    text(body, "/model").clone_into(&mut heard.model);
    heard.expect(text(body, "/object") == "chat.completion", || format!("object: {}", body["object"]));
    heard.expect(body["created"].is_u64(), || "no created".to_owned());
    heard.expect(!list(body, "/choices").is_empty(), || "no choices".to_owned());
    for (place, choice) in list(body, "/choices").iter().enumerate() {
        let number = choice["index"].as_u64().unwrap_or_default();
        heard.expect(number == place as u64, || format!("choice {place} has the index {}", choice["index"]));
        let message = &choice["message"];
        heard.expect(message["role"] == "assistant", || "another role".to_owned());
        heard.expect(message.get("content").is_some(), || "a message without content".to_owned());
        let answer = heard.answer(number);
        said(message, answer);
        answer.logprobs = list(choice, "/logprobs/content").len() + list(choice, "/logprobs/refusal").len();
        answer.calls = list(message, "/tool_calls").iter().map(call).collect();
        answer.finish = choice["finish_reason"].as_str().map(str::to_owned);
        heard.expect(choice["finish_reason"].is_string(), || "no finish_reason".to_owned());
    }
    heard.usage = body.get("usage").filter(|stated| stated.is_object()).map(usage);
    heard.ended(End::Complete);
}

/// What a delta and a message say alike. Servers put thoughts in different places, and parts where words should be.
fn said(message: &Value, answer: &mut Answer) {
    answer.text.push_str(text(message, "/content"));
    for part in list(message, "/content") {
        answer.text.push_str(text(part, "/text"));
        answer.reasoning.extend(list(part, "/thinking").iter().map(|thought| text(thought, "/text")));
    }
    answer.refusal.push_str(text(message, "/refusal"));
    let thoughts = text(message, "/reasoning_content");
    let thoughts = if thoughts.is_empty() { text(message, "/reasoning") } else { thoughts };
    answer.reasoning.push_str(thoughts);
    if thoughts.is_empty() {
        let details = list(message, "/reasoning_details").iter();
        answer.reasoning.extend(details.map(|detail| [text(detail, "/text"), text(detail, "/summary")].concat()));
    }
    let urls = list(message, "/annotations").iter().map(|annotation| text(annotation, "/url_citation/url"));
    answer.urls.extend(urls.filter(|url| !url.is_empty()).map(str::to_owned));
}

fn call(call: &Value) -> Call {
    let custom = call["type"] == "custom";
    let (body, arguments) = if custom { (&call["custom"], "/input") } else { (&call["function"], "/arguments") };
    Call {
        id: text(call, "/id").to_owned(),
        name: text(body, "/name").to_owned(),
        arguments: text(body, arguments).to_owned(),
        custom,
    }
}

fn usage(stated: &Value) -> Usage {
    let (input, output) = (tokens(stated, "/prompt_tokens"), tokens(stated, "/completion_tokens"));
    let reasoning = tokens(stated, "/completion_tokens_details/reasoning_tokens");
    // xAI counts thoughts beside the answer, and into the total.
    let beside = tokens(stated, "/total_tokens") == input + output + reasoning;
    Usage {
        input,
        output: if beside { output + reasoning } else { output },
        cache_read: tokens(stated, "/prompt_tokens_details/cached_tokens"),
        cache_write: tokens(stated, "/prompt_tokens_details/cache_write_tokens"),
        reasoning,
        estimated: false,
    }
}
