//! Whole answers of Anthropic's.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_core::{Dialect, ErrorKind, GatewayError};

use crate::anthropic::citation::CitationBlock;
use crate::anthropic::stop;
use crate::anthropic::tap::not_ours;
use crate::anthropic::usage::AnthropicUsage;
use crate::canonical::{Candidate, Citation, Part, Reasoning, Response, Signature, Text, ToolCall};
use crate::said;

/// Reads an answer. Blocks of tools that ran at the provider are left out: a client of another dialect cannot have
/// asked for them.
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
    let mut parts: Vec<Part> = message.content.unwrap_or_default().into_iter().filter_map(Block::part).collect();
    parts.extend(message.stop_details.and_then(|details| details.explanation).map(Part::Refusal));
    let finish = stop::read(&reason, message.stop_sequence);
    let usage = message.usage.map(AnthropicUsage::read).unwrap_or_default();
    Ok(Response {
        id: message.id.unwrap_or_default().into_owned(),
        model: message.model.unwrap_or_default().into_owned(),
        candidates: vec![Candidate { parts, finish }],
        usage: usage.usage().unwrap_or_default(),
        service_tier: None,
    })
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<Vec<Block<'a>>>,
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

impl Block<'_> {
    fn part(self) -> Option<Part> {
        Some(match &*self.r#type {
            "text" => {
                let citations = self.citations.unwrap_or_default().into_iter().map(Citation::from).collect();
                Part::Text(Text { text: self.text.unwrap_or_default(), citations, ..Text::default() })
            }
            "thinking" => Part::Reasoning(Reasoning {
                text: self.thinking.unwrap_or_default(),
                signature: self.signature.map(signature),
                ..Reasoning::default()
            }),
            "redacted_thinking" => Part::Reasoning(Reasoning {
                signature: self.data.map(signature),
                redacted: true,
                ..Reasoning::default()
            }),
            "tool_use" => Part::ToolCall(ToolCall {
                id: self.id.unwrap_or_default(),
                name: self.name.unwrap_or_default(),
                arguments: self.input.map_or_else(|| "{}".to_owned(), |input| input.get().to_owned()),
                ..ToolCall::default()
            }),
            _ => return None,
        })
    }
}

pub(super) fn signature(value: String) -> Signature {
    Signature { family: Dialect::AnthropicMessages, value }
}
