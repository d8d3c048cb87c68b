//! A model server's answer on its way through: frame by frame, none held back, none read ahead.
//!
//! The body is polled only when the caller's side has room, so back-pressure reaches the server. Dropping it, as
//! happens when the caller leaves, drops the server's body and with it the server's connection or stream.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, Sleep};
use weir_serve::{Body, BoxError, Ending};

use crate::balance::Failure;
use crate::boundary::Boundary;
use crate::pool::Lease;
use crate::tally::Tally;

/// A comment (WHATWG HTML, section 9.2.6): it shows that the stream lives, and makes a write happen by which the parts
/// on the way notice that a client has left.
const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// How long a listener has to write what it was given, before it is told that no more will come.
const FLUSHED: Duration = Duration::from_millis(20);

/// How long a stream may be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// When the first byte must have come.
    pub(crate) first: Instant,
    /// From one byte to the next.
    pub(crate) idle: Duration,
    /// Since when the caller has waited for something.
    pub(crate) quiet_since: Instant,
    /// After how much silence a comment is sent; `None` where the answer is no event stream.
    pub(crate) heartbeat: Option<Duration>,
}

/// The answer ends before it is whole; the caller's transfer is to be aborted.
#[derive(Debug, thiserror::Error)]
enum CutShort {
    #[error("the model server sent nothing for too long")]
    Silent,
    #[error("the model server broke off")]
    Broken(#[source] BoxError),
}

/// The body of an answer that is passed on.
pub(crate) struct Relay {
    /// What was read of it before its head was passed on.
    first: Option<Bytes>,
    /// `None` once it has ended.
    server: Option<Body>,
    lease: Option<Lease>,
    tally: Tally,
    patience: Patience,
    boundary: Boundary,
    /// When the last byte came from the server; `None` before the first.
    last_byte: Option<Instant>,
    /// When the last byte went to the caller, a comment's included.
    last_sent: Instant,
    /// What the caller's transfer is broken off with, once what was passed on has had the time to leave.
    failing: Option<BoxError>,
    /// Moved only when it fires: to move it with each frame would cost more than the frame.
    timer: Pin<Box<Sleep>>,
}

impl Relay {
    pub(crate) fn body(first: Option<Bytes>, server: Body, lease: Lease, tally: Tally, patience: Patience) -> Body {
        let now = Instant::now();
        let mut relay = Self {
            first,
            server: Some(server),
            lease: Some(lease),
            tally,
            patience,
            boundary: Boundary::default(),
            last_byte: None,
            last_sent: patience.quiet_since,
            failing: None,
            timer: Box::pin(tokio::time::sleep_until(now)),
        };
        if relay.first.is_none() {
            relay.end_if_whole();
        }
        relay.boxed_unsync()
    }

    fn pass(&mut self, data: &Bytes) {
        let now = Instant::now();
        self.last_byte = Some(now);
        self.last_sent = now;
        self.boundary.pass(data);
        self.tally.passed(data);
        self.end_if_whole();
    }

    /// A body of a known length is whole with its last byte: nobody asks for more after it.
    fn end_if_whole(&mut self) {
        if self.server.as_ref().is_some_and(Body::is_end_stream) {
            self.end(Ending::Complete);
        }
    }

    fn end(&mut self, ending: Ending) {
        self.tally.ended(ending);
        self.server = None;
        self.lease = None;
    }

    /// The answer ends before it is whole. A listener that is told so writes nothing more, not even what it was just
    /// given: so it is told a moment later.
    fn cut(&mut self, why: CutShort) {
        if let Some(lease) = &self.lease {
            tracing::info!(endpoint = lease.endpoint().name(), error = %why, "an answer broke off");
            lease.failed(Failure::Answer);
        }
        self.end(Ending::Truncated);
        self.failing = Some(Box::new(why));
        self.timer.as_mut().reset(Instant::now() + FLUSHED);
    }

    /// Once the moment has passed, what the transfer is broken off with; `None` where it is not.
    fn poll_failing(&mut self, cx: &mut Context<'_>) -> Poll<Option<BoxError>> {
        if self.failing.is_some() {
            std::task::ready!(self.timer.as_mut().poll(cx));
        }
        Poll::Ready(self.failing.take())
    }

    /// What silence calls for, now or when the timer fires next.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Silence> {
        loop {
            let now = Instant::now();
            let due = self.last_byte.map_or(self.patience.first, |last| last + self.patience.idle);
            if now >= due {
                return Poll::Ready(Silence::TooLong);
            }
            let mut next = due;
            if let Some(every) = self.patience.heartbeat {
                let beat = self.last_sent + every;
                if now >= beat {
                    self.last_sent = now;
                    if self.boundary.is_between_events() {
                        return Poll::Ready(Silence::Beat);
                    }
                    // In the middle of an event nothing may be put in: look again after as long.
                    continue;
                }
                next = next.min(beat);
            }
            if self.timer.deadline() != next {
                self.timer.as_mut().reset(next);
            }
            std::task::ready!(self.timer.as_mut().poll(cx));
        }
    }
}

enum Silence {
    Beat,
    TooLong,
}

impl http_body::Body for Relay {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Some(data) = this.first.take() {
            this.pass(&data);
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        loop {
            let Some(server) = &mut this.server else {
                return this.poll_failing(cx).map(|failing| failing.map(Err));
            };
            match Pin::new(server).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => {
                        this.pass(&data);
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    // Trailers: a model server's are nobody's business, and could pass for Weir's own.
                    Err(_) => {}
                },
                Poll::Ready(Some(Err(error))) => this.cut(CutShort::Broken(error)),
                Poll::Ready(None) => {
                    this.end(Ending::Complete);
                    return Poll::Ready(None);
                }
                Poll::Pending => match std::task::ready!(this.poll_silence(cx)) {
                    Silence::TooLong => this.cut(CutShort::Silent),
                    Silence::Beat => {
                        this.tally.heartbeat();
                        return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(HEARTBEAT)))));
                    }
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.server.is_none() && self.failing.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.server {
            Some(server) if self.patience.heartbeat.is_none() && self.first.is_none() => server.size_hint(),
            Some(_) => SizeHint::default(),
            None if self.failing.is_some() => SizeHint::default(),
            None => SizeHint::with_exact(0),
        }
    }
}
