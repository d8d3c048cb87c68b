//! One attempt: a request to one endpoint, and what came of it before anything goes to the caller.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::Instant;
use weir_core::{ErrorKind, GatewayError, RequestView};
use weir_serve::{Body, BoxError, ClientError, empty};

use crate::balance::Failure;
use crate::endpoint::RequestError;
use crate::pace::Timed;
use crate::pool::Lease;
use crate::protocol::refused::Refused;

/// An endpoint is left alone for no longer than this, whatever it asks for.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// An attempt that is over: its outcome, and the lease on the endpoint that it went to.
pub(crate) struct Attempt {
    pub(crate) outcome: Result<Answer, Fault>,
    pub(crate) lease: Lease,
    pub(crate) sent: Instant,
}

/// An answer that has begun.
pub(crate) struct Answer {
    /// When its head came.
    pub(crate) came: Instant,
    pub(crate) head: Parts,
    /// The body's first bytes, where they were waited for and have come.
    pub(crate) first: Option<Bytes>,
    pub(crate) body: Body,
    /// What the server said, where the status is an error's; then the body is read.
    pub(crate) refused: Option<Refused>,
    /// What that shows of the server.
    pub(crate) shows: Shows,
}

/// What an answer's status, and what was said beside it, show of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shows {
    /// No more than the status itself.
    #[default]
    Status,
    /// It does not have the model that it is listed for.
    Lacks,
    /// It is well, and what failed is the model's own code.
    Well,
}

/// An attempt without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("no answer in time")]
    Late,
    #[error("the stream ended before its first event")]
    Empty,
    #[error("the stream broke off before its first event")]
    Cut(#[source] BoxError),
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl Answer {
    /// Waits for the first bytes of the body, up to `until`; later they come with the rest. Until they are here nothing
    /// has gone to the caller, so what fails can be tried elsewhere.
    pub(crate) async fn begin(mut self, until: Instant) -> Result<Self, Fault> {
        let first = async {
            while let Some(frame) = self.body.frame().await {
                match frame.map_err(Fault::Cut)?.into_data() {
                    Ok(data) if !data.is_empty() => return Ok(data),
                    _ => {}
                }
            }
            Err(Fault::Empty)
        };
        if let Ok(first) = tokio::time::timeout_at(until, first).await {
            self.first = Some(first?);
        }
        Ok(self)
    }

    /// Hears what the server said, up to `until`, where the status is an error's.
    pub(crate) async fn hear(mut self, view: &RequestView, until: Instant) -> Self {
        let status = self.head.status;
        if status.is_client_error() || status.is_server_error() {
            let refused = Refused::hear(std::mem::replace(&mut self.body, empty()), until).await;
            self.shows = match () {
                () if refused.lacks_the_model(status, view) => Shows::Lacks,
                () if refused.is_the_models_own(status, view) => Shows::Well,
                () => Shows::Status,
            };
            self.refused = Some(refused);
        }
        self
    }

    /// Whether it shows that the server is ill.
    fn is_failure(&self) -> bool {
        match self.shows {
            Shows::Status => is_failure(self.head.status),
            Shows::Lacks => true,
            Shows::Well => false,
        }
    }

    /// Whether it is a stream of events that can be read, so that something may be put between them.
    pub(crate) fn is_event_stream(&self) -> bool {
        is_event_stream(&self.head.headers)
    }
}

impl Attempt {
    /// Tells the endpoint's state what the attempt showed of it.
    pub(crate) fn report(&self) {
        let lease = &self.lease;
        match &self.outcome {
            Ok(answer) => {
                if let Some(length) = asked_to_wait(answer) {
                    lease.hold(length);
                }
                if answer.is_failure() {
                    lease.failed(Failure::Answer);
                } else {
                    let timed = if answer.is_event_stream() { Timed::Stream } else { Timed::Whole };
                    lease.succeeded(answer.head.status.is_success().then_some((timed, self.sent.elapsed())));
                }
            }
            Err(fault) => {
                tracing::info!(endpoint = lease.endpoint().name(), error = %Told(fault), "attempt failed");
                match fault {
                    Fault::Client(error) if error.is_connect() => lease.failed(Failure::Connect),
                    Fault::Client(ClientError::InvalidUri(_)) | Fault::Request(_) => {}
                    Fault::Client(_) | Fault::Late | Fault::Empty | Fault::Cut(_) => lease.failed(Failure::Answer),
                }
            }
        }
    }

    /// Whether another endpoint may do better, and the word for why.
    pub(crate) fn worth_another(&self) -> Option<&'static str> {
        match &self.outcome {
            Ok(answer) if answer.shows == Shows::Lacks => Some("model_gone"),
            Ok(answer) if answer.is_failure() => Some("status_5xx"),
            Ok(answer) if matches!(answer.head.status.as_u16(), 408 | 425 | 429) => Some("status_4xx"),
            Ok(_) => None,
            Err(Fault::Late) => Some("timeout"),
            Err(Fault::Empty | Fault::Cut(_)) => Some("truncated"),
            Err(Fault::Client(ClientError::InvalidUri(_)) | Fault::Request(_)) => None,
            Err(Fault::Client(error)) => Some(error.kind()),
        }
    }

    /// Whether the connection was closed before an answer: how a server looks that has just given up an idle one.
    pub(crate) fn was_closed(&self) -> bool {
        matches!(self.outcome, Err(Fault::Client(ClientError::Closed(_))))
    }
}

impl Fault {
    /// What the caller is told.
    pub(crate) fn told(&self) -> GatewayError {
        let (kind, message) = match self {
            Self::Late => (ErrorKind::UpstreamTimeout, "the model server did not answer in time"),
            Self::Empty | Self::Cut(_) => {
                (ErrorKind::UpstreamTruncated, "the model server broke off before the first event of its answer")
            }
            Self::Client(ClientError::Dns { .. }) => (ErrorKind::UpstreamDns, "the model server's name has no address"),
            Self::Client(ClientError::Tls { .. }) => {
                (ErrorKind::UpstreamTls, "the model server's certificate or handshake failed")
            }
            Self::Client(error) if error.is_connect() => {
                (ErrorKind::UpstreamConnect, "the model server cannot be reached")
            }
            Self::Client(ClientError::Protocol(_)) => {
                (ErrorKind::UpstreamProtocol, "the model server's answer is no valid HTTP")
            }
            Self::Client(ClientError::Closed(_)) => {
                (ErrorKind::UpstreamTruncated, "the model server closed the connection before it answered")
            }
            Self::Client(_) => (ErrorKind::UpstreamFailed, "the model server failed"),
            Self::Request(_) => (ErrorKind::Misconfigured, "the model's server is not configured as it should be"),
        };
        GatewayError::new(kind, message)
    }
}

/// Answers that a caller would take for Weir's own word, or that would lead it elsewhere.
pub(crate) fn not_for_the_caller(status: StatusCode) -> Option<GatewayError> {
    match status.as_u16() {
        100..=199 => Some(GatewayError::new(ErrorKind::UpstreamProtocol, "the model server wants another protocol")),
        300..=399 => Some(GatewayError::new(
            ErrorKind::UpstreamRedirect,
            "the model server answered with a redirect; none is followed",
        )),
        401 | 403 | 407 => {
            Some(GatewayError::new(ErrorKind::UpstreamAuth, "the model server does not take the key it was shown"))
        }
        _ => None,
    }
}

/// Whether a status shows that the server is ill: 501 and 505 are about the request.
fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() && !matches!(status.as_u16(), 501 | 505)
}

/// For how long a server that has too much to do asks to be left alone (RFC 9110, section 10.2.3; in seconds: a date
/// would need its clock to be right).
fn asked_to_wait(answer: &Answer) -> Option<Duration> {
    if !matches!(answer.head.status.as_u16(), 429 | 503) {
        return None;
    }
    let seconds = answer.head.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_HOLD))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let essence =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next());
    let plain = headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    plain && essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// An error with its causes, on one line.
pub(crate) struct Told<'e>(pub(crate) &'e Fault);

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
