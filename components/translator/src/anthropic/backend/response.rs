//! Whole answers of Anthropic's.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use weir_core::{Dialect, ErrorKind, GatewayError};

use crate::anthropic::citation::CitationBlock;
use crate::anthropic::stop;
use crate::anthropic::tap::not_ours;
use crate::anthropic::usage::AnthropicUsage;
use crate::canonical::{Candidate, Citation, Foreign, Part, Reasoning, Response, Signature, Text, ToolCall};
use crate::said;

/// Reads an answer. What clients of other dialects have no place for is left out: its container, and what edits of the
/// context did.
///
/// # Errors
/// `UpstreamProtocol` when it is no message, or one that does not say why it ended; the backend's own error where it
/// answers one under status 200.
pub fn decode_response(body: &[u8]) -> Result<Response, GatewayError> {
    let message: Message<'_> = serde_json::from_slice(body).map_err(|fault| not_ours(&fault))?;
    if let Some(error) = said::in_stream("", message.error, body) {
        return Err(error);
    }
    let Some(reason) = message.stop_reason else {
        return Err(GatewayError::new(ErrorKind::UpstreamProtocol, "the backend's answer does not say why it ended"));
    };
    let mut parts: Vec<Part> = message.content.unwrap_or_default().into_iter().filter_map(part).collect();
    parts.extend(message.stop_details.and_then(|details| details.explanation).map(Part::Refusal));
    let finish = stop::read(&reason, message.stop_sequence);
    let usage = message.usage.map(AnthropicUsage::read).unwrap_or_default();
    Ok(Response {
        id: message.id.unwrap_or_default().into_owned(),
        model: message.model.unwrap_or_default().into_owned(),
        candidates: vec![Candidate { parts, finish }],
        usage: usage.usage().unwrap_or_default(),
        service_tier: usage.service_tier(),
    })
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    stop_reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    stop_sequence: Option<Cow<'a, str>>,
    #[serde(default)]
    stop_details: Option<StopDetails>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Why the model declined.
#[derive(Deserialize)]
pub(super) struct StopDetails {
    #[serde(default)]
    pub(super) explanation: Option<String>,
}

/// A content block, of whichever type.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Block<'a> {
    #[serde(borrow)]
    pub(super) r#type: Cow<'a, str>,
    pub(super) text: Option<String>,
    citations: Option<Vec<CitationBlock>>,
    pub(super) thinking: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) data: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

/// A block of an answer; `None` where it is no object.
pub(super) fn part(raw: &RawValue) -> Option<Part> {
    let block: Block<'_> = serde_json::from_str(raw.get()).ok()?;
    Some(match &*block.r#type {
        "text" => {
            let citations = block.citations.unwrap_or_default().into_iter().map(Citation::from).collect();
            Part::Text(Text { text: block.text.unwrap_or_default(), citations, ..Text::default() })
        }
        "thinking" => Part::Reasoning(Reasoning {
            text: block.thinking.unwrap_or_default(),
            signature: block.signature.filter(|proof| !proof.is_empty()).map(signature),
            ..Reasoning::default()
        }),
        "redacted_thinking" => {
            Part::Reasoning(Reasoning { signature: block.data.map(signature), redacted: true, ..Reasoning::default() })
        }
        "tool_use" => Part::ToolCall(ToolCall {
            id: block.id.unwrap_or_default(),
            name: block.name.unwrap_or_default(),
            arguments: block.input.map_or_else(|| "{}".to_owned(), |input| input.get().to_owned()),
            ..ToolCall::default()
        }),
        _ => Part::Foreign(foreign(serde_json::from_str(raw.get()).ok()?)),
    })
}

/// A block that Anthropic's dialect alone has.
pub(super) fn foreign(value: Value) -> Foreign {
    let kind = value["type"].as_str().unwrap_or_default().to_owned();
    Foreign { family: Dialect::AnthropicMessages, kind, value, at: String::new() }
}

pub(super) fn signature(value: String) -> Signature {
    Signature { family: Dialect::AnthropicMessages, value }
}
