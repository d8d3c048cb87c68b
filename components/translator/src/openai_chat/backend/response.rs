//! Whole answers of backends that speak chat completions.

use weir_core::{ErrorKind, GatewayError};

use super::answer::{Answer, Call, Choice, Named, Piece, Said};
use super::finish::{finish, service_tier, unsaid};
use super::ids::missing_id;
use crate::canonical::{Candidate, Citation, Part, Response, Text, ToolCall};
use crate::openai_chat::OpenaiUsage;
use crate::said;

/// Reads an answer.
///
/// # Errors
/// `UpstreamProtocol` when it is no answer, or one that does not say why it ended; the backend's own error where it
/// answers one under status 200, or says that it broke off.
pub fn decode_response(body: &[u8]) -> Result<Response, GatewayError> {
    let mut answer = Answer::read(body)?;
    if let Some(error) = said::in_stream("", answer.error, body) {
        return Err(error);
    }
    let usage = answer.usage().find_map(OpenaiUsage::read);
    let mut choices = answer.choices.take().unwrap_or_default();
    if choices.is_empty() {
        return Err(GatewayError::new(ErrorKind::UpstreamProtocol, "the backend's answer is empty"));
    }
    choices.sort_by_key(|choice| choice.index);
    let id = answer.id();
    let candidates: Result<_, GatewayError> =
        choices.into_iter().zip(0..).map(|(choice, index)| candidate(choice, &id, index, usage.is_some())).collect();
    Ok(Response {
        candidates: candidates?,
        id,
        model: answer.model(),
        usage: usage.unwrap_or_default(),
        service_tier: answer.service_tier().and_then(|tier| service_tier(&tier)),
    })
}

fn candidate(mut choice: Choice<'_>, answer: &str, index: u32, billed: bool) -> Result<Candidate, GatewayError> {
    let mut said = choice.message.take().unwrap_or_default();
    let (calls, legacy) = (said.tool_calls.take().unwrap_or_default(), said.function_call.take());
    let mut parts = words(&said);
    if let Some(Part::Text(text)) = parts.iter_mut().find(|part| matches!(part, Part::Text(_))) {
        text.logprobs = choice.logprobs();
    }
    let legacy = legacy.filter(Named::is_named).map(|function| Call { function: Some(function), ..Call::default() });
    let calls = calls.into_iter().chain(legacy).zip(0..);
    let calls: Vec<Part> = calls.map(|(call, tool)| Part::ToolCall(tool_call(call, answer, index, tool))).collect();
    let called = !calls.is_empty();
    parts.extend(calls);
    let finish = match choice.finish_reason() {
        None => unsaid(billed, called)?,
        Some(reason) => finish(&reason, choice.stop_sequence(), called)?,
    };
    Ok(Candidate { parts, finish })
}

/// What is said, calls apart. Citations belong to the words that they are about, where that is said, else to the last.
fn words(said: &Said<'_>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut citations: Vec<Citation> = Vec::new();
    said.each(|piece| match piece {
        Piece::Thoughts(reasoning) => match parts.last_mut() {
            // The proof of thoughts that stand in another place.
            Some(Part::Reasoning(before)) if reasoning.text.is_empty() && before.signature.is_none() => {
                before.signature = reasoning.signature;
                before.redacted = reasoning.redacted && before.text.is_empty();
            }
            _ => parts.push(Part::Reasoning(reasoning)),
        },
        Piece::Words(text) => parts.push(Part::Text(text.into())),
        Piece::Refusal(text) => parts.push(Part::Refusal(text)),
        Piece::Citation(citation) => citations.push(citation),
        Piece::Foreign(foreign) => parts.push(Part::Foreign(foreign)),
    });
    if !citations.is_empty() {
        match parts.iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None }) {
            Some(text) => text.citations = citations,
            None => parts.push(Part::Text(Text { citations, ..Text::default() })),
        }
    }
    parts
}

fn tool_call(call: Call<'_>, answer: &str, candidate: u32, tool: u32) -> ToolCall {
    let custom = call.custom.filter(Named::is_named);
    let is_custom = custom.is_some();
    let named = custom.or(call.function).unwrap_or_default();
    let arguments = named.arguments();
    ToolCall {
        id: call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| missing_id(answer, candidate, tool)),
        name: named.name.unwrap_or_default(),
        arguments: if arguments.is_empty() && !is_custom { "{}".to_owned() } else { arguments },
        custom: is_custom,
        ..ToolCall::default()
    }
}
