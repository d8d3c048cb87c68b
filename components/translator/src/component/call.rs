//! The call upstream, up to its first event or its whole answer.

use std::future::Future;
use std::time::Duration;

use http::HeaderMap;
use weir_core::usage::Failure;
use weir_core::{ErrorKind, GatewayError, Limits, Secret, Usage};
use weir_face::ErrorCode;
use weir_face::call::{Answer, Call, send};
use weir_face::clock::{Deadline, now};

use super::keys::{Secrets, Signer, redacted};
use crate::attempt::{Exchange, Head, Upstream, head, refusal};
use crate::stream::{Close, Machine};

/// How much of a stream is read at once, in bytes: each open stream has such a buffer.
const STREAM_BUFFER: usize = 4 * 1024;

/// After how long a client may find another gateway in the place of one that stops.
const RESTART: Duration = Duration::from_secs(1);

/// What a call is made for.
#[derive(Clone, Copy)]
pub(super) struct Wants<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) keys: &'a Secrets,
    pub(super) signer: Option<&'a Signer>,
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
    /// What the backend bills all the same, where the request had gone out and it did not refuse it.
    pub(super) usage: Usage,
}

impl Failed {
    /// What failed in a call. Of all that can, only that the gateway stops is `Overloaded`, and another call of the
    /// same request would fail alike.
    pub(super) fn of(error: GatewayError) -> Self {
        let retry_after = error.retry_after().map(Into::into);
        let retry = error.kind().may_retry() && error.kind() != ErrorKind::Overloaded;
        Self { error, failure: Failure { retry, retry_after }, status: None, usage: Usage::default() }
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    fn with_usage(self, usage: Usage) -> Self {
        Self { usage, ..self }
    }
}

/// What fails before the call does not depend on the backend.
impl From<GatewayError> for Failed {
    fn from(error: GatewayError) -> Self {
        let retry = error.kind().may_retry();
        let failed = Self::of(error);
        Self { failure: Failure { retry, ..failed.failure }, ..failed }
    }
}

/// Makes the call. `from_weir` says whether it goes to a tier two.
pub(super) async fn make(upstream: Upstream, wants: Wants<'_>, from_weir: bool) -> Result<Came, Failed> {
    let mut deadline = Deadline::after(wants.limit);
    let mut answer = begin(upstream, wants, &mut deadline).await?;
    let (status, headers) = (answer.status, std::mem::take(&mut answer.headers));
    let came = match head(status, &headers, wants.exchange.is_stream()) {
        Head::Stream => {
            let first = first_event(answer, wants, deadline).await;
            first.map(|started| Came::Stream { status, headers, started: Box::new(started) })
        }
        Head::Whole => {
            let mut body = Vec::new();
            let error = match deadline.within(read(answer, wants.sizes.answer_bytes, &mut body)).await {
                Some(Ok(true)) => return Ok(Came::Whole { status, headers, body }),
                Some(Ok(false)) => protocol("is longer than the gateway takes"),
                Some(Err(code)) => meaning(&code),
                None => too_late("did not end its answer in time"),
            };
            Err(Failed::of(error).with_usage(wants.exchange.estimated(body.len())))
        }
        Head::Unreadable => {
            let error = protocol("is compressed, which it was not asked to be");
            Err(Failed::of(error).with_usage(wants.exchange.estimated(0)))
        }
        Head::Error => return Err(refused(answer, status, &headers, wants, deadline, from_weir).await),
    };
    came.map_err(|failed| failed.with_status(status))
}

/// Sends the call and waits for the head of its answer.
pub(super) async fn begin(upstream: Upstream, wants: Wants<'_>, deadline: &mut Deadline) -> Result<Answer, Failed> {
    begun(send(call(upstream)), wants, deadline).await
}

/// The call, as it is sent.
pub(super) fn call(upstream: Upstream) -> Call {
    Call {
        method: upstream.method,
        origin: upstream.origin,
        target: upstream.path,
        headers: upstream.headers,
        body: upstream.body,
        connect: upstream.timeouts.connect,
    }
}

/// Waits for the head of an answer.
pub(super) async fn begun(
    answering: impl Future<Output = Result<Answer, ErrorCode>>,
    wants: Wants<'_>,
    deadline: &mut Deadline,
) -> Result<Answer, Failed> {
    match deadline.within(answering).await {
        Some(Ok(answer)) => {
            wants.signer.inspect(|signer| signer.heed(&answer.headers));
            Ok(answer)
        }
        Some(Err(code)) => Err(unanswered(wants.exchange, meaning(&code))),
        None => Err(unanswered(wants.exchange, too_late("did not begin its answer in time"))),
    }
}

/// The failure of a call that could not even be begun.
pub(super) fn unopened(code: &ErrorCode) -> Failed {
    Failed::of(meaning(code))
}

/// What an answer says whose status is an error's.
pub(super) async fn refused(
    answer: Answer,
    status: u16,
    headers: &HeaderMap,
    wants: Wants<'_>,
    mut deadline: Deadline,
    from_weir: bool,
) -> Failed {
    let mut body = Vec::new();
    match deadline.within(read(answer, wants.sizes.error_bytes, &mut body)).await {
        Some(Err(code)) if cut_of(&code).is_some() => {
            return Failed::of(meaning(&code)).with_status(status);
        }
        Some(Ok(_)) => {}
        // The status says enough.
        Some(Err(_)) | None => body.clear(),
    }
    let secrets: Vec<&Secret<String>> = wants.keys.iter().map(AsRef::as_ref).collect();
    let (error, failure) = refusal(status, headers, &body, from_weir, &secrets, now());
    Failed { error, failure, status: Some(status), usage: Usage::default() }
}

/// Reads until the first event is there: until then nothing is promised to the client.
async fn first_event(mut answer: Answer, wants: Wants<'_>, mut deadline: Deadline) -> Result<Started, Failed> {
    let keys = wants.keys.clone();
    let redaction = move |text: &str| redacted(&keys, text);
    let mut machine = wants.exchange.machine(now()).with_redaction(redaction);
    let mut buffer = Vec::with_capacity(STREAM_BUFFER);
    loop {
        match deadline.within(answer.next(&mut buffer)).await {
            Some(true) => machine.feed(&buffer),
            Some(false) => return Err(not_begun(&mut machine, closing(answer).await)),
            None => {
                let error = too_late("did not send its first event in time");
                return Err(not_begun(&mut machine, Close::Broken(error)));
            }
        }
        if machine.has_started() {
            return Ok(Started { answer: Some(answer), machine, buffer });
        }
        if machine.is_over() {
            return Err(not_begun(&mut machine, Close::End));
        }
    }
}

/// The failure of a stream that was closed before its first event. The machine knows what it is billed.
fn not_begun(machine: &mut Machine, close: Close) -> Failed {
    let is_gone = close == Close::ClientGone;
    let closed = machine.close(close);
    let error = if is_gone { gone() } else { closed.error.unwrap_or_else(|| protocol("is empty")) };
    Failed::of(error).with_usage(closed.usage)
}

/// The failure of a call that no answer came to. A backend that was reached has read the prompt, and bills it; one that
/// was not, or does not speak HTTP, bills nothing.
pub(super) fn unanswered(exchange: &Exchange, error: GatewayError) -> Failed {
    let reached =
        matches!(error.kind(), ErrorKind::ClientGone | ErrorKind::UpstreamTimeout | ErrorKind::UpstreamTruncated);
    let usage = if reached { exchange.estimated(0) } else { Usage::default() };
    Failed::of(error).with_usage(usage)
}

/// How a body that has no more pieces ended.
pub(super) async fn closing(answer: Answer) -> Close {
    match answer.trailers().await {
        Ok(_) => Close::End,
        Err(code) => match cut_of(&code) {
            Some(Cut::ClientGone) => Close::ClientGone,
            Some(Cut::Stopping) => Close::Broken(stopping()),
            None => Close::Broken(GatewayError::new(
                ErrorKind::UpstreamTruncated,
                "the backend broke off in the middle of its answer",
            )),
        },
    }
}

/// Reads a body into `body`, up to `limit` bytes; says whether that was all.
async fn read(mut answer: Answer, limit: usize, body: &mut Vec<u8>) -> Result<bool, ErrorCode> {
    let mut buffer = Vec::new();
    while answer.next(&mut buffer).await {
        if body.len() + buffer.len() > limit {
            body.extend_from_slice(&buffer[..limit - body.len()]);
            return Ok(false);
        }
        body.extend_from_slice(&buffer);
    }
    answer.trailers().await.map(|_| true)
}

/// Why the runtime itself fails a call.
enum Cut {
    ClientGone,
    Stopping,
}

/// Whether the runtime failed the call since the client left.
pub(super) fn is_client_gone(code: &ErrorCode) -> bool {
    matches!(cut_of(code), Some(Cut::ClientGone))
}

/// Whether the runtime failed the call, and why (`weir edge` says so; others cannot tell).
fn cut_of(code: &ErrorCode) -> Option<Cut> {
    match code {
        ErrorCode::InternalError(Some(why)) if why == "client-gone" => Some(Cut::ClientGone),
        ErrorCode::InternalError(Some(why)) if why == "stopping" => Some(Cut::Stopping),
        _ => None,
    }
}

fn gone() -> GatewayError {
    GatewayError::new(ErrorKind::ClientGone, "the client left")
}

fn stopping() -> GatewayError {
    GatewayError::new(ErrorKind::Overloaded, "the gateway is stopping; try again").with_retry_after(RESTART)
}

pub(super) fn too_late(what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::UpstreamTimeout, format!("the backend {what}"))
}

pub(super) fn protocol(what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::UpstreamProtocol, format!("the backend's answer {what}"))
}

/// What a failed call means. The client is told the kind of failure, and no destination.
fn meaning(code: &ErrorCode) -> GatewayError {
    match cut_of(code) {
        Some(Cut::ClientGone) => return gone(),
        Some(Cut::Stopping) => return stopping(),
        None => {}
    }
    let (kind, message) = match code {
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
