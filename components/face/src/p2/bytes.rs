//! Bodies.

use std::future::poll_fn;

use futures::StreamExt as _;
use futures::channel::mpsc;
use wasip2::http::types::{FutureTrailers, IncomingBody, OutgoingBody};
use wasip2::io::streams::{InputStream, StreamError};
use wstd::io::AsyncOutputStream;
use wstd::runtime::AsyncPollable;

use super::{ErrorCode, fields};
use crate::TrailersResult;

/// A pipe within this component, that holds one piece.
pub(crate) fn pipe() -> (ByteWriter, ByteReader) {
    let (writer, reader) = mpsc::channel(0);
    (ByteWriter(writer), ByteReader(reader))
}

/// Where a body is written.
pub(crate) struct ByteWriter(mpsc::Sender<Vec<u8>>);

impl ByteWriter {
    /// Writes `bytes` as one piece, as soon as the one before was taken; `false` when the reader has left.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> bool {
        poll_fn(|context| self.0.poll_ready(context)).await.is_ok() && self.0.start_send(bytes).is_ok()
    }
}

/// Where a response's body is read.
pub(crate) struct ByteReader(mpsc::Receiver<Vec<u8>>);

impl ByteReader {
    /// The next piece; `false` after the last. The pieces are there already, so that `_room` is not needed.
    pub(crate) async fn next(&mut self, _room: Vec<u8>) -> (bool, Vec<u8>) {
        match self.0.next().await {
            Some(piece) => (true, piece),
            None => (false, Vec::new()),
        }
    }
}

/// A body that comes from the host. What is declared first is dropped first: WASI 0.2 traps where a parent goes before
/// its child.
pub(crate) struct Inflow {
    readable: AsyncPollable,
    stream: InputStream,
    body: IncomingBody,
    broken: bool,
}

impl Inflow {
    /// The body, of which nothing was read yet.
    pub(super) fn of(body: IncomingBody) -> Option<Self> {
        let stream = body.stream().ok()?;
        Some(Self { readable: AsyncPollable::new(stream.subscribe()), stream, body, broken: false })
    }

    /// The next piece, as long as `room` has capacity for; `false` after the last.
    pub(crate) async fn next(&mut self, room: Vec<u8>) -> (bool, Vec<u8>) {
        loop {
            self.readable.wait_for().await;
            match self.stream.read(room.capacity() as u64) {
                // That it is readable is a hint, no promise.
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => return (true, piece),
                Err(StreamError::Closed) => return (false, Vec::new()),
                // Why, `http-error-code` could tell; but there is a host where it throws, and nobody asks.
                Err(StreamError::LastOperationFailed(_)) => {
                    self.broken = true;
                    return (false, Vec::new());
                }
            }
        }
    }

    /// How the body ended.
    pub(crate) async fn end(self) -> TrailersResult {
        let Self { readable, stream, body, broken } = self;
        drop(readable);
        drop(stream);
        if broken {
            return Err(ErrorCode::ConnectionTerminated);
        }
        trailers(IncomingBody::finish(body)).await
    }
}

/// Where the body of a request is written. One that is dropped unfinished has broken off. The stream is declared, and so
/// dropped, before its parent.
pub(crate) struct Outflow {
    stream: AsyncOutputStream,
    body: OutgoingBody,
}

impl Outflow {
    /// The body, of which nothing was written yet.
    pub(super) fn of(body: OutgoingBody) -> Option<Self> {
        let stream = AsyncOutputStream::new(body.write().ok()?);
        Some(Self { stream, body })
    }

    /// Writes `bytes`, and waits until they are taken; `false` when the other side takes no more.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> bool {
        bytes.is_empty() || self.stream.write_all(&bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Ends the body.
    pub(crate) async fn finish(self) {
        let Self { stream, body } = self;
        drop(stream);
        // Nobody may be listening any more.
        let _ = OutgoingBody::finish(body, None);
    }
}

async fn trailers(trailers: FutureTrailers) -> TrailersResult {
    AsyncPollable::new(trailers.subscribe()).wait_for().await;
    match trailers.get() {
        Some(Ok(Ok(said))) => Ok(said.map(|said| fields::from_wasi(&said))),
        Some(Ok(Err(code))) => Err(code),
        // Not there though it was waited for, or taken already: neither happens.
        Some(Err(())) | None => Ok(None),
    }
}
