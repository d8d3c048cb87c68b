//! One call: an endpoint, perhaps another, and the answer on its way back.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use parking_lot::Mutex;
use tokio::time::Instant;
use weir_core::{ErrorKind, GatewayError, header};
use weir_serve::{Body, BoxError, Client, ClientError, full};

use crate::admit::Call;
use crate::answer;
use crate::balance::Failure;
use crate::budget::Budget;
use crate::endpoint::{Endpoint, RequestError};
use crate::fleet::EndpointId;
use crate::options::{Retry, Timeouts};
use crate::pool::{Lease, Pool};
use crate::relay::{Patience, Relay};
use crate::tally::Tally;

/// What sends calls to model servers.
pub(crate) struct Forwarder {
    pub(crate) client: Client,
    /// Speaks HTTP/2 alone.
    pub(crate) grpc: Client,
    pub(crate) pool: Arc<Pool>,
    pub(crate) budget: Mutex<Budget>,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: Retry,
    pub(crate) heartbeat: Duration,
}

/// An attempt without an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("no answer in time")]
    Late,
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl Fault {
    /// A body that broke off before anything of it was handed over.
    pub(crate) fn broken(error: BoxError) -> Self {
        let closed = || ClientError::Closed(Arc::new(std::io::Error::other(error.to_string())));
        Self::Client(ClientError::find(error.as_ref()).cloned().unwrap_or_else(closed))
    }

    /// Whether time ran out.
    pub(crate) fn is_late(&self) -> bool {
        matches!(self, Self::Late)
    }

    /// Whether the connection was closed.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Client(ClientError::Closed(_)))
    }

    /// Tells the endpoint's state what this shows of it.
    pub(crate) fn report(&self, lease: &Lease) {
        match self {
            Self::Client(error) if error.is_connect() => lease.failed(Failure::Connect),
            Self::Client(ClientError::InvalidUri(_)) | Self::Request(_) => {}
            Self::Client(_) | Self::Late => lease.failed(Failure::Answer),
        }
    }

    /// Whether another endpoint may do better, and the word for why.
    pub(crate) fn worth_another(&self) -> Option<&'static str> {
        match self {
            Self::Late => Some("timeout"),
            Self::Client(ClientError::InvalidUri(_)) | Self::Request(_) => None,
            Self::Client(error) => Some(error.kind()),
        }
    }
}

impl Forwarder {
    /// The answer to a call. Another endpoint is tried only as long as this has not returned: once an answer's head is
    /// handed over, what becomes of it is for the caller to see.
    pub(crate) async fn forward(&self, call: Call, mut tally: Tally) -> Response<Body> {
        self.budget.lock().deposit();
        let mut lease = match self.pool.acquire(&call.model, call.deadline).await {
            Ok(lease) => lease,
            Err(why) => {
                let response = answer::spill(call.view.dialect, why, self.pool.retry_after().into());
                return answer::close(response, tally);
            }
        };
        let mut tried = Vec::new();
        loop {
            let number = u32::try_from(tried.len() + 1).unwrap_or(u32::MAX);
            tally.attempt(number, lease.endpoint().name());
            let sent = Instant::now();
            let outcome = self.attempt(&call, &lease, sent).await;
            report(&outcome, &lease);
            if let Some(reason) = worth_another(&outcome) {
                tried.push(lease.id());
                if let Some(next) = self.another(&call, number, &tried, &outcome) {
                    tally.retried(reason);
                    lease = next;
                    continue;
                }
            }
            return match outcome {
                Ok(response) => self.relay(response, &call, lease, tally, sent),
                Err(fault) => give_up(&fault, &call, &lease, tally),
            };
        }
    }

    async fn attempt(&self, call: &Call, lease: &Lease, sent: Instant) -> Result<Response<Body>, Fault> {
        let request = lease.endpoint().request(&call.method, &call.view, &call.headers, full(call.body.clone()))?;
        let until = call.deadline.min(sent + self.timeouts.first_byte);
        Ok(tokio::time::timeout_at(until, self.client.send(request)).await.map_err(|_| Fault::Late)??)
    }

    /// An endpoint for a further attempt: another one, or the same one again where its connection was closed, which is
    /// how a server looks that has just given up an idle connection.
    fn another(
        &self,
        call: &Call,
        number: u32,
        tried: &[EndpointId],
        outcome: &Result<Response<Body>, Fault>,
    ) -> Option<Lease> {
        if number >= self.retry.attempts || Instant::now() >= call.deadline {
            return None;
        }
        let closed = matches!(outcome, Err(Fault::Client(ClientError::Closed(_))));
        let again = || if closed { self.pool.another(&call.model, &[]) } else { None };
        let lease = self.pool.another(&call.model, tried).or_else(again)?;
        // Asked last, so that a retry that cannot be made costs nothing.
        self.budget.lock().withdraw(Instant::now().into_std()).then_some(lease)
    }

    fn relay(
        &self,
        response: Response<Body>,
        call: &Call,
        lease: Lease,
        mut tally: Tally,
        sent: Instant,
    ) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        if let Some(error) = not_for_the_caller(parts.status) {
            tracing::warn!(endpoint = lease.endpoint().name(), status = parts.status.as_u16(), "unfit answer");
            return answer::close(answer::refusal(call.view.dialect, &error), tally);
        }
        answer::clean(&mut parts.headers);
        if let Some(id) = call.headers.get(header::REQUEST) {
            parts.headers.insert(header::REQUEST_ID, id.clone());
        }
        let heartbeat = is_event_stream(&parts.headers).then_some(self.heartbeat);
        if heartbeat.is_some() {
            answer::without_length(&mut parts.headers);
            parts.headers.entry("cache-control").or_insert(HeaderValue::from_static("no-cache"));
        }
        tally.answered(parts.status);
        let patience = Patience { first: sent + self.timeouts.first_byte, idle: self.timeouts.idle, heartbeat };
        Response::from_parts(parts, Relay::body(body, lease, tally, patience))
    }
}

/// Tells the endpoint's state what the attempt showed of it.
fn report(outcome: &Result<Response<Body>, Fault>, lease: &Lease) {
    match outcome {
        Ok(response) if is_failure(response.status()) => lease.failed(Failure::Answer),
        Ok(_) => lease.succeeded(),
        Err(fault) => {
            tracing::info!(endpoint = lease.endpoint().name(), error = %Told(fault), "attempt failed");
            fault.report(lease);
        }
    }
}

/// Whether a status shows that the server is ill: 501 and 505 are about the request.
fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() && !matches!(status.as_u16(), 501 | 505)
}

/// Whether another endpoint may do better, and the word for why.
fn worth_another(outcome: &Result<Response<Body>, Fault>) -> Option<&'static str> {
    match outcome {
        Ok(response) if is_failure(response.status()) => Some("status_5xx"),
        Ok(response) if matches!(response.status().as_u16(), 408 | 425 | 429) => Some("status_4xx"),
        Ok(_) => None,
        Err(fault) => fault.worth_another(),
    }
}

/// Answers that a caller would take for Weir's own word, or that would lead it elsewhere.
fn not_for_the_caller(status: StatusCode) -> Option<GatewayError> {
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

fn give_up(fault: &Fault, call: &Call, lease: &Lease, tally: Tally) -> Response<Body> {
    answer::close(answer::refusal(call.view.dialect, &error_of(fault, lease.endpoint())), tally)
}

/// What the caller is told of an attempt without an answer.
pub(crate) fn error_of(fault: &Fault, endpoint: &Endpoint) -> GatewayError {
    let (kind, message) = match fault {
        Fault::Late => (ErrorKind::UpstreamTimeout, "the model server did not answer in time"),
        Fault::Client(ClientError::Dns { .. }) => (ErrorKind::UpstreamDns, "the model server's name has no address"),
        Fault::Client(ClientError::Tls { .. }) => {
            (ErrorKind::UpstreamTls, "the model server's certificate or handshake failed")
        }
        Fault::Client(error) if error.is_connect() => {
            (ErrorKind::UpstreamConnect, "the model server cannot be reached")
        }
        Fault::Client(ClientError::Protocol(_)) => {
            (ErrorKind::UpstreamProtocol, "the model server's answer is no valid HTTP")
        }
        Fault::Client(ClientError::Closed(_)) => {
            (ErrorKind::UpstreamTruncated, "the model server closed the connection before it answered")
        }
        Fault::Client(_) => (ErrorKind::UpstreamFailed, "the model server failed"),
        Fault::Request(error) => {
            tracing::error!(endpoint = endpoint.name(), %error, "no request can be made for this endpoint");
            (ErrorKind::Misconfigured, "the model's server is not configured as it should be")
        }
    };
    GatewayError::new(kind, message)
}

/// A stream of events that can be read, so that something may be put between them.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let essence =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next());
    let plain = headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    plain && essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// An error with its causes, on one line.
pub(crate) struct Told<'e>(pub(crate) &'e dyn std::error::Error);

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
