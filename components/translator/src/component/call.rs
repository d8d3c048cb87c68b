//! The call upstream, up to its first event or its whole answer.

use std::time::Duration;

use http::HeaderMap;
use weir_core::usage::Failure;
use weir_core::{ErrorKind, GatewayError, Limits, Secret};
use weir_face::ErrorCode;
use weir_face::call::{Answer, Call, send};
use weir_face::clock::{Mark, now, within};

use super::keys::{Secrets, redacted};
use crate::attempt::{Exchange, Head, Upstream, head, refusal};
use crate::stream::{Close, Machine};

/// How much of a stream is read at once, in bytes: each open stream has such a buffer.
const STREAM_BUFFER: usize = 8 * 1024;

/// What a call is made for.
#[derive(Clone, Copy)]
pub(super) struct Wants<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) keys: &'a Secrets,
    pub(super) sizes: &'a Limits,
    /// How long the first event, or the whole answer, may take.
    pub(super) limit: Duration,
}

/// What came of a call that did not fail.
pub(super) enum Came {
    Whole { status: u16, headers: HeaderMap, body: Vec<u8> },
    Stream { status: u16, headers: HeaderMap, started: Box<Started> },
}

/// A stream whose first event has come.
pub(super) struct Started {
    /// What is left of the answer; nothing once its body has ended.
    pub(super) answer: Option<Answer>,
    pub(super) machine: Machine,
    pub(super) buffer: Vec<u8>,
}

/// An attempt that failed before its first event.
pub(super) struct Failed {
    pub(super) error: GatewayError,
    pub(super) failure: Failure,
    pub(super) status: Option<u16>,
    /// Whether the request had gone out.
    pub(super) sent: bool,
}

impl Failed {
    pub(super) fn of(error: GatewayError) -> Self {
        let retry_after = error.retry_after().map(Into::into);
        let failure = Failure { retry: error.kind().may_retry(), retry_after };
        Self { error, failure, status: None, sent: true }
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }
}

/// What fails before the call does not depend on the backend.
impl From<GatewayError> for Failed {
    fn from(error: GatewayError) -> Self {
        Self { sent: false, ..Self::of(error) }
    }
}

/// Makes the call. `from_weir` says whether it goes to a tier two.
pub(super) async fn make(upstream: Upstream, wants: Wants<'_>, from_weir: bool) -> Result<Came, Failed> {
    let began = Mark::now();
    let call = Call {
        method: upstream.method,
        origin: upstream.origin,
        target: upstream.path,
        headers: upstream.headers,
        body: upstream.body,
        connect: upstream.timeouts.connect,
    };
    let left = || wants.limit.saturating_sub(began.elapsed().into());
    let mut answer = match within(wants.limit, send(call)).await {
        Some(Ok(answer)) => answer,
        Some(Err(code)) => return Err(Failed::of(meaning(&code))),
        None => return Err(Failed::of(too_late("did not begin its answer in time"))),
    };
    let (status, headers) = (answer.status, std::mem::take(&mut answer.headers));
    let came = match head(status, &headers, wants.exchange.is_stream()) {
        Head::Stream => {
            let first = first_event(answer, wants, left).await;
            first.map(|started| Came::Stream { status, headers, started: Box::new(started) })
        }
        Head::Whole => match within(left(), read(answer, wants.sizes.answer_bytes)).await {
            Some(Ok((body, true))) => Ok(Came::Whole { status, headers, body }),
            Some(Ok((_, false))) => Err(protocol("is longer than the gateway takes")),
            Some(Err(code)) => Err(meaning(&code)),
            None => Err(too_late("did not end its answer in time")),
        },
        Head::Unreadable => Err(protocol("is compressed, which it was not asked to be")),
        Head::Error => {
            let body = match within(left(), read(answer, wants.sizes.error_bytes)).await {
                Some(Err(code)) if is_client_gone(&code) => return Err(Failed::of(gone()).with_status(status)),
                Some(Ok((body, _))) => body,
                // The status says enough.
                Some(Err(_)) | None => Vec::new(),
            };
            let secrets: Vec<&Secret<String>> = wants.keys.iter().map(AsRef::as_ref).collect();
            let (error, failure) = refusal(status, &headers, &body, from_weir, &secrets, now());
            return Err(Failed { error, failure, status: Some(status), sent: true });
        }
    };
    came.map_err(|error| Failed::of(error).with_status(status))
}

/// Reads until the first event is there: until then nothing is promised to the client.
async fn first_event(
    mut answer: Answer,
    wants: Wants<'_>,
    left: impl Fn() -> Duration,
) -> Result<Started, GatewayError> {
    let keys = wants.keys.clone();
    let redaction = move |text: &str| redacted(&keys, text);
    let mut machine = wants.exchange.machine(now()).with_redaction(redaction);
    let mut buffer = Vec::with_capacity(STREAM_BUFFER);
    loop {
        match within(left(), answer.next(&mut buffer)).await {
            Some(true) => machine.feed(&buffer),
            Some(false) => {
                let close = closing(answer).await;
                let error = machine.close(close.clone()).error;
                return Err(match close {
                    Close::ClientGone => gone(),
                    _ => error.unwrap_or_else(|| protocol("is empty")),
                });
            }
            None => return Err(too_late("did not send its first event in time")),
        }
        if machine.has_started() {
            return Ok(Started { answer: Some(answer), machine, buffer });
        }
        if machine.is_over() {
            let error = machine.close(Close::End).error;
            return Err(error.unwrap_or_else(|| protocol("is empty")));
        }
    }
}

/// How a body that has no more pieces ended.
pub(super) async fn closing(answer: Answer) -> Close {
    match answer.trailers().await {
        Ok(_) => Close::End,
        Err(code) if is_client_gone(&code) => Close::ClientGone,
        Err(_) => Close::Broken(GatewayError::new(
            ErrorKind::UpstreamTruncated,
            "the backend broke off in the middle of its answer",
        )),
    }
}

/// Reads a body, up to `limit` bytes; says whether that was all.
async fn read(mut answer: Answer, limit: usize) -> Result<(Vec<u8>, bool), ErrorCode> {
    let (mut body, mut buffer) = (Vec::new(), Vec::new());
    while answer.next(&mut buffer).await {
        if body.len() + buffer.len() > limit {
            body.extend_from_slice(&buffer[..limit - body.len()]);
            return Ok((body, false));
        }
        body.extend_from_slice(&buffer);
    }
    answer.trailers().await.map(|_| (body, true))
}

/// The runtime fails a call so whose client has left (`weir edge` does; others cannot tell).
fn is_client_gone(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::InternalError(Some(why)) if why.contains("client-gone"))
}

fn gone() -> GatewayError {
    GatewayError::new(ErrorKind::ClientGone, "the client left")
}

fn too_late(what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::UpstreamTimeout, format!("the backend {what}"))
}

fn protocol(what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::UpstreamProtocol, format!("the backend's answer {what}"))
}

/// What a failed call means. The client is told the kind of failure, and no destination.
fn meaning(code: &ErrorCode) -> GatewayError {
    let (kind, message) = match code {
        code if is_client_gone(code) => return gone(),
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            (ErrorKind::UpstreamDns, "the backend's name has no address")
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            (ErrorKind::UpstreamTls, "the backend could not be reached over TLS")
        }
        ErrorCode::DestinationIpProhibited | ErrorCode::HttpRequestDenied => {
            (ErrorKind::UpstreamConnect, "the gateway's runtime does not let it reach the backend")
        }
        ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached => (ErrorKind::UpstreamConnect, "the backend could not be reached"),
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => {
            (ErrorKind::UpstreamTruncated, "the backend broke off before its answer was complete")
        }
        ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout | ErrorCode::HttpResponseTimeout => {
            return too_late("did not answer in time");
        }
        other => {
            eprintln!("a call upstream failed: {other:?}");
            (ErrorKind::UpstreamProtocol, "the backend broke the rules of HTTP")
        }
    };
    GatewayError::new(kind, message)
}
