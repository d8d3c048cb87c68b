//! Answers as the API server writes them.

use std::convert::Infallible;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

/// A body.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Larger bodies are compressed for who can read that.
const COMPRESSED_FROM: usize = 128 << 10;

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A document.
pub(crate) fn document(asked: &HeaderMap, value: &Value) -> Response<Body> {
    let text = value.to_string().into_bytes();
    let gzip = asked
        .get(header::ACCEPT_ENCODING)
        .and_then(|accepted| accepted.to_str().ok())
        .is_some_and(|accepted| accepted.split(',').any(|coding| coding.trim().starts_with("gzip")));
    if !gzip || text.len() <= COMPRESSED_FROM {
        return json_answer(StatusCode::OK, text);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let compressed = encoder.write_all(&text).and_then(|()| encoder.finish()).unwrap_or_default();
    let mut answer = json_answer(StatusCode::OK, compressed);
    answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answer
}

/// A refusal with a `Status`.
pub(crate) fn status(code: u16, reason: &str, message: &str, details: &Value) -> Response<Body> {
    let seconds = details["retryAfterSeconds"].as_u64();
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = json_answer(status, status_object(code, reason, message, details).to_string());
    if let Some(seconds) = seconds {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

pub(crate) fn status_object(code: u16, reason: &str, message: &str, details: &Value) -> Value {
    let mut object = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": message, "reason": reason, "details": details, "code": code,
    });
    if object["details"].is_null()
        && let Some(object) = object.as_object_mut()
    {
        object.shift_remove("details");
    }
    object
}

/// What is said of a path that is not there.
pub(crate) fn no_page() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut answer = Response::new(full(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

pub(crate) fn json_answer(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    with_json(status, full(body))
}

pub(crate) fn with_json(status: StatusCode, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The reason that belongs to a code.
pub(crate) fn reason_of(code: u16) -> &'static str {
    match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}
