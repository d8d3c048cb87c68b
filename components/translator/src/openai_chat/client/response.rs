//! Whole answers, written as chat completions.

use serde::Serialize;
use weir_core::UnixMillis;

use crate::canonical::{Candidate, Citation, Finish, Part, Response};
use crate::codec::Asked;
use crate::openai_chat::usage::Written;

/// Writes an answer. `now` stands in `created`, which other dialects do not have.
///
/// # Panics
/// Never: the parts of an answer serialize.
#[must_use]
pub fn encode_response(response: &Response, _asked: &Asked, now: UnixMillis) -> Vec<u8> {
    let completion = Completion {
        id: &response.id,
        object: "chat.completion",
        created: now.0 / 1_000,
        model: &response.model,
        choices: response.candidates.iter().enumerate().map(|(index, candidate)| choice(index, candidate)).collect(),
        usage: response.usage.into(),
    };
    serde_json::to_vec(&completion).expect("the parts of an answer serialize")
}

fn choice(index: usize, candidate: &Candidate) -> Choice<'_> {
    let mut message = AnswerMessage { role: "assistant", ..AnswerMessage::default() };
    for part in &candidate.parts {
        match part {
            Part::Text(text) => {
                let content = message.content.get_or_insert_default();
                let from = content.chars().count() as u64;
                content.push_str(&text.text);
                let to = content.chars().count() as u64;
                message
                    .annotations
                    .extend(text.citations.iter().filter_map(|citation| annotation(citation, (from, to))));
            }
            Part::Refusal(text) => message.refusal.get_or_insert_default().push_str(text),
            Part::Reasoning(reasoning) if !reasoning.text.is_empty() => {
                message.reasoning_content.get_or_insert_default().push_str(&reasoning.text);
            }
            Part::ToolCall(call) => message.tool_calls.push(WrittenCall {
                id: &call.id,
                r#type: "function",
                function: WrittenFunction { name: &call.name, arguments: &call.arguments },
            }),
            // Models that speak chat completions do not answer with these, and no other backend does so far.
            Part::Reasoning(_)
            | Part::Image(_)
            | Part::Document(_)
            | Part::Audio(_)
            | Part::ToolResult(_)
            | Part::Foreign(_) => {}
        }
    }
    Choice { index, message, logprobs: (), finish_reason: finish_reason(&candidate.finish) }
}

/// The word for it. A reason that no OpenAI model has goes on as it is rather than as one that it is not.
pub(super) fn finish_reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) => "stop",
        // A paused answer is not complete, either.
        Finish::Length | Finish::ContextFull | Finish::Paused => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
        Finish::Other(reason) => reason,
    }
}

/// A citation as an annotation; OpenAI knows only those of the web.
pub(super) fn annotation(citation: &Citation, range: (u64, u64)) -> Option<Annotation> {
    let (start_index, end_index) = citation.range.unwrap_or(range);
    let url = citation.url.clone()?;
    let title = citation.title.clone().unwrap_or_default();
    Some(Annotation { r#type: "url_citation", url_citation: UrlCitation { start_index, end_index, url, title } })
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    usage: Written,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    message: AnswerMessage<'a>,
    logprobs: (),
    finish_reason: &'a str,
}

#[derive(Default, Serialize)]
struct AnswerMessage<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WrittenCall<'a>>,
}

#[derive(Serialize)]
struct WrittenCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: WrittenFunction<'a>,
}

#[derive(Serialize)]
struct WrittenFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// `annotations[]`.
#[derive(Serialize)]
pub(super) struct Annotation {
    r#type: &'static str,
    url_citation: UrlCitation,
}

#[derive(Serialize)]
struct UrlCitation {
    start_index: u64,
    end_index: u64,
    url: String,
    title: String,
}
