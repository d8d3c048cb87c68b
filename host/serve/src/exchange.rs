//! One request and its answer: the checks before the service, and the care after it.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderName};
use http::{HeaderValue, Request, Response, StatusCode, Version, request};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::body::{Body, Holding, LimitedBody, full};
use crate::guard::hop::{strip_hop_by_hop, strip_keeping_close};
use crate::guard::target::check_target;
use crate::guard::{InFlight, Refusal, Wire};
use crate::limits::ServeLimits;
use crate::listener::Peer;

/// hyper's view of a service, for one connection.
pub(crate) struct Exchange<S> {
    pub(crate) service: S,
    pub(crate) peer: Peer,
    pub(crate) limits: Arc<ServeLimits>,
    pub(crate) wire: Arc<Wire>,
}

/// A response's body; while it lives, its request is in flight.
type Answer = Holding<InFlight>;

impl<S, F> hyper::service::Service<Request<Incoming>> for Exchange<S>
where
    S: Fn(Request<Body>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let in_flight = self.wire.begin();
        let version = request.version();
        match admit(request, &in_flight, &self.limits) {
            Ok(request) => {
                let (service, peer) = (self.service.clone(), self.peer);
                Box::pin(async move {
                    let answering = AssertUnwindSafe(async move { service(request, peer).await });
                    let mut response = answering.catch_unwind().await.unwrap_or_else(|_| panicked());
                    strip_keeping_close(response.headers_mut());
                    Ok(response.map(|body| Holding::new(body, in_flight)))
                })
            }
            Err(refusal) => {
                tracing::debug!(peer = %self.peer.addr, %refusal, "request refused");
                let response = refused(refusal, version);
                let response = response.map(|body| Holding::new(body, in_flight));
                Box::pin(std::future::ready(Ok(response)))
            }
        }
    }
}

/// What the service will see, or why it will not see it.
fn admit(request: Request<Incoming>, in_flight: &InFlight, limits: &ServeLimits) -> Result<Request<Body>, Refusal> {
    if let Some(refusal) = in_flight.refusal() {
        return Err(refusal);
    }
    let (mut parts, body) = request.into_parts();
    if parts.headers.len() > limits.max_headers {
        return Err(Refusal::HeadTooLarge);
    }
    check_target(&parts)?;
    if body.size_hint().lower() > limits.max_body_bytes {
        return Err(Refusal::BodyTooLarge);
    }
    clean(&mut parts);
    let (length, idle) = match is_grpc(&parts) {
        true => (u64::MAX, limits.grpc_idle),
        false => (limits.max_body_bytes, limits.body_idle),
    };
    let body = LimitedBody::boxed(body, length, idle);
    Ok(Request::from_parts(parts, body))
}

/// Whether a request is a gRPC call, whose body may be a stream of messages.
fn is_grpc(parts: &request::Parts) -> bool {
    let kind = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    parts.version == Version::HTTP_2
        && kind.get(..16).is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/grpc"))
}

/// Removes what was for this connection only, and names that another server could take for others:
/// `x_weir_principal` becomes the same variable as `x-weir-principal` in every CGI-like interface.
fn clean(parts: &mut request::Parts) {
    strip_hop_by_hop(&mut parts.headers);
    parts.headers.remove(EXPECT);
    let ambiguous: Vec<HeaderName> = parts.headers.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
    for name in ambiguous {
        parts.headers.remove(name);
    }
}

fn refused(refusal: Refusal, version: Version) -> Response<Body> {
    let mut response = error(refusal.status(), &refusal.to_string());
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The panic itself was printed by the panic hook; its text is not for the client.
fn panicked() -> Response<Body> {
    tracing::error!("a request handler panicked");
    error(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
}

fn error(status: StatusCode, message: &str) -> Response<Body> {
    let body = serde_json::json!({
        "error": { "message": message, "type": "invalid_request_error", "code": status.as_u16() }
    });
    let body = body.to_string();
    let mut response = Response::new(full(""));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    response.map(|_| full(body))
}
