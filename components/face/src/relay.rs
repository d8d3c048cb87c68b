//! Responses that are passed on: their stream as a handle, their trailers read.
//!
//! No byte of the stream goes through the component, which would cost it a copy a chunk.

use std::future::Future;
use std::time::Duration;

use http::HeaderMap;
use wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};

use crate::bindings::wasi::http::types::Fields;
use crate::bindings::wit_future;
use crate::{ErrorCode, Response, TrailersResult, clock, fields};

/// For how long an ending that the client must see as an abort is held back: an HTTP/1 host may drop what it has
/// not flushed when a body fails, and the last event must get out first.
const FLUSH: Duration = Duration::from_millis(20);

/// A response from the next part in.
pub struct Relay {
    /// The status.
    pub status: u16,
    /// The headers; what is changed here goes on.
    pub headers: HeaderMap,
    body: StreamReader<u8>,
    trailers: FutureReader<Result<Option<Fields>, ErrorCode>>,
    tell_inner: FutureWriter<Result<(), ErrorCode>>,
}

impl Relay {
    /// Takes a response apart.
    #[must_use]
    pub fn of(response: Response) -> Self {
        let status = response.get_status_code();
        let headers = fields::from_wasi(&response.get_headers());
        let (tell_inner, transmitted) = wit_future::new(|| Ok(()));
        let (body, trailers) = Response::consume_body(response, transmitted);
        Self { status, headers, body, trailers, tell_inner }
    }

    /// Passes the response on, trailers and all.
    #[must_use]
    pub fn pass_on(self) -> Response {
        self.pass_on_with(std::future::ready)
    }

    /// Passes the response on. When it has ended, `settle` gets its trailers and says what goes on in their place.
    ///
    /// `settle` runs in a task of its own and whatever happens: when the client left, the part that writes the
    /// stream learns so at its next write, and ends it with trailers that say so.
    pub fn pass_on_with<F, Settled>(self, settle: F) -> Response
    where
        F: FnOnce(TrailersResult) -> Settled + 'static,
        Settled: Future<Output = TrailersResult> + 'static,
    {
        let Self { status, headers, body, trailers, tell_inner } = self;
        let (for_client, on_trailers) = wit_future::new(|| Ok(None));
        let (response, transmitted) = Response::new(fields::to_wasi(&headers), Some(body), on_trailers);
        let _ = response.set_status_code(status);
        crate::spawn(async move {
            let said = settle(read(trailers.await)).await;
            // Nobody may be listening any more.
            let _ = for_client.write(said.map(|map| map.map(|map| fields::to_wasi(&map)))).await;
        });
        crate::spawn(async move {
            let _ = tell_inner.write(transmitted.await).await;
        });
        response
    }

    /// Reads the response to its end and gives up to `limit` bytes of its body, and its trailers: an attempt that
    /// is not passed on must still be heard to its end, or what it holds would never be settled.
    pub async fn drain(self, limit: usize) -> (Vec<u8>, TrailersResult) {
        let Self { mut body, trailers, tell_inner, .. } = self;
        let mut kept = Vec::new();
        let mut chunk = Vec::with_capacity(crate::request::CHUNK);
        loop {
            let (result, filled) = body.read(chunk).await;
            let room = limit - kept.len();
            kept.extend_from_slice(&filled[..filled.len().min(room)]);
            if !matches!(result, StreamResult::Complete(_)) {
                break;
            }
            chunk = filled;
            chunk.clear();
        }
        drop(body);
        drop(tell_inner);
        (kept, read(trailers.await))
    }
}

/// Waits until the last event is out, and gives the error that makes the host abort the transfer.
///
/// To be returned by the outermost part of Weir from [`Relay::pass_on_with`] when the ending is a truncated one.
pub async fn abort() -> TrailersResult {
    clock::sleep(FLUSH).await;
    Err(ErrorCode::ConnectionTerminated)
}

fn read(trailers: Result<Option<Fields>, ErrorCode>) -> TrailersResult {
    trailers.map(|fields| fields.map(|fields| self::fields::from_wasi(&fields)))
}
