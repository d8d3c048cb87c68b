//! The dialects side by side: what is read and written where.
//!
//! A dialect that clients speak has a [`ClientSide`], one that backends speak a [`BackendSide`]; a new dialect is a
//! folder with the functions, and a line in [`client_side`] or [`backend_side`].

use serde_json::{Map, Value};
use weir_core::config::Quirks;
use weir_core::json::Object;
use weir_core::{Dialect, GatewayError, Tokens, UnixMillis, Usage};

use crate::canonical::{Request, Response};
use crate::stream::{Pass, Sink, Source, Translation};
use crate::tools::ToolRules;
use crate::unsupported::Unsupported;
use crate::{anthropic, openai_chat, openai_responses};

/// What an encoder of requests must know of the backend.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The model as the backend calls it.
    pub model: &'a str,
    /// How long an answer may be where the client does not say.
    pub max_output: Tokens,
    /// How the backend differs from OpenAI, where it speaks one of OpenAI's dialects.
    pub quirks: &'a Quirks,
}

/// What an encoder of answers must know of the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Whether a stream of chat completions ends in the usage.
    pub include_usage: bool,
    /// Whether a responses client wants the proofs of reasoning: `include`, with `reasoning.encrypted_content`.
    pub proofs: bool,
    /// What the answer repeats of the request (responses).
    pub echo: Map<String, Value>,
}

/// How a client's dialect is read and written, and looked through where the backend speaks it, too.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "a table of functions says nothing")]
pub struct ClientSide {
    /// Reads a request.
    pub decode_request: fn(&Object) -> Result<Request, GatewayError>,
    /// What the answer repeats of the request.
    pub echo: fn(&Object) -> Map<String, Value>,
    /// Writes a whole answer.
    pub encode_response: fn(&Response, &Asked, UnixMillis) -> Vec<u8>,
    /// Writes a stream.
    pub sink: fn(&Asked, UnixMillis) -> Box<dyn Sink>,
    /// Takes out of a request that passes what only another family's backend vouches for, and says where it stood.
    pub edit: fn(&mut Object) -> Vec<String>,
    /// Looks on while a whole answer passes: what it used, if it says so.
    pub tap_response: fn(&[u8]) -> Result<Option<Usage>, GatewayError>,
    /// Looks on while a stream passes. The argument says whether a client of chat completions wants the usage in it.
    pub tap: fn(bool) -> Box<dyn Translation>,
}

/// How a backend's dialect is written and read.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "a table of functions says nothing")]
pub struct BackendSide {
    /// Writes a request.
    pub encode_request: fn(Request, &Target<'_>, &mut Unsupported) -> Result<Vec<u8>, GatewayError>,
    /// Reads a whole answer.
    pub decode_response: fn(&[u8]) -> Result<Response, GatewayError>,
    /// Reads a stream.
    pub source: fn() -> Box<dyn Source>,
    /// What its tools may look like.
    pub tools: ToolRules,
    /// The path under the backend's base path.
    pub path: &'static str,
}

/// The side of clients that speak `dialect`; `None` where none may.
#[must_use]
pub fn client_side(dialect: Dialect) -> Option<ClientSide> {
    Some(match dialect {
        Dialect::OpenaiChat => ClientSide {
            decode_request: openai_chat::decode_request,
            echo: openai_chat::echo,
            encode_response: openai_chat::encode_response,
            sink: |asked, now| Box::new(openai_chat::Encoder::new(asked, now)),
            edit: |_| Vec::new(),
            tap_response: openai_chat::tap_answer,
            tap: |client_asked| Box::new(Pass(openai_chat::ChatTap::new(client_asked))),
        },
        Dialect::AnthropicMessages => ClientSide {
            decode_request: anthropic::decode_request,
            echo: |_| Map::new(),
            encode_response: anthropic::encode_response,
            sink: |asked, now| Box::new(anthropic::Encoder::new(asked, now)),
            edit: anthropic::edit,
            tap_response: anthropic::tap_answer,
            tap: |_| Box::new(Pass(anthropic::MessagesTap::default())),
        },
        Dialect::OpenaiResponses => ClientSide {
            decode_request: openai_responses::decode_request,
            echo: openai_responses::echo,
            encode_response: openai_responses::encode_response,
            sink: |asked, now| Box::new(openai_responses::Encoder::new(asked, now)),
            edit: openai_responses::edit,
            tap_response: openai_responses::tap_answer,
            tap: |_| Box::new(Pass(openai_responses::ResponsesTap::default())),
        },
        _ => return None,
    })
}

/// The side of backends that speak `dialect`; `None` where none may.
#[must_use]
pub fn backend_side(dialect: Dialect) -> Option<BackendSide> {
    Some(match dialect {
        Dialect::OpenaiChat => BackendSide {
            encode_request: openai_chat::encode_request,
            decode_response: openai_chat::decode_response,
            source: || Box::new(openai_chat::Decoder::default()),
            tools: ToolRules { name: 64, custom: true },
            path: "/chat/completions",
        },
        Dialect::AnthropicMessages => BackendSide {
            encode_request: anthropic::encode_request,
            decode_response: anthropic::decode_response,
            source: || Box::new(anthropic::Decoder::default()),
            tools: ToolRules { name: 128, custom: false },
            path: "/messages",
        },
        Dialect::OpenaiResponses => BackendSide {
            encode_request: openai_responses::encode_request,
            decode_response: openai_responses::decode_response,
            source: || Box::new(openai_responses::Decoder::default()),
            tools: ToolRules { name: 64, custom: true },
            path: "/responses",
        },
        _ => return None,
    })
}
