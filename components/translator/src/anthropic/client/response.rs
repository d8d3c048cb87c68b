//! Whole answers, written as messages.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use weir_core::{Dialect, UnixMillis};

use crate::anthropic::citation::WebCitation;
use crate::anthropic::ids;
use crate::anthropic::stop::{self, Held};
use crate::anthropic::usage::Written;
use crate::canonical::{Part, Reasoning, Response, Signature, ToolCall};
use crate::codec::Asked;

/// Writes an answer: the first one, where there are several. `now` tells one without an id from others.
///
/// # Panics
/// Never: the parts of an answer serialize.
#[must_use]
pub fn encode_response(response: &Response, _asked: &Asked, now: UnixMillis) -> Vec<u8> {
    let id = id(&response.id, &response.model, now);
    let candidate = response.candidates.first();
    let parts = candidate.map_or(&[][..], |candidate| &candidate.parts);
    let held = Held {
        calls: parts.iter().any(|part| matches!(part, Part::ToolCall(_))),
        refusal: parts.iter().any(|part| matches!(part, Part::Refusal(_))),
    };
    let (stop_reason, stop_sequence) = candidate.map(|candidate| stop::written(&candidate.finish, held)).unzip();
    let message = Message {
        id: &id,
        r#type: "message",
        role: "assistant",
        model: &response.model,
        content: parts.iter().enumerate().filter_map(|(place, part)| block(part, &id, place)).collect(),
        stop_reason,
        stop_sequence: stop_sequence.flatten(),
        usage: Written::new(response.usage, response.service_tier),
    };
    serde_json::to_vec(&message).expect("the parts of an answer serialize")
}

/// An answer's id: the backend's, or one of our own where it gave none.
pub(super) fn id<'a>(given: &'a str, model: &str, now: UnixMillis) -> Cow<'a, str> {
    if given.is_empty() { Cow::Owned(ids::message(model, now.0)) } else { Cow::Borrowed(given) }
}

/// A call's id: the backend's, as far as clients take it, or one of our own where it gave none.
pub(super) fn call_id<'a>(given: &'a str, answer: &str, place: usize) -> Cow<'a, str> {
    if given.is_empty() { Cow::Owned(ids::derived(answer, place)) } else { ids::tool_use(given) }
}

/// A proof of the thoughts as clients are sent it. Thoughts that nobody vouches for get one that proves nothing: clients
/// send thoughts back with their proof or not at all, and no backend of Anthropic's may be sent these.
pub(super) fn proof(signature: Option<&Signature>) -> String {
    match signature {
        Some(signature) => signature.written(Dialect::AnthropicMessages, false),
        None => ids::NOBODYS_PROOF.to_owned(),
    }
}

fn block<'a>(part: &'a Part, answer: &str, place: usize) -> Option<Block<'a>> {
    Some(match part {
        Part::Text(text) => {
            let citations: Vec<_> = text.citations.iter().filter_map(WebCitation::of).collect();
            Block::Text { text: &text.text, citations: (!citations.is_empty()).then_some(citations) }
        }
        Part::Refusal(text) => Block::Text { text, citations: None },
        Part::Reasoning(Reasoning { redacted: true, signature: Some(signature), .. }) => {
            Block::RedactedThinking { data: signature.written(Dialect::AnthropicMessages, true) }
        }
        Part::Reasoning(reasoning) => {
            Block::Thinking { thinking: reasoning.words(), signature: proof(reasoning.signature.as_ref()) }
        }
        Part::ToolCall(call) => {
            Block::ToolUse { id: call_id(&call.id, answer, place), name: &call.name, input: input(call) }
        }
        Part::Foreign(foreign) if foreign.family == Dialect::AnthropicMessages => Block::Foreign(&foreign.value),
        // What no model of Anthropic's answers with, or another dialect alone can say.
        Part::Foreign(_) | Part::Image(_) | Part::Document(_) | Part::Audio(_) | Part::ToolResult(_) => return None,
    })
}

/// A call's arguments, which must be an object: where the model wrote something else, its words stand in one.
fn input(call: &ToolCall) -> Input<'_> {
    if call.custom {
        return Input::Custom { input: &call.arguments };
    }
    match serde_json::from_str::<&RawValue>(&call.arguments) {
        Ok(raw) if raw.get().starts_with('{') => Input::Object(raw),
        _ if call.arguments.trim().is_empty() => Input::Empty {},
        _ => Input::Broken { arguments: &call.arguments },
    }
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'a str>,
    stop_sequence: Option<&'a str>,
    usage: Written,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        citations: Option<Vec<WebCitation<'a>>>,
    },
    Thinking {
        thinking: Cow<'a, str>,
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Input<'a>,
    },
    #[serde(untagged)]
    Foreign(&'a Value),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Input<'a> {
    Object(&'a RawValue),
    Empty {},
    Custom { input: &'a str },
    Broken { arguments: &'a str },
}
