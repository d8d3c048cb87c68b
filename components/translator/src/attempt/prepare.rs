//! From the client's request to the call upstream.

use http::{HeaderMap, Method};
use weir_core::config::{BackendKind, KeyRef, OnClientGone, Timeouts};
use weir_core::json::Object;
use weir_core::signing::{self, Call, SigningKey};
use weir_core::{Config, Dialect, Endpoint, ErrorKind, GatewayError, Origin, RequestView, UnixMillis, header};

use super::headers::upstream_headers;
use super::translate::{Crossing, Form};
use super::{Attempt, Exchange};
use crate::codec::{Asked, Target, backend_side, client_side};
use crate::openai_chat;
use crate::tools::ToolNames;
use crate::unsupported::Unsupported;

/// The client's request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its target.
    pub view: &'a RequestView,
    /// Its headers, internal ones included.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
}

/// A call upstream, all but its credential.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where it goes: from the configuration alone.
    pub origin: Origin,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The headers; `content-length` among them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The key to show, if any.
    pub key: Option<KeyRef>,
    /// For whom the call is to be signed, if it goes to a tier two.
    pub audience: Option<String>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// What happens to it when the client leaves.
    pub on_client_gone: OnClientGone,
}

/// A call upstream, and how its answer is to be read.
pub struct Prepared {
    /// The call.
    pub upstream: Upstream,
    /// How its answer becomes the client's.
    pub exchange: Exchange,
}

/// Builds the call for an attempt.
///
/// # Errors
/// `InvalidRequest` and `Unsupported`, naming the field, for what the client wrote; `Misconfigured` for a backend
/// that the configuration does not have; `PathNotFound` for what is no concern of this part.
pub fn prepare(config: &Config, attempt: &Attempt, request: Request<'_>) -> Result<Prepared, GatewayError> {
    let name = &attempt.candidate.backend;
    let backend = config
        .backends
        .get(name)
        .ok_or_else(|| GatewayError::new(ErrorKind::Misconfigured, format!("there is no backend called {name}")))?;
    let client = request.view.dialect;
    let dialect = backend.dialect_for(client);
    let path = endpoint_path(&request.view.endpoint)?;
    let mut body = Object::parse(request.body, config.sizes.json_depth)?;
    let stream = body.read("stream")?.unwrap_or(false);
    let mut unsupported = Unsupported::new(attempt.on_unsupported, client, dialect);
    let (path, form, bytes) = if client == dialect {
        let (form, bytes) = pass(&mut body, request.view, attempt, stream)?;
        (path, form, bytes)
    } else {
        translate(&body, request.view, attempt, dialect, &mut unsupported)?
    };
    let mut headers = upstream_headers(request.headers, &backend.kind, client, dialect);
    headers.insert(http::header::CONTENT_LENGTH, bytes.len().into());
    let audience = match &backend.kind {
        BackendKind::Weir { audience } => Some(audience.clone()),
        BackendKind::Openai | BackendKind::Azure { .. } | BackendKind::Anthropic => None,
    };
    let upstream = Upstream {
        origin: backend.origin.clone(),
        method: Method::POST,
        path: format!("{}{path}{}", base_path(&backend.kind, &backend.base_path), query(request.view, dialect)),
        headers,
        body: bytes,
        key: backend.key.clone(),
        audience,
        timeouts: backend.timeouts,
        on_client_gone: backend.on_client_gone,
    };
    let exchange = Exchange {
        client,
        form,
        stream,
        estimate: attempt.estimate,
        sizes: config.sizes,
        dropped: unsupported.into_dropped(),
    };
    Ok(Prepared { upstream, exchange })
}

impl Upstream {
    /// Signs a call to a tier two: the last thing that is done to it. `random` is the token's id.
    ///
    /// # Errors
    /// `Misconfigured` where the token does not fit into a header, which no configuration can bring about.
    pub fn sign(
        &mut self,
        key: &SigningKey,
        issuer: &str,
        now: UnixMillis,
        random: [u8; 16],
    ) -> Result<(), GatewayError> {
        let Some(audience) = &self.audience else {
            return Ok(());
        };
        let (method, path) = (self.method.as_str(), self.path.as_str());
        let call = Call { method, path, headers: &self.headers, body: &self.body };
        let token = signing::sign(key, issuer, audience, call, now, random);
        let token = token.try_into().map_err(|_| GatewayError::new(ErrorKind::Misconfigured, "unusable token"))?;
        self.headers.insert(header::TOKEN, token);
        Ok(())
    }
}

/// The path under a backend's base path. The same for all who serve it.
fn endpoint_path(endpoint: &Endpoint) -> Result<&'static str, GatewayError> {
    match endpoint {
        Endpoint::ChatCompletions => Ok("/chat/completions"),
        Endpoint::Completions => Ok("/completions"),
        Endpoint::Embeddings => Ok("/embeddings"),
        Endpoint::Responses => Ok("/responses"),
        Endpoint::Messages => Ok("/messages"),
        Endpoint::InputTokens => Ok("/responses/input_tokens"),
        Endpoint::CountTokens => Ok("/messages/count_tokens"),
        Endpoint::Models | Endpoint::Model(_) => Err(GatewayError::new(
            ErrorKind::PathNotFound,
            "the list of models is answered by the gateway, not by a backend",
        )),
    }
}

/// Anthropic's paths and those of a tier two begin with `/v1` unless the URL says otherwise. With OpenAI's like the
/// configuration has said what they begin with.
fn base_path<'a>(kind: &BackendKind, stated: &'a str) -> &'a str {
    match kind {
        BackendKind::Weir { .. } | BackendKind::Anthropic if stated.is_empty() => "/v1",
        _ => stated,
    }
}

/// Of the client's query, the one member that means something to a backend: Anthropic's SDKs ask for betas so.
fn query(view: &RequestView, backend: Dialect) -> &'static str {
    let beta = view.dialect == backend && backend == Dialect::AnthropicMessages;
    if beta && view.query.split('&').any(|pair| pair == "beta=true") { "?beta=true" } else { "" }
}

/// The same dialect on both sides.
fn pass(
    body: &mut Object,
    view: &RequestView,
    attempt: &Attempt,
    stream: bool,
) -> Result<(Form, Vec<u8>), GatewayError> {
    let asks_usage = matches!(view.endpoint, Endpoint::ChatCompletions | Endpoint::Completions);
    let client_asked = openai_chat::edit(body, &attempt.candidate.model, stream, asks_usage)?;
    Ok((Form::Pass { endpoint: view.endpoint.clone(), client_asked }, body.to_bytes()))
}

/// Another dialect than the client's: the path, how the answer is read, and the body.
fn translate(
    body: &Object,
    view: &RequestView,
    attempt: &Attempt,
    dialect: Dialect,
    unsupported: &mut Unsupported,
) -> Result<(&'static str, Form, Vec<u8>), GatewayError> {
    let conversation = matches!(view.endpoint, Endpoint::ChatCompletions | Endpoint::Responses | Endpoint::Messages);
    let sides = client_side(view.dialect).zip(backend_side(dialect)).filter(|_| conversation);
    let (client, backend) = sides.ok_or_else(|| {
        let message = format!("the backend speaks {}, which cannot serve {}", dialect.name(), view.path);
        GatewayError::new(ErrorKind::Unsupported, message)
    })?;
    let mut request = (client.decode_request)(body)?;
    for path in std::mem::take(&mut request.asides) {
        unsupported.note(&path);
    }
    let names = ToolNames::adapt(&mut request, backend.tools);
    let asked =
        Asked { include_usage: request.include_usage, proofs: request.thinking.proofs, echo: (client.echo)(body) };
    let target = Target { model: &attempt.candidate.model, max_output: attempt.estimate.output };
    let bytes = (backend.encode_request)(request, &target, unsupported)?;
    Ok((backend.path, Form::Cross(Box::new(Crossing { client, backend, asked, names })), bytes))
}
