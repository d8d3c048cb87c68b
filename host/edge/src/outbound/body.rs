//! The body of a backend's response, as a guest reads it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;
use weir_serve::Body;

use super::error::{Late, of_response_body};
use crate::call::Leg;

/// A response's body that the host can end while the guest holds it, and that fails when nothing comes for too long.
pub(crate) struct LegBody {
    source: Source,
    between: Option<Between>,
    done: bool,
}

enum Source {
    /// Shared with the request that it is read for.
    Shared(Arc<Leg>),
    /// A control plane's, which nobody but the guest ends.
    Own(Body),
}

/// The deadline for each next frame.
struct Between {
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    running: bool,
}

impl LegBody {
    /// The body that was given to `leg`.
    pub(crate) fn shared(leg: Arc<Leg>, between: Option<Duration>) -> Self {
        Self::new(Source::Shared(leg), between)
    }

    /// A body that is the guest's alone.
    pub(crate) fn own(body: Body, between: Option<Duration>) -> Self {
        Self::new(Source::Own(body), between)
    }

    fn new(source: Source, between: Option<Duration>) -> Self {
        let between = between.map(|limit| Between { limit, timer: Box::pin(tokio::time::sleep(limit)), running: true });
        Self { source, between, done: false }
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = match &mut self.source {
            Source::Own(body) => Pin::new(body).poll_frame(cx),
            Source::Shared(leg) => match leg.poll_body(cx) {
                Err(cut) => return Poll::Ready(Some(Err(cut.into()))),
                Ok(polled) => polled,
            },
        };
        polled.map(|frame| frame.map(|frame| frame.map_err(|error| of_response_body(&error))))
    }

    fn give_up(&mut self) {
        self.done = true;
        match &mut self.source {
            Source::Shared(leg) => leg.end_body(),
            Source::Own(body) => *body = weir_serve::empty(),
        }
    }
}

impl Between {
    /// Whether nothing came for too long.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        if !self.running {
            self.running = true;
            self.timer.as_mut().reset(Instant::now() + self.limit);
        }
        self.timer.as_mut().poll(cx).map(|()| Late::BetweenBytes(self.limit))
    }
}

impl http_body::Body for LegBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let outcome = match self.poll_source(cx) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                let Some(between) = &mut self.between else { return Poll::Pending };
                let late = std::task::ready!(between.poll_late(cx));
                Some(Err(late.into()))
            }
        };
        if let Some(between) = &mut self.between {
            between.running = false;
        }
        if !matches!(outcome, Some(Ok(_))) {
            self.give_up();
        }
        Poll::Ready(outcome)
    }

    fn is_end_stream(&self) -> bool {
        self.done
            || match &self.source {
                Source::Own(body) => body.is_end_stream(),
                Source::Shared(leg) => leg.look(|body| body.is_end_stream()).unwrap_or(false),
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(body) => body.size_hint(),
            Source::Shared(leg) => leg.look(|body| body.size_hint()).unwrap_or_default(),
        }
    }
}

impl Drop for LegBody {
    fn drop(&mut self) {
        // The guest reads no more: the backend should stop now, not when the request ends.
        self.give_up();
    }
}
