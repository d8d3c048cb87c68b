//! From the client's request to the call upstream.

use std::borrow::Cow;

use http::{HeaderMap, Method};
use weir_core::config::{Backend, BackendKind, BodyPolicy, KeyRef, OnClientGone, Quirks, Timeouts};
use weir_core::json::Object;
use weir_core::signing::{self, Call, SigningKey};
use weir_core::{Config, Dialect, Endpoint, ErrorKind, GatewayError, Origin, RequestView, UnixMillis, header};

use super::headers::upstream_headers;
use super::translate::{Crossing, Form};
use super::{Attempt, Exchange};
use super::{count, inference, place};
use crate::codec::{Asked, Target, backend_side, client_side};
use crate::openai_chat;
use crate::tools::{ToolNames, ToolRules};
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
    /// The headers; `content-length` among them, but for a body that goes on.
    pub headers: HeaderMap,
    /// The body; of one that goes on, the first message.
    pub body: Vec<u8>,
    /// Whether the client goes on to send messages.
    pub goes_on: bool,
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
    prepare_in(config, attempt, request, None)
}

/// As [`prepare`], in the dialect `spoken` where one is given, whatever the backend prefers: tests go through every
/// pair of dialects so.
///
/// # Errors
/// Those of [`prepare`].
#[doc(hidden)]
pub fn prepare_in(
    config: &Config,
    attempt: &Attempt,
    request: Request<'_>,
    spoken: Option<Dialect>,
) -> Result<Prepared, GatewayError> {
    let name = &attempt.candidate.backend;
    let backend = config
        .backends
        .get(name)
        .ok_or_else(|| GatewayError::new(ErrorKind::Misconfigured, format!("there is no backend called {name}")))?;
    if inference::passes(request.view) {
        return inference::prepare(config, backend, attempt, request);
    }
    let audience = match &backend.kind {
        BackendKind::Weir { audience } => Some(audience.clone()),
        _ if request.view.is_for_tier_two() => return Err(place::not_in_cluster(request.view)),
        BackendKind::Openai | BackendKind::Azure { .. } | BackendKind::Anthropic => None,
    };
    let client = request.view.dialect;
    let counts = request.view.endpoint.counts();
    let dialect = count::counting_dialect(backend, client).filter(|_| counts);
    let dialect = spoken.or(dialect).unwrap_or_else(|| backend.dialect_for(client));
    let path = place::endpoint_path(&request.view.endpoint)?;
    let mut body = Object::parse(request.body, config.sizes.json_depth)?;
    let stream = body.read("stream")?.unwrap_or(false);
    let mut unsupported = Unsupported::new(attempt.on_unsupported, client, dialect);
    let (path, form, bytes) = if client == dialect && !needs_translation(&body, request.view, backend) {
        let form = pass(&mut body, request.view, backend, attempt, &mut unsupported)?;
        backend.body.apply(&mut body);
        (path, form, body.to_bytes())
    } else {
        let max_depth = config.sizes.json_depth;
        let wanted = Wanted { view: request.view, attempt, dialect, quirks: &backend.quirks, max_depth };
        let (path, form, bytes) = translate(&mut body, wanted, &mut unsupported)?;
        (path, form, edited(bytes.into(), &backend.body, max_depth)?)
    };
    let mut headers = upstream_headers(request.headers, backend, client, dialect, &mut unsupported);
    headers.insert(http::header::CONTENT_LENGTH, bytes.len().into());
    let query = place::query(request.view, dialect);
    let path = match &request.view.service {
        Some(service) => place::in_cluster(backend, Some(service), &format!("/v1{path}{query}")),
        None => place::target(backend, path, &attempt.candidate.model, query),
    };
    let upstream = Upstream {
        origin: backend.origin.clone(),
        method: Method::POST,
        path,
        headers,
        body: bytes,
        goes_on: false,
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
        let sign = if self.goes_on { signing::sign_stream } else { signing::sign };
        let token = sign(key, issuer, audience, call, now, random);
        let token = token.try_into().map_err(|_| GatewayError::new(ErrorKind::Misconfigured, "unusable token"))?;
        self.headers.insert(header::TOKEN, token);
        Ok(())
    }
}

/// Whether a backend that speaks the client's dialect lacks something of it that takes a translation of the answer, too.
fn needs_translation(body: &Object, view: &RequestView, backend: &Backend) -> bool {
    quirks_of_chat(view, backend).is_some_and(|quirks| !quirks.custom_tools && openai_chat::has_custom_tools(body))
}

/// How the server differs that a request for chat completions goes to; `None` where it goes to a tier two, which sees
/// to that itself, and for other requests.
fn quirks_of_chat<'a>(view: &RequestView, backend: &'a Backend) -> Option<&'a Quirks> {
    let server = matches!(backend.kind, BackendKind::Openai | BackendKind::Azure { .. });
    (server && view.endpoint == Endpoint::ChatCompletions).then_some(&backend.quirks)
}

/// The same dialect on both sides: how the answer is read, and what must be changed in the body.
fn pass(
    body: &mut Object,
    view: &RequestView,
    backend: &Backend,
    attempt: &Attempt,
    unsupported: &mut Unsupported,
) -> Result<Form, GatewayError> {
    // A tier two passes on what other families' backends vouched for to whichever it finds.
    let foreign = match backend.kind {
        BackendKind::Weir { .. } => Vec::new(),
        _ => client_side(view.dialect).map_or_else(Vec::new, |side| (side.edit)(body)),
    };
    foreign.iter().for_each(|path| unsupported.note(path));
    let stream = body.read("stream")?.unwrap_or(false);
    let mut asks_usage = matches!(view.endpoint, Endpoint::ChatCompletions | Endpoint::Completions);
    if let Some(quirks) = quirks_of_chat(view, backend) {
        openai_chat::fit(body, quirks, unsupported)?;
        asks_usage &= quirks.stream_options;
    }
    let client_asked = openai_chat::edit(body, &attempt.candidate.model, stream, asks_usage)?;
    Ok(Form::Pass { endpoint: view.endpoint.clone(), client_asked })
}

/// The body with what the backend's policy says of it.
pub(super) fn edited(body: Cow<'_, [u8]>, policy: &BodyPolicy, max_depth: usize) -> Result<Vec<u8>, GatewayError> {
    if *policy == BodyPolicy::default() {
        return Ok(body.into_owned());
    }
    let mut body = Object::parse(&body, max_depth)?;
    policy.apply(&mut body);
    Ok(body.to_bytes())
}

/// What a translation depends on beside the body.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    view: &'a RequestView,
    attempt: &'a Attempt,
    /// What the backend speaks.
    dialect: Dialect,
    quirks: &'a Quirks,
    max_depth: usize,
}

/// Another dialect than the client's: the path, how the answer is read, and the body.
fn translate(
    body: &mut Object,
    wanted: Wanted<'_>,
    unsupported: &mut Unsupported,
) -> Result<(&'static str, Form, Vec<u8>), GatewayError> {
    let Wanted { view, attempt, dialect, quirks, max_depth } = wanted;
    let counts = view.endpoint.counts();
    let conversation = matches!(view.endpoint, Endpoint::ChatCompletions | Endpoint::Responses | Endpoint::Messages);
    let sides = client_side(view.dialect).zip(backend_side(dialect)).filter(|_| conversation || counts);
    let (client, backend) = sides.ok_or_else(|| {
        let message = format!("the backend speaks {}, which cannot serve {}", dialect.name(), view.path);
        GatewayError::new(ErrorKind::Unsupported, message)
    })?;
    if counts {
        count::complete(body, view.dialect);
    }
    let mut request = (client.decode_request)(body)?;
    for path in std::mem::take(&mut request.asides) {
        unsupported.note(&path);
    }
    let tools = ToolRules { custom: backend.tools.custom && quirks.custom_tools, ..backend.tools };
    let names = ToolNames::adapt(&mut request, tools);
    let asked =
        Asked { include_usage: request.include_usage, proofs: request.thinking.proofs, echo: (client.echo)(body) };
    let target = Target { model: &attempt.candidate.model, max_output: attempt.estimate.output, quirks };
    let bytes = (backend.encode_request)(request, &target, unsupported)?;
    if counts {
        let path = place::endpoint_path(&count::endpoint(dialect))?;
        return Ok((path, Form::Count, count::as_count(&bytes, dialect, max_depth)?));
    }
    Ok((backend.path, Form::Cross(Box::new(Crossing { client, backend, asked, names })), bytes))
}
