//! How many tokens a prompt has: asked of the backend where it counts, estimated where it does not.
//!
//! Anthropic counts for messages (`count_tokens`), OpenAI for responses (`input_tokens`); each counts for clients of
//! the other as well. Other backends do not count, and the client gets the estimate that its limits are held to, with
//! `x-weir-degraded: estimated-count` beside it.

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde_json::json;
use weir_core::config::{Backend, BackendKind};
use weir_core::json::Object;
use weir_core::{Config, Dialect, Endpoint, GatewayError, Tokens, header};

use super::{Attempt, Exchange, Request};
use crate::said;

/// The members of a request that its count depends on and that each endpoint for counting takes.
const MESSAGES: [&str; 8] =
    ["model", "messages", "system", "tools", "tool_choice", "thinking", "cache_control", "output_config"];
const RESPONSES: [&str; 8] =
    ["model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"];

/// The answer to a request for a count that its backend cannot give: an estimate.
///
/// `None` where the backend is to be asked, or the request is for something else.
///
/// # Errors
/// `InvalidRequest` for a body that is no JSON object.
pub fn estimated_count(
    config: &Config,
    attempt: &Attempt,
    request: Request<'_>,
) -> Result<Option<(HeaderMap, Vec<u8>)>, GatewayError> {
    let backend = config.backends.get(&attempt.candidate.backend);
    let client = request.view.dialect;
    if !request.view.endpoint.counts() || backend.is_none_or(|backend| counting_dialect(backend, client).is_some()) {
        return Ok(None);
    }
    Object::parse(request.body, config.sizes.json_depth)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static(header::DEGRADED), HeaderValue::from_static("estimated-count"));
    Ok(Some((headers, written(client, attempt.estimate.input))))
}

/// In which dialect a backend counts for clients of `client`; `None` where it does not count.
pub(super) fn counting_dialect(backend: &Backend, client: Dialect) -> Option<Dialect> {
    match backend.kind {
        BackendKind::Weir { .. } => Some(client),
        BackendKind::Anthropic => Some(Dialect::AnthropicMessages),
        BackendKind::Openai | BackendKind::Azure { .. } => {
            (backend.quirks.responses && backend.quirks.input_tokens).then_some(Dialect::OpenaiResponses)
        }
    }
}

/// The endpoint for counting in a dialect that has one.
pub(super) fn endpoint(dialect: Dialect) -> Endpoint {
    match dialect {
        Dialect::AnthropicMessages => Endpoint::CountTokens,
        _ => Endpoint::InputTokens,
    }
}

/// Makes a client's request for a count one that its decoder of requests takes: messages must say how long the answer
/// may be.
pub(super) fn complete(body: &mut Object, client: Dialect) {
    if client == Dialect::AnthropicMessages && body.raw("max_tokens").is_none() {
        body.set("max_tokens", &1);
    }
}

/// A request for an answer, as one for a count.
pub(super) fn as_count(body: &[u8], dialect: Dialect, max_depth: usize) -> Result<Vec<u8>, GatewayError> {
    let kept = if dialect == Dialect::AnthropicMessages { MESSAGES } else { RESPONSES };
    let mut body = Object::parse(body, max_depth)?;
    let others: Vec<String> = body.keys().filter(|key| !kept.contains(key)).map(str::to_owned).collect();
    for key in others {
        body.remove(&key);
    }
    Ok(body.to_bytes())
}

/// A backend's count, as the client gets it.
pub(super) fn translated(exchange: &Exchange, body: &[u8]) -> Result<Vec<u8>, GatewayError> {
    #[derive(serde::Deserialize)]
    struct Counted<'a> {
        input_tokens: Option<u64>,
        #[serde(borrow)]
        error: Option<&'a serde_json::value::RawValue>,
    }
    let counted: Counted<'_> = serde_json::from_slice(body).map_err(|_| said::no_count())?;
    if let Some(error) = said::in_stream("", counted.error, body) {
        return Err(error);
    }
    let tokens = counted.input_tokens.ok_or_else(said::no_count)?;
    Ok(written(exchange.client, Tokens(tokens)))
}

fn written(client: Dialect, tokens: Tokens) -> Vec<u8> {
    let body = match client {
        Dialect::AnthropicMessages => json!({"input_tokens": tokens.0}),
        _ => json!({"object": "response.input_tokens", "input_tokens": tokens.0}),
    };
    body.to_string().into_bytes()
}
