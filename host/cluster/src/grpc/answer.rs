//! Answers that are made here.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt as _, Full};
use weir_core::grpc::{Code, Status, framed};
use weir_core::{Dialect, GatewayError};
use weir_serve::{Body, Ending, empty};

use crate::model;
use crate::pool::NoRoom;
use crate::tally::Tally;

/// The one type of all bodies.
pub(super) const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// One message, and a good end.
pub(super) fn whole(message: &[u8], mut tally: Tally) -> Response<Body> {
    let status = Status::ok();
    let body = framed(message);
    tally.passed_bytes(body.len());
    tally.grpc(status.code);
    tally.ended(Ending::Complete);
    let trailers = std::future::ready(Some(Ok(status.fields())));
    let body = Full::new(Bytes::from(body)).with_trailers(trailers).map_err(|never| match never {});
    head(body.boxed_unsync())
}

/// The head of an answer whose end is told in trailers.
pub(super) fn head(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// An error: trailers alone, which then are the head.
pub(crate) fn refused(error: &GatewayError, tally: Tally) -> Response<Body> {
    let ending = if error.status() < 500 { Ending::Refused } else { Ending::Failed };
    status_alone(&Status::from(error), None, ending, tally)
}

/// No room here: tier one is told to take its next candidate.
pub(super) fn no_room(why: NoRoom, status: &model::Status, retry_after: Duration, mut tally: Tally) -> Response<Body> {
    let response = crate::answer::no_room(Dialect::KserveGrpc, why, status, retry_after);
    tally.grpc(Code::read(response.headers()).unwrap_or(Code::Unavailable));
    tally.ended(Ending::Failed);
    response
}

/// A status and nothing else; with what a server says beside it.
pub(super) fn status_alone(
    status: &Status,
    theirs: Option<HeaderMap>,
    ending: Ending,
    mut tally: Tally,
) -> Response<Body> {
    tally.grpc(status.code);
    tally.ended(ending);
    let mut response = head(empty());
    response.headers_mut().extend(theirs.unwrap_or_else(|| status.fields()));
    response
}
