//! Bodies: streams of bytes, each with a future for its trailers beside it.

use wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter};

use super::bindings::wasi::http::types::Fields;
use super::bindings::{wit_future, wit_stream};
use super::{ErrorCode, fields};
use crate::TrailersResult;

/// A future of WASI's for trailers, as messages carry it.
pub(super) type WasiTrailers = FutureReader<Result<Option<Fields>, ErrorCode>>;

/// A pipe within this component, or from it to whoever takes the response.
pub(crate) fn pipe() -> (ByteWriter, ByteReader) {
    let (writer, reader) = wit_stream::new();
    (ByteWriter(writer), ByteReader { stream: reader, tell: None })
}

/// Where a body is written.
pub(crate) struct ByteWriter(StreamWriter<u8>);

impl ByteWriter {
    /// Writes `bytes` as one piece, and waits until it is taken; `false` when the reader has left.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> bool {
        self.0.write_all(bytes).await.is_empty()
    }
}

/// Where the body of a request is written, and how it ends. One that is dropped unfinished has broken off.
pub(crate) struct Outflow {
    body: StreamWriter<u8>,
    trailers: FutureWriter<Result<Option<Fields>, ErrorCode>>,
}

impl Outflow {
    /// With what a request is made of.
    pub(super) fn open() -> (Self, StreamReader<u8>, WasiTrailers) {
        let (body, stream) = wit_stream::new();
        let (trailers, on_trailers) = wit_future::new(|| Err(ErrorCode::ConnectionTerminated));
        (Self { body, trailers }, stream, on_trailers)
    }

    /// Writes `bytes` as one piece, and waits until it is taken; `false` when the reader has left.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> bool {
        self.body.write_all(bytes).await.is_empty()
    }

    /// Ends the body.
    pub(crate) async fn finish(self) {
        drop(self.body);
        // Nobody may be listening any more.
        let _ = self.trailers.write(Ok(None)).await;
    }
}

/// Where a response's body is read, or handed on as it is.
pub(crate) struct ByteReader {
    pub(super) stream: StreamReader<u8>,
    /// Tells the part that wrote it how its transmission went.
    pub(super) tell: Option<FutureWriter<Result<(), ErrorCode>>>,
}

impl ByteReader {
    /// The next piece, in the room that `room` has; `false` after the last.
    pub(crate) async fn next(&mut self, room: Vec<u8>) -> (bool, Vec<u8>) {
        read(&mut self.stream, room).await
    }
}

/// The body of a request, and how it ended.
pub(crate) struct Inflow {
    pub(super) stream: StreamReader<u8>,
    pub(super) trailers: WasiTrailers,
}

impl Inflow {
    /// The next piece, in the room that `room` has; `false` after the last.
    pub(crate) async fn next(&mut self, room: Vec<u8>) -> (bool, Vec<u8>) {
        read(&mut self.stream, room).await
    }

    /// How the body ended.
    pub(crate) async fn end(self) -> TrailersResult {
        drop(self.stream);
        trailers(self.trailers).await
    }
}

pub(super) async fn read(stream: &mut StreamReader<u8>, room: Vec<u8>) -> (bool, Vec<u8>) {
    let (result, filled) = stream.read(room).await;
    (matches!(result, StreamResult::Complete(_)), filled)
}

pub(super) async fn trailers(trailers: WasiTrailers) -> TrailersResult {
    trailers.await.map(|fields| fields.map(|fields| fields::from_wasi(&fields)))
}
