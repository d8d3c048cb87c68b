//! Whole answers.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use weir_core::{Dialect, ErrorKind, GatewayError};

use super::super::annotation::Annotation;
use super::super::tap::not_ours;
use super::super::usage;
use crate::canonical::{
    Candidate, Citation, Finish, Foreign, Part, Reasoning, Response, ServiceTier, Signature, Text, TokenLogprob,
    ToolCall,
};
use crate::said::{self, Said};
use crate::tools::namespace;

/// Reads an answer. Items that only responses have come as what they are.
///
/// # Errors
/// `UpstreamProtocol` when it is no response, or one that is not over; the backend's own error where the response failed.
pub fn decode_response(body: &[u8]) -> Result<Response, GatewayError> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|fault| not_ours(&fault))?;
    if let Some(error) = answer.failure(body) {
        return Err(error);
    }
    let Some(output) = &answer.output else {
        return Err(GatewayError::new(
            ErrorKind::UpstreamProtocol,
            "the backend's answer is no response: it has no output",
        ));
    };
    let mut parts = Vec::new();
    for raw in output {
        Item::read(raw)?.parts(raw, &mut parts)?;
    }
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let finish = answer.finish(calls)?;
    Ok(Response {
        id: answer.id.unwrap_or_default().into_owned(),
        model: answer.model.unwrap_or_default().into_owned(),
        candidates: vec![Candidate { parts, finish }],
        usage: answer.usage.and_then(usage::read).unwrap_or_default(),
        service_tier: answer.service_tier.as_deref().and_then(service_tier),
    })
}

/// A response, whole or on its way.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow)]
    output: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

impl Answer<'_> {
    /// What went wrong, where something did.
    pub(super) fn failure(&self, body: &[u8]) -> Option<GatewayError> {
        if self.status.as_deref() == Some("failed") {
            return Some(Said::read(self.error.map_or("{}", RawValue::get).as_bytes()).without_status());
        }
        said::in_stream("", self.error, body)
    }

    /// Why it ended; `calls` says whether it holds calls of tools. A response does not say itself that it waits for them.
    ///
    /// # Errors
    /// `UpstreamProtocol` for one that has not ended, or was called off.
    pub(super) fn finish(&self, calls: bool) -> Result<Finish, GatewayError> {
        match self.status.as_deref() {
            Some(status @ ("queued" | "in_progress" | "cancelled")) => {
                let message = format!("the backend's response is not over, but {status}");
                Err(GatewayError::new(ErrorKind::UpstreamProtocol, message))
            }
            Some("incomplete") => {
                let reason = self.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
                Ok(match reason {
                    Some("max_output_tokens") => Finish::Length,
                    Some("content_filter") => Finish::ContentFilter,
                    Some(other) => Finish::Other(other.to_owned()),
                    None => Finish::Other("incomplete".to_owned()),
                })
            }
            // `completed`, and what some servers have for it.
            _ => Ok(if calls { Finish::ToolCalls } else { Finish::Stop }),
        }
    }
}

fn service_tier(name: &str) -> Option<ServiceTier> {
    match name {
        "auto" => Some(ServiceTier::Auto),
        "default" => Some(ServiceTier::Standard),
        "flex" => Some(ServiceTier::Flex),
        "priority" => Some(ServiceTier::Priority),
        _ => None,
    }
}

/// An item of `output`, of whichever type, as far as the canonical conversation has a place for it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow)]
    pub(super) r#type: Cow<'a, str>,
    id: Option<String>,
    #[serde(borrow)]
    content: Option<Vec<Content<'a>>>,
    summary: Option<Vec<Words>>,
    encrypted_content: Option<String>,
    pub(super) call_id: Option<String>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    arguments: Option<Value>,
    input: Option<String>,
}

/// A part of a message, or of thoughts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Content<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    text: Option<String>,
    refusal: Option<String>,
    annotations: Option<Vec<Annotation>>,
    logprobs: Option<Vec<TokenLogprob>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Words {
    text: String,
}

impl<'a> Item<'a> {
    pub(super) fn read(raw: &'a RawValue) -> Result<Self, GatewayError> {
        serde_json::from_str(raw.get()).map_err(|fault| not_ours(&fault))
    }

    /// What it comes to, in parts. `raw` is the item itself.
    pub(super) fn parts(self, raw: &RawValue, out: &mut Vec<Part>) -> Result<(), GatewayError> {
        match &*self.r#type {
            "message" => out.extend(self.content.unwrap_or_default().into_iter().filter_map(Content::part)),
            "reasoning" => out.push(Part::Reasoning(self.reasoning())),
            "function_call" | "custom_tool_call" => out.push(Part::ToolCall(ToolCall {
                custom: self.is_custom(),
                name: self.name(),
                arguments: self.arguments(),
                id: self.call_id.or(self.id).unwrap_or_default(),
                ..ToolCall::default()
            })),
            _ => {
                let value = serde_json::from_str(raw.get()).map_err(|fault| not_ours(&fault))?;
                let kind = self.r#type.into_owned();
                out.push(Part::Foreign(Foreign { family: Dialect::OpenaiResponses, kind, value, at: String::new() }));
            }
        }
        Ok(())
    }

    pub(super) fn is_custom(&self) -> bool {
        self.r#type == "custom_tool_call"
    }

    /// The tool's name, with its namespace.
    pub(super) fn name(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        self.namespace.as_deref().map_or_else(|| name.to_owned(), |namespace| namespace::join(namespace, name))
    }

    /// The arguments of a call, or its input. Some servers have an object where OpenAI has its text.
    pub(super) fn arguments(&self) -> String {
        match &self.arguments {
            _ if self.is_custom() => self.input.clone().unwrap_or_default(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        }
    }

    /// What proves thoughts to OpenAI: it wants the item's id beside it.
    pub(super) fn signature(&self) -> Option<Signature> {
        let encrypted = self.encrypted_content.as_deref().filter(|text| !text.is_empty())?;
        let value = [self.id.as_deref().unwrap_or_default(), ":", encrypted].concat();
        Some(Signature::new(Dialect::OpenaiResponses, value))
    }

    pub(super) fn reasoning(self) -> Reasoning {
        let signature = self.signature();
        let text = self.content.unwrap_or_default().into_iter().filter_map(|part| part.text).collect();
        let summary = self.summary.unwrap_or_default().into_iter().map(|part| part.text).collect();
        Reasoning { text, summary, signature, redacted: false, id: self.id }
    }
}

impl Content<'_> {
    fn part(self) -> Option<Part> {
        if self.r#type == "refusal" {
            return self.refusal.map(Part::Refusal);
        }
        let citations = self.annotations.unwrap_or_default().into_iter().map(Citation::from).collect();
        let logprobs = self.logprobs.unwrap_or_default();
        self.text.map(|text| Part::Text(Text { text, citations, logprobs, cache: None }))
    }
}
