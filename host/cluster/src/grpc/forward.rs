//! One call: a server, perhaps another, and the answer on its way back.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};
use weir_core::grpc::{Code, Message, Status, is_grpc};
use weir_core::{ErrorKind, GatewayError, header};
use weir_serve::{Body, ClientError, Ending, full};

use super::admit::Call;
use super::relay::{self, Patience, Relay};
use super::{answer, request};
use crate::attempt::{Fault, Told};
use crate::balance::Failure;
use crate::fleet::EndpointId;
use crate::forward::Forwarder;
use crate::pool::Lease;
use crate::tally::Tally;

/// What a server answered, as far as it has been read.
enum Answer {
    /// A status and no message.
    Status { status: Status, fields: HeaderMap },
    /// The head, and of calls that are no streams the first message's first piece.
    Begun { head: HeaderMap, first: Option<Bytes>, rest: Body },
}

/// An attempt without an answer that gRPC knows.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Http(#[from] Fault),
    #[error("the answer is not gRPC but HTTP {0}")]
    NotGrpc(StatusCode),
    #[error("the answer ended without a status")]
    NoStatus,
}

/// The answer to a call. Another server is tried only as long as this has not returned.
pub(super) async fn forward(forwarder: &Forwarder, call: Call, mut tally: Tally) -> Response<Body> {
    forwarder.budget.lock().deposit();
    let mut lease = match forwarder.pool.acquire(&call.model, call.begun_by).await {
        Ok(lease) => lease,
        Err(why) => return answer::no_room(why, &call.model.status, forwarder.pool.retry_after(), tally),
    };
    let mut tried = Vec::new();
    loop {
        let number = u32::try_from(tried.len() + 1).unwrap_or(u32::MAX);
        tally.attempt(number, lease.endpoint().name());
        let sent = Instant::now();
        let outcome = attempt(forwarder, &call, &lease, sent).await;
        report(&outcome, &lease);
        if let Some(reason) = worth_another(&outcome, &call) {
            tried.push(lease.id());
            if let Some(next) = another(forwarder, &call, number, &tried, &outcome) {
                tally.retried(reason);
                lease = next;
                continue;
            }
        }
        return match outcome {
            Ok(Answer::Begun { head, first, rest }) => {
                let timeouts = forwarder.timeouts;
                let patience = Patience { first: sent + timeouts.first_byte, idle: timeouts.idle, end: call.ended_by };
                let mut response = answer::head(Relay::body(first, rest, call.upload.clone(), lease, tally, patience));
                response.headers_mut().extend(relay::for_the_caller(&head, &relay::HEAD));
                identify(&mut response, &call);
                response
            }
            Ok(Answer::Status { status, fields }) => {
                let theirs = relay::for_the_caller(&fields, &relay::TRAILERS);
                let mut response = answer::status_alone(&status, Some(theirs), Ending::Complete, tally);
                identify(&mut response, &call);
                response
            }
            Err(failed) => answer::refused(&error(&failed, &call, &lease), tally),
        };
    }
}

async fn attempt(forwarder: &Forwarder, call: &Call, lease: &Lease, sent: Instant) -> Result<Answer, Failed> {
    let served_as = lease.served_as().unwrap_or(&call.model.name);
    let first = message(call, served_as);
    let body = match &call.upload {
        Some(upload) => upload.body(first, served_as),
        None => full(first),
    };
    let request = request::request(lease.endpoint(), call.rpc.path(), &call.headers, call.ended_by, body);
    let request = request.map_err(Fault::from)?;
    let until = call.begun_by.min(sent + forwarder.timeouts.first_byte);
    let response = timeout_at(until, lease.endpoint().send_grpc(request)).await.map_err(|_| Fault::Late)?;
    let (head, mut rest) = response.map_err(Fault::from)?.into_parts();
    let known = head.headers.get(CONTENT_TYPE).is_some_and(|value| is_grpc(value.as_bytes()));
    if head.status != StatusCode::OK || !known {
        return Err(Failed::NotGrpc(head.status));
    }
    if let Some(status) = Status::read(&head.headers) {
        return Ok(Answer::Status { status, fields: head.headers });
    }
    let head = head.headers;
    // A stream's head goes to the caller at once: it may be waiting for it before it sends more.
    if call.upload.is_some() {
        return Ok(Answer::Begun { head, first: None, rest });
    }
    loop {
        let frame = timeout_at(until, rest.frame()).await.map_err(|_| Fault::Late)?.ok_or(Failed::NoStatus)?;
        match frame.map_err(Fault::Cut)?.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(first) => return Ok(Answer::Begun { head, first: Some(first), rest }),
            Err(frame) => {
                let fields = frame.into_trailers().unwrap_or_default();
                let status = Status::read(&fields).ok_or(Failed::NoStatus)?;
                return Ok(Answer::Status { status, fields });
            }
        }
    }
}

/// The first message, under the name by which the server knows the model.
fn message(call: &Call, served_as: &str) -> Bytes {
    if call.name.text() == served_as {
        return call.message.clone();
    }
    match Message::only(&call.message, usize::MAX) {
        Ok(message) => message.renamed(&call.name, served_as).into(),
        // It was read before, and has not changed since.
        Err(_) => call.message.clone(),
    }
}

/// A server for a further attempt: another one, or the same again where its connection was closed, which is how a server
/// looks that has just given up an idle one.
fn another(
    forwarder: &Forwarder,
    call: &Call,
    number: u32,
    tried: &[EndpointId],
    outcome: &Result<Answer, Failed>,
) -> Option<Lease> {
    if number >= forwarder.retry.attempts || Instant::now() >= call.begun_by {
        return None;
    }
    let closed = matches!(outcome, Err(Failed::Http(Fault::Client(ClientError::Closed(_)))));
    let again = || if closed { forwarder.pool.another(&call.model, &[]) } else { None };
    let lease = forwarder.pool.another(&call.model, tried).or_else(again)?;
    // Asked last, so that a retry that cannot be made costs nothing.
    forwarder.budget.lock().withdraw(Instant::now().into_std()).then_some(lease)
}

/// Tells the server's state what the attempt showed of it. What an answer that has begun shows, its end tells.
fn report(outcome: &Result<Answer, Failed>, lease: &Lease) {
    match outcome {
        Ok(Answer::Begun { .. }) => {}
        Ok(Answer::Status { status, .. }) => relay::report(status.code, lease),
        Err(failed) => {
            let why = match failed {
                Failed::Http(fault) => Told(fault).to_string(),
                other => other.to_string(),
            };
            tracing::info!(endpoint = lease.endpoint().name(), error = why, "attempt failed");
            match failed {
                Failed::Http(Fault::Client(error)) if error.is_connect() => lease.failed(Failure::Connect),
                // What the caller sent, or how the server is configured.
                Failed::Http(
                    Fault::Client(ClientError::InvalidUri(_) | ClientError::RequestBody(_)) | Fault::Request(_),
                ) => {}
                Failed::NotGrpc(status) if !status.is_server_error() => lease.succeeded(None),
                _ => lease.failed(Failure::Answer),
            }
        }
    }
}

/// Whether another server may do better, and the word for why.
fn worth_another(outcome: &Result<Answer, Failed>, call: &Call) -> Option<&'static str> {
    if call.upload.as_ref().is_some_and(|upload| upload.has_begun() || upload.fault().is_some()) {
        return None;
    }
    match outcome {
        Ok(Answer::Status { status, .. }) => (status.code == Code::Unavailable).then_some("unavailable"),
        Ok(Answer::Begun { .. }) => None,
        Err(Failed::Http(Fault::Client(ClientError::InvalidUri(_) | ClientError::RequestBody(_)))) => None,
        Err(Failed::Http(Fault::Client(error))) => Some(error.kind()),
        Err(Failed::Http(_)) => None,
        Err(Failed::NotGrpc(status)) => matches!(status.as_u16(), 429 | 502..=504).then_some("unavailable"),
        Err(Failed::NoStatus) => None,
    }
}

/// The error for a caller whose call no server answered.
fn error(failed: &Failed, call: &Call, lease: &Lease) -> GatewayError {
    if let Some(error) = call.upload.as_ref().and_then(|upload| upload.fault()) {
        return error;
    }
    let (kind, message) = match failed {
        Failed::Http(Fault::Late) if call.ended_by.is_some_and(|end| Instant::now() >= end) => {
            (ErrorKind::UpstreamTimeout, "the call's own deadline passed")
        }
        Failed::Http(fault) => {
            if let Fault::Request(error) = fault {
                tracing::error!(endpoint = lease.endpoint().name(), %error, "no request can be made for this endpoint");
            }
            return fault.told();
        }
        Failed::NoStatus => (ErrorKind::UpstreamTruncated, "the model server broke off before it answered"),
        Failed::NotGrpc(status) => match status.as_u16() {
            401 | 403 | 407 => (ErrorKind::UpstreamAuth, "the model server does not take the key it was shown"),
            429 => (ErrorKind::UpstreamRateLimited, "the model server has more requests than it takes"),
            503 => (ErrorKind::UpstreamOverloaded, "the model server takes no requests at the moment"),
            504 => (ErrorKind::UpstreamTimeout, "the model server did not answer in time"),
            500..=599 => (ErrorKind::UpstreamFailed, "the model server failed"),
            _ => (ErrorKind::UpstreamProtocol, "the model server does not speak gRPC there"),
        },
    };
    GatewayError::new(kind, message)
}

fn identify(response: &mut Response<Body>, call: &Call) {
    if let Some(id) = call.headers.get(header::REQUEST) {
        response.headers_mut().insert(header::REQUEST_ID, id.clone());
    }
}
