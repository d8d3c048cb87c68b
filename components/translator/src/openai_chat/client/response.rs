//! Whole answers, written as chat completions.

use serde::Serialize;
use serde_json::Value;
use weir_core::{Dialect, UnixMillis};

use super::request::speaks_of_functions;
use crate::canonical::{Candidate, Citation, Finish, Part, Response, ServiceTier, TokenLogprob, ToolCall};
use crate::codec::Asked;
use crate::openai_chat::proof::{self, Proof};
use crate::openai_chat::usage::Written;

/// Writes an answer. `now` stands in `created`, which other dialects do not have.
///
/// # Panics
/// Never: the parts of an answer serialize.
#[must_use]
pub fn encode_response(response: &Response, asked: &Asked, now: UnixMillis) -> Vec<u8> {
    let older = speaks_of_functions(&asked.echo);
    let choice = |(index, candidate)| choice(index, candidate, older);
    let completion = Completion {
        id: &response.id,
        object: "chat.completion",
        created: now.0 / 1_000,
        model: &response.model,
        choices: response.candidates.iter().enumerate().map(choice).collect(),
        usage: response.usage.into(),
        service_tier: response.service_tier.map(service_tier),
    };
    serde_json::to_vec(&completion).expect("the parts of an answer serialize")
}

fn choice(index: usize, candidate: &Candidate, older: bool) -> Choice<'_> {
    let mut message = AnswerMessage { role: "assistant", ..AnswerMessage::default() };
    let mut logprobs: Option<Logprobs<'_>> = None;
    let mut proofs: Vec<Proof> = Vec::new();
    for part in &candidate.parts {
        match part {
            Part::Text(text) => {
                let content = message.content.get_or_insert_default();
                let from = content.chars().count() as u64;
                content.push_str(&text.text);
                let range = (from, content.chars().count() as u64);
                message.annotations.extend(text.citations.iter().filter_map(|citation| annotation(citation, range)));
                if !text.logprobs.is_empty() {
                    logprobs.get_or_insert_default().content.extend(&text.logprobs);
                }
            }
            Part::Refusal(text) => message.refusal.get_or_insert_default().push_str(text),
            Part::Reasoning(reasoning) => {
                let words = reasoning.words();
                if !words.is_empty() {
                    let said = message.reasoning_content.get_or_insert_default();
                    said.push_str(if said.is_empty() { "" } else { "\n\n" });
                    said.push_str(&words);
                }
                let proof = reasoning.signature.clone().filter(|signature| !signature.value.is_empty());
                proofs.extend(proof.map(|signature| (signature, reasoning.redacted)));
            }
            Part::ToolCall(call) if older && message.function_call.is_none() => {
                message.function_call = Some(WrittenFunction { name: &call.name, arguments: &call.arguments });
            }
            Part::ToolCall(call) => {
                proofs.extend(call.signature.clone().map(|signature| (signature, false)));
                message.tool_calls.push(written_call(call, &std::mem::take(&mut proofs)));
            }
            Part::Foreign(foreign) if foreign.family == Dialect::OpenaiChat && foreign.kind == "audio" => {
                message.audio = Some(&foreign.value);
            }
            // No answer holds these, but for what one dialect alone can say.
            Part::Image(_) | Part::Document(_) | Part::Audio(_) | Part::ToolResult(_) | Part::Foreign(_) => {}
        }
    }
    let finish_reason = finish_reason(&candidate.finish, message.function_call.is_some());
    Choice { index, message, logprobs, finish_reason }
}

fn written_call<'a>(call: &'a ToolCall, proofs: &[Proof]) -> WrittenCall<'a> {
    let id = proof::carry(&call.id, proofs);
    if call.custom {
        let custom = WrittenCustom { name: &call.name, input: &call.arguments };
        return WrittenCall { id, r#type: "custom", function: None, custom: Some(custom) };
    }
    let function = WrittenFunction { name: &call.name, arguments: &call.arguments };
    WrittenCall { id, r#type: "function", function: Some(function), custom: None }
}

/// The word for it. A reason that no OpenAI model has goes on as it is rather than as one that it is not. `older` says
/// whether the call that it waits for is told in OpenAI's older words.
pub(super) fn finish_reason(finish: &Finish, older: bool) -> &str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) => "stop",
        // A paused answer is not complete, either.
        Finish::Length | Finish::ContextFull | Finish::Paused => "length",
        Finish::ToolCalls if older => "function_call",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
        Finish::Other(reason) => reason,
    }
}

fn service_tier(tier: ServiceTier) -> &'static str {
    match tier {
        ServiceTier::Auto => "auto",
        ServiceTier::Standard => "default",
        ServiceTier::Flex => "flex",
        ServiceTier::Priority => "priority",
    }
}

/// A citation as an annotation; OpenAI knows only those of the web.
pub(super) fn annotation(citation: &Citation, range: (u64, u64)) -> Option<Annotation<'_>> {
    let (start_index, end_index) = citation.range.unwrap_or(range);
    let url = citation.url.as_deref()?;
    let title = citation.title.as_deref().unwrap_or_default();
    let content = citation.cited_text.as_deref();
    let url_citation = UrlCitation { start_index, end_index, url, title, content };
    Some(Annotation { r#type: "url_citation", url_citation })
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    usage: Written,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    message: AnswerMessage<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: &'a str,
}

/// `logprobs` of a choice.
#[derive(Default, Serialize)]
pub(super) struct Logprobs<'a> {
    pub(super) content: Vec<&'a TokenLogprob>,
    pub(super) refusal: (),
}

#[derive(Default, Serialize)]
struct AnswerMessage<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<WrittenFunction<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WrittenCall<'a>>,
}

#[derive(Serialize)]
struct WrittenCall<'a> {
    id: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<WrittenFunction<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<WrittenCustom<'a>>,
}

#[derive(Serialize)]
struct WrittenFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct WrittenCustom<'a> {
    name: &'a str,
    input: &'a str,
}

/// `annotations[]`.
#[derive(Serialize)]
pub(super) struct Annotation<'a> {
    r#type: &'static str,
    url_citation: UrlCitation<'a>,
}

#[derive(Serialize)]
struct UrlCitation<'a> {
    start_index: u64,
    end_index: u64,
    url: &'a str,
    title: &'a str,
    /// The source's words, as OpenRouter says them.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}
