//! The items of an answer and what they are made of, as clients get them.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use weir_core::Dialect;

use super::super::annotation;
use super::super::usage::Written;
use crate::canonical::{Finish, Signature, TokenLogprob};
use crate::tools::namespace;

/// An item of `output`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item<'a> {
    Message {
        id: &'a str,
        status: &'static str,
        role: &'static str,
        content: &'a [Box<RawValue>],
    },
    Reasoning {
        id: &'a str,
        summary: &'a [Content<'a>],
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    FunctionCall {
        id: &'a str,
        status: &'static str,
        arguments: &'a str,
        #[serde(flatten)]
        call: Named<'a>,
    },
    CustomToolCall {
        id: &'a str,
        status: &'static str,
        input: &'a str,
        #[serde(flatten)]
        call: Named<'a>,
    },
}

impl<'a> Item<'a> {
    /// A call as far as it has come.
    pub(super) fn call(id: &'a str, status: &'static str, call: Named<'a>, arguments: &'a str, custom: bool) -> Self {
        if custom {
            Self::CustomToolCall { id, status, input: arguments, call }
        } else {
            Self::FunctionCall { id, status, arguments, call }
        }
    }

    /// The item, written once for all the places where it stands.
    pub(super) fn written(&self) -> Box<RawValue> {
        raw(self)
    }
}

/// Whether a call is whole in an answer that was cut: arguments that are JSON are. Of the input of a custom tool nobody
/// can tell.
pub(super) fn call_status(status: &'static str, arguments: &str, custom: bool) -> &'static str {
    if !custom && is_json(arguments) { "completed" } else { status }
}

pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Which call, of which tool.
#[derive(Serialize)]
pub(super) struct Named<'a> {
    call_id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

impl<'a> Named<'a> {
    pub(super) fn new(call_id: &'a str, name: &'a str) -> Self {
        let (namespace, name) = namespace::split(name);
        Self { call_id, name, namespace }
    }
}

/// What proves a reasoning item to its maker, as `encrypted_content`.
pub(super) fn proof(signature: &Signature, redacted: bool) -> String {
    let written = signature.written(Dialect::OpenaiResponses, redacted);
    match written.split_once(':') {
        // OpenAI's own stands behind the id of the item.
        Some((_, own)) if signature.family == Dialect::OpenaiResponses => own.to_owned(),
        _ => written,
    }
}

/// A part of a message or of a summary.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content<'a> {
    OutputText { annotations: &'a [annotation::Written<'a>], logprobs: &'a [Logprob<'a>], text: &'a str },
    Refusal { refusal: &'a str },
    SummaryText { text: &'a str },
}

impl Content<'_> {
    /// The part, written once for all the places where it stands.
    pub(super) fn written(&self) -> Box<RawValue> {
        raw(self)
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("the parts of an answer serialize")
}

/// How likely a token was. OpenAI's SDKs want its bytes, too.
#[derive(Serialize)]
pub(super) struct Logprob<'a> {
    token: &'a str,
    logprob: f64,
    bytes: Cow<'a, [u8]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<Vec<Logprob<'a>>>,
}

impl<'a> From<&'a TokenLogprob> for Logprob<'a> {
    fn from(of: &'a TokenLogprob) -> Self {
        let top = of.top.iter().map(|top| Self::of(&top.token, top.logprob, top.bytes.as_deref())).collect();
        Self { top_logprobs: Some(top), ..Self::of(&of.token, of.logprob, of.bytes.as_deref()) }
    }
}

impl<'a> Logprob<'a> {
    fn of(token: &'a str, logprob: f64, bytes: Option<&'a [u8]>) -> Self {
        Self { token, logprob, bytes: Cow::Borrowed(bytes.unwrap_or(token.as_bytes())), top_logprobs: None }
    }

    pub(super) fn all(tokens: &'a [TokenLogprob]) -> Vec<Self> {
        tokens.iter().map(Self::from).collect()
    }
}

/// What a response says of itself, but for what it repeats of its request.
#[derive(Serialize)]
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    pub(super) created_at: u64,
    pub(super) status: &'static str,
    pub(super) error: (),
    pub(super) incomplete_details: Option<Incomplete<'a>>,
    pub(super) model: &'a str,
    pub(super) output: &'a [Box<RawValue>],
    pub(super) usage: Option<Written>,
}

/// Why a response is not complete.
#[derive(Serialize)]
pub(super) struct Incomplete<'a> {
    reason: &'a str,
}

/// A response's status, and why it is not complete where it is not. A reason that no OpenAI model has goes on as it is
/// rather than as one that it is not.
pub(super) fn status(finish: &Finish) -> (&'static str, Option<Incomplete<'_>>) {
    let reason = match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls => return ("completed", None),
        // A paused answer is not complete, either.
        Finish::Length | Finish::ContextFull | Finish::Paused => "max_output_tokens",
        Finish::ContentFilter => "content_filter",
        Finish::Other(reason) => reason,
    };
    ("incomplete", Some(Incomplete { reason }))
}

/// Ids of an answer's items. They are derived from the answer's, so that the same answer has the same ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    seed: u64,
}

impl Ids {
    /// The ids for the answer that the backend calls `id`, which came at `created`.
    pub(super) fn new(id: &str, created: u64) -> Self {
        // FNV-1a in 64 bits: ids need to differ, not to be secret.
        let bytes = id.bytes().chain(created.to_le_bytes());
        let seed = bytes
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self { seed }
    }

    /// The id of the item at `index`; `kind` is what ids of its kind begin with.
    pub(super) fn item(self, kind: &str, index: u32) -> String {
        format!("{kind}_{:016x}{index:08x}", self.seed)
    }

    /// The answer's own id: the backend's, which OpenAI would begin otherwise.
    pub(super) fn response(self, id: &str) -> String {
        match id {
            "" => format!("resp_{:016x}", self.seed),
            id if id.starts_with("resp_") => id.to_owned(),
            id => format!("resp_{id}"),
        }
    }
}

/// The members of a response, `head`'s and what it repeats, as one JSON object.
pub(super) fn response(head: &Head<'_>, echo: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, head).expect("the parts of an answer serialize");
    // Both are objects: the two become one.
    out.pop();
    out.push(b',');
    out.extend_from_slice(&echo.as_bytes()[1..]);
}

/// What a response repeats of its request, as JSON; with OpenAI's defaults where nobody asked.
pub(super) fn echoed(echo: &serde_json::Map<String, serde_json::Value>) -> String {
    let written =
        if echo.is_empty() { serde_json::to_string(&super::echo::defaults()) } else { serde_json::to_string(echo) };
    written.expect("JSON serializes")
}
