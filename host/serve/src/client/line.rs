//! Connections of HTTP/1.1 to one server: driven by the call that uses them, and kept from one call to the next.
//!
//! Such a connection has no task of its own: the call drives it, from the request's first byte to the last of the answer.
//! So a call needs no other task to be woken, and when it is dropped, its connection is closed there and then.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use tokio::time::Instant;

use super::connect::Stream;
use super::error::body_error;
use crate::body::{Body, BoxError};

/// A connection of HTTP/1.1 and its two ends.
pub(super) struct Line {
    sender: http1::SendRequest<Body>,
    connection: http1::Connection<Stream, Body>,
    over: bool,
}

/// Connections that wait for their next request, the one that has waited longest first.
pub(super) struct Idle {
    lines: Mutex<VecDeque<(Box<Line>, Instant)>>,
    most: usize,
    closed: AtomicBool,
}

impl Line {
    pub(super) fn new(sender: http1::SendRequest<Body>, connection: http1::Connection<Stream, Body>) -> Self {
        Self { sender, connection, over: false }
    }

    /// Sends a request and drives the connection until the answer's head is there.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        // What happened while it waited, its end above all, is seen before anything is given to it.
        poll_fn(|cx| {
            self.drive(cx);
            Poll::Ready(())
        })
        .await;
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| {
            self.drive(cx);
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// The answer's body, which drives the connection, and gives it back to where it is kept.
    pub(super) fn driving(self: Box<Self>, body: Incoming, home: &Arc<Idle>) -> Body {
        Driven { body, line: Some(self), home: Arc::downgrade(home) }.boxed_unsync()
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.over {
            self.over = Pin::new(&mut self.connection).poll(cx).is_ready();
        }
    }
}

impl Idle {
    /// Room for as many of them as `most`.
    pub(super) fn new(most: usize) -> Self {
        Self { lines: Mutex::default(), most, closed: false.into() }
    }

    /// The connection that was used last, if one has not waited for too long.
    pub(super) fn take(&self, timeout: Duration) -> Option<Box<Line>> {
        let (line, since) = self.lock().pop_back()?;
        if since.elapsed() < timeout {
            return Some(line);
        }
        // The others have waited even longer.
        drop(line);
        self.lock().clear();
        None
    }

    /// Keeps a connection, if there is room.
    pub(super) fn give(&self, line: Box<Line>) {
        let mut lines = self.lock();
        if lines.len() < self.most && !self.is_closed() {
            lines.push_back((line, Instant::now()));
        }
    }

    /// Closes those that have waited too long.
    pub(super) fn sweep(&self, timeout: Duration) {
        let mut lines = self.lock();
        let fresh = lines.iter().position(|(_, since)| since.elapsed() < timeout).unwrap_or(lines.len());
        let old: Vec<_> = lines.drain(..fresh).collect();
        drop(lines);
        drop(old);
    }

    /// Closes all that wait, and keeps none from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.lock().clear();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Box<Line>, Instant)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A response's body that drives its connection, and gives it back when it is at its end.
struct Driven {
    body: Incoming,
    line: Option<Box<Line>>,
    home: Weak<Idle>,
}

impl Driven {
    /// The body is whole. The connection is kept if it is ready for another request, and that at once.
    fn finish(&mut self, cx: &mut Context<'_>) {
        let Some(mut line) = self.line.take() else { return };
        line.drive(cx);
        if !line.over
            && line.sender.is_ready()
            && let Some(home) = self.home.upgrade()
        {
            home.give(line);
        }
    }
}

impl http_body::Body for Driven {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let mut polled = Pin::new(&mut this.body).poll_frame(cx);
        if polled.is_pending()
            && let Some(line) = &mut this.line
        {
            line.drive(cx);
            polled = Pin::new(&mut this.body).poll_frame(cx);
        }
        match std::task::ready!(polled) {
            Some(Ok(frame)) => {
                if this.body.is_end_stream() {
                    this.finish(cx);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                this.line = None;
                Poll::Ready(Some(Err(body_error(&error))))
            }
            None => {
                this.finish(cx);
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
