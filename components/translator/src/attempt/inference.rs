//! Calls that pass as they are: KServe's inference protocols, and questions about models in a cluster.
//!
//! They go to tier twos alone. The model stands in the path, so that the body need not be looked at; the path is written
//! anew for the name that the candidate has.

use http::{HeaderMap, HeaderValue, Method};
use weir_core::config::{Backend, BackendKind, BodyPolicy};
use weir_core::grpc::Message;
use weir_core::header::INFERENCE_LENGTH;
use weir_core::{Config, Endpoint, GatewayError, Limits, RequestView, tensors};

use super::headers::{VERSION, as_it_is, copy, upstream_headers};
use super::list::List;
use super::prepare::{Prepared, Request, Upstream, edited};
use super::translate::Form;
use super::{Attempt, Exchange, place};
use crate::unsupported::Unsupported;

/// Whether a request is one of these.
pub(super) fn passes(view: &RequestView) -> bool {
    view.dialect.is_inference() || view.endpoint.method() == Method::GET
}

/// Builds the call.
///
/// # Errors
/// `Unsupported` where the backend is no tier two; `InvalidRequest` for a body whose tensors do not begin where the
/// client says.
pub(super) fn prepare(
    config: &Config,
    backend: &Backend,
    attempt: &Attempt,
    request: Request<'_>,
) -> Result<Prepared, GatewayError> {
    let Request { view, headers: sent, body } = request;
    let BackendKind::Weir { audience } = &backend.kind else {
        return Err(place::not_in_cluster(view));
    };
    let mut unsupported = Unsupported::new(attempt.on_unsupported, view.dialect, view.dialect);
    let mut headers = upstream_headers(sent, backend, view.dialect, view.dialect, &mut unsupported);
    if let Endpoint::Grpc(_) = view.endpoint {
        copy(sent, &mut headers, &["grpc-timeout", "grpc-accept-encoding"]);
    }
    let method = view.endpoint.method();
    let mut bytes = Vec::new();
    if method == Method::GET {
        headers.remove(http::header::CONTENT_TYPE);
    } else {
        as_it_is(sent, &mut headers);
        if view.endpoint != Endpoint::Infer {
            headers.remove(INFERENCE_LENGTH);
        }
        bytes = match view.endpoint {
            Endpoint::Grpc(_) => named(body, &attempt.candidate.model, &config.sizes)?,
            _ => policed(&view.endpoint, &mut headers, body, &backend.body, config.sizes.json_depth)?,
        };
        if !view.goes_on() {
            headers.insert(http::header::CONTENT_LENGTH, bytes.len().into());
        }
    }
    let path = view.endpoint.path_for(&attempt.candidate.model, view.version.as_deref());
    let mut form = Form::Inference { free: view.endpoint.is_free() };
    if let Some(list) = List::wanted(config, request)? {
        // In one shape, whatever the client's.
        headers.remove(VERSION);
        form = Form::List(Box::new(list));
    }
    let upstream = Upstream {
        origin: backend.origin.clone(),
        method,
        path: place::in_cluster(backend, view.service.as_ref(), &path),
        headers,
        body: bytes,
        goes_on: view.goes_on(),
        key: backend.key.clone(),
        audience: Some(audience.clone()),
        timeouts: backend.timeouts,
        on_client_gone: backend.on_client_gone,
    };
    let exchange = Exchange {
        client: view.dialect,
        form,
        stream: view.endpoint == Endpoint::GenerateStream,
        estimate: attempt.estimate,
        sizes: config.sizes,
        dropped: unsupported.into_dropped(),
    };
    Ok(Prepared { upstream, exchange })
}

/// A message of gRPC, of a stream the first one, with the model's name at this candidate; one that names none stays as it is.
fn named(body: &[u8], model: &str, sizes: &Limits) -> Result<Vec<u8>, GatewayError> {
    let message = Message::only(body, sizes.body_bytes)?;
    match message.name(sizes.model_bytes)? {
        Some(name) if !model.is_empty() && name.text() != model => Ok(message.renamed(&name, model)),
        _ => Ok(body.to_vec()),
    }
}

/// The body with what the backend's policy says of its JSON, and the header that says where that ends.
fn policed(
    endpoint: &Endpoint,
    headers: &mut HeaderMap,
    body: &[u8],
    policy: &BodyPolicy,
    max_depth: usize,
) -> Result<Vec<u8>, GatewayError> {
    let json = tensors::json_of(endpoint, headers, body)?;
    if *policy == BodyPolicy::default() || json.is_empty() {
        return Ok(body.to_vec());
    }
    let mut bytes = edited(json.into(), policy, max_depth)?;
    if tensors::are_behind(endpoint, headers) {
        headers.insert(INFERENCE_LENGTH, HeaderValue::from(bytes.len()));
    }
    bytes.extend_from_slice(&body[json.len()..]);
    Ok(bytes)
}
