//! The one body type of the host, and the limits that a request body is read under.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

/// A body, in either direction: a stream of data frames and, at most once and last, trailers.
///
/// Dropping it ends the transfer: a request body's connection is closed or its stream reset, a
/// response body's upstream call is cancelled.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// What a body may fail with. A request body fails with a [`RequestBodyError`], the body of an
/// upstream's response with a [`ClientError`](crate::ClientError).
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of these bytes, with a known length.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Why a client's request body could not be read to its end. The origin is always the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestBodyError {
    /// Longer than the listener allows.
    #[error("the request body is longer than {limit} bytes")]
    TooLarge {
        /// `ServeLimits::max_body_bytes`.
        limit: u64,
    },
    /// The client sent nothing for too long.
    #[error("the request body sent nothing for {after:?}")]
    Idle {
        /// `ServeLimits::body_idle`.
        after: Duration,
    },
    /// The framing is broken, or the client left in the middle.
    #[error("the request body ended too early or is malformed")]
    Broken(#[source] hyper::Error),
}

impl RequestBodyError {
    /// The status that says it: 413, 408 or 400.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Idle { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Finds the reason in an error that reading a [`Body`] gave, also below wrappers.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
    }
}

/// A body that holds something until it is dropped, at its end or before: what ends with the transfer.
pub(crate) struct Holding<G> {
    body: Body,
    _held: G,
}

impl<G> Holding<G> {
    pub(crate) fn new(body: Body, held: G) -> Self {
        Self { body, _held: held }
    }
}

impl<G: Unpin> http_body::Body for Holding<G> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request body under the limits of its listener.
pub(crate) struct LimitedBody {
    inner: Incoming,
    left: u64,
    limit: u64,
    idle: Duration,
    /// Made at the first wait: most bodies arrive with their head and never need it.
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    done: bool,
}

impl LimitedBody {
    pub(crate) fn boxed(inner: Incoming, limit: u64, idle: Duration) -> Body {
        if inner.is_end_stream() {
            return empty();
        }
        let body = Self { inner, left: limit, limit, idle, timer: None, waiting: false, done: false };
        body.map_err(BoxError::from).boxed_unsync()
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + idle);
        }
        timer.as_mut().poll(cx)
    }

    fn admit(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, RequestBodyError> {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return Err(RequestBodyError::TooLarge { limit: self.limit }),
        }
        Ok(frame)
    }
}

impl http_body::Body for LimitedBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        let outcome = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(None) => None,
            Poll::Ready(Some(Ok(frame))) => {
                this.waiting = false;
                Some(this.admit(frame))
            }
            Poll::Ready(Some(Err(error))) => Some(Err(RequestBodyError::Broken(error))),
            Poll::Pending => {
                std::task::ready!(this.poll_idle(cx));
                Some(Err(RequestBodyError::Idle { after: this.idle }))
            }
        };
        this.done = !matches!(outcome, Some(Ok(_)));
        Poll::Ready(outcome)
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
