//! A model server's answer on its way through: piece by piece, none held back, none read ahead; its status in trailers.
//!
//! Whatever happens, the caller gets a status: the server's, or one that says how the answer broke off. Dropping the body, as
//! happens when the caller leaves, resets the server's stream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, Sleep};
use weir_core::grpc::{Code, MESSAGE, STATUS, STATUS_DETAILS, Status};
use weir_serve::{Body, BoxError, Ending};

use super::upload::Upload;
use crate::balance::Failure;
use crate::pool::Lease;
use crate::tally::Tally;

/// Which of a server's trailers the caller sees. Others could pass for Weir's own.
pub(super) const TRAILERS: [HeaderName; 3] =
    [HeaderName::from_static(STATUS), HeaderName::from_static(MESSAGE), HeaderName::from_static(STATUS_DETAILS)];

/// Which of a server's headers.
pub(super) const HEAD: [HeaderName; 1] = [HeaderName::from_static("grpc-encoding")];

/// How long an answer may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// When the first piece must have come.
    pub(super) first: Instant,
    /// From one piece to the next, in either direction.
    pub(super) idle: Duration,
    /// When all must have come: the caller's own deadline.
    pub(super) end: Option<Instant>,
}

/// Those of a server's fields that the caller gets.
pub(super) fn for_the_caller(fields: &HeaderMap, allowed: &[HeaderName]) -> HeaderMap {
    allowed.iter().filter_map(|name| Some((name.clone(), fields.get(name)?.clone()))).collect()
}

/// Tells the server's state what a status shows of it.
pub(super) fn report(code: Code, lease: &Lease) {
    if code.is_failure() { lease.failed(Failure::Answer) } else { lease.succeeded(None) }
}

/// The body of an answer that is passed on.
pub(super) struct Relay {
    first: Option<Bytes>,
    /// `None` once it has ended.
    server: Option<Body>,
    upload: Option<Arc<Upload>>,
    lease: Option<Lease>,
    tally: Tally,
    patience: Patience,
    /// When the last piece came from the server.
    last: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Relay {
    pub(super) fn body(
        first: Option<Bytes>,
        server: Body,
        upload: Option<Arc<Upload>>,
        lease: Lease,
        tally: Tally,
        patience: Patience,
    ) -> Body {
        let timer = Box::pin(tokio::time::sleep_until(patience.first));
        let (server, lease) = (Some(server), Some(lease));
        Self { first, server, upload, lease, tally, patience, last: None, timer }.boxed_unsync()
    }

    fn pass(&mut self, data: Bytes) -> Frame<Bytes> {
        self.last = Some(Instant::now());
        self.tally.passed_bytes(data.len());
        Frame::data(data)
    }

    /// The server told how the call ended.
    fn finish(&mut self, trailers: &HeaderMap) -> Frame<Bytes> {
        let Some(code) = Code::read(trailers) else {
            return self.cut(&Status::new(Code::Internal, "the model server ended its answer without a status"));
        };
        if let Some(lease) = &self.lease {
            report(code, lease);
        }
        self.end(code, Ending::Complete);
        Frame::trailers(for_the_caller(trailers, &TRAILERS))
    }

    /// It did not: the caller is told by this status.
    fn cut(&mut self, status: &Status) -> Frame<Bytes> {
        if let Some(lease) = &self.lease {
            tracing::info!(endpoint = lease.endpoint().name(), status = status.code.name(), "a gRPC answer broke off");
            lease.failed(Failure::Answer);
        }
        self.end(status.code, Ending::Truncated);
        Frame::trailers(status.fields())
    }

    /// The caller sent what cannot be taken, which says nothing of the server.
    fn refuse(&mut self, status: &Status) -> Frame<Bytes> {
        self.end(status.code, Ending::Refused);
        Frame::trailers(status.fields())
    }

    fn end(&mut self, code: Code, ending: Ending) {
        self.tally.grpc(code);
        self.tally.ended(ending);
        self.server = None;
        self.lease = None;
    }

    /// What silence calls for, now or when the timer fires next.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        loop {
            let now = Instant::now();
            if self.patience.end.is_some_and(|end| now >= end) {
                return Poll::Ready(Status::new(Code::DeadlineExceeded, "the call's own deadline passed"));
            }
            let sent = self.upload.as_ref().map(|upload| upload.last());
            let idle = sent.max(self.last).map(|last| last + self.patience.idle);
            let due = if self.last.is_none() { idle.max(Some(self.patience.first)) } else { idle };
            let due = due.unwrap_or(self.patience.first);
            if now >= due {
                return Poll::Ready(Status::new(Code::Unavailable, "the model server sent nothing for too long"));
            }
            let next = self.patience.end.map_or(due, |end| end.min(due));
            if self.timer.deadline() != next {
                self.timer.as_mut().reset(next);
            }
            std::task::ready!(self.timer.as_mut().poll(cx));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(self.pass(first)));
        }
        loop {
            let Some(server) = &mut self.server else { return Poll::Ready(None) };
            let fault = self.upload.as_ref().and_then(|upload| upload.watch(cx));
            if let Some(error) = fault {
                return Poll::Ready(Some(self.refuse(&Status::from(&error))));
            }
            let broken = || Status::new(Code::Unavailable, "the model server broke off");
            return Poll::Ready(Some(match Pin::new(server).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) => self.pass(data),
                    Err(frame) => self.finish(&frame.into_trailers().unwrap_or_default()),
                },
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "a model server's stream failed");
                    // It may have been ended from this side, for what the caller sent.
                    if self.upload.as_ref().is_some_and(|upload| upload.fault().is_some()) {
                        continue;
                    }
                    self.cut(&broken())
                }
                Poll::Ready(None) => self.cut(&broken()),
                Poll::Pending => {
                    let status = std::task::ready!(self.poll_silence(cx));
                    self.cut(&status)
                }
            }));
        }
    }
}

impl http_body::Body for Relay {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.poll(cx).map(|frame| frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.server.is_none()
    }
}
