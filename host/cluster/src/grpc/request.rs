//! A call as one server gets it.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, TE};
use http::{HeaderValue, Method, Request, Uri};
use tokio::time::Instant;
use weir_core::grpc::{TIMEOUT, write_timeout};
use weir_core::header;
use weir_serve::Body;

use super::answer::GRPC;
use crate::endpoint::{Endpoint, RequestError};

/// Which of a caller's headers a model server gets. All others stay here, above all keys and `x-weir-*`.
const PASSED_ON: [HeaderName; 3] = [
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// The request for this server; `until` is when the whole call must have ended.
pub(super) fn request(
    endpoint: &Endpoint,
    path: &'static str,
    headers: &HeaderMap,
    until: Option<Instant>,
    body: Body,
) -> Result<Request<Body>, RequestError> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(path);
    let own = request.headers_mut();
    own.insert(CONTENT_TYPE, GRPC);
    own.insert(TE, HeaderValue::from_static("trailers"));
    for name in PASSED_ON {
        for value in headers.get_all(&name) {
            own.append(name.clone(), value.clone());
        }
    }
    if let Some(until) = until {
        let left = write_timeout(until.saturating_duration_since(Instant::now()));
        own.insert(TIMEOUT, HeaderValue::try_from(left).unwrap_or(HeaderValue::from_static("1m")));
    }
    if let Some(id) = headers.get(header::REQUEST) {
        own.insert(header::REQUEST_ID, id.clone());
    }
    endpoint.sign(own)?;
    Ok(request)
}
