//! Calls to other servers.

use weir_core::Millis;
use wit_bindgen::{FutureReader, FutureWriter, StreamReader};

use super::bindings::wasi;
use super::bindings::wasi::http::types::{RequestOptions, Scheme};
use super::bindings::wit_future;
use super::bytes::{WasiTrailers, read, trailers};
use super::message::build;
use super::{ErrorCode, Response, fields};
use crate::TrailersResult;
use crate::call::Call;

/// The body of an answer. Dropping it breaks the call off.
pub(crate) struct Upstream {
    stream: StreamReader<u8>,
    trailers: WasiTrailers,
    // Held so that the host is told the reading went well only when it did.
    done: FutureWriter<Result<(), ErrorCode>>,
    // Held since some hosts break the connection off without it.
    _sent: FutureReader<Result<(), ErrorCode>>,
}

/// Makes a call; gives the status, the headers and the body of its answer.
pub(crate) async fn send(call: Call) -> Result<(u16, http::HeaderMap, Upstream), ErrorCode> {
    let Call { method, origin, target, headers, body, connect: Millis(connect) } = call;
    let options = RequestOptions::new();
    // A host that does not know the option has a limit of its own.
    let _ = options.set_connect_timeout(Some(connect.saturating_mul(1_000_000)));
    let scheme = if origin.is_tls() { Scheme::Https } else { Scheme::Http };
    let (request, sent) =
        build(&method, &target, Some(&origin.authority()), Some(&scheme), &headers, body, Some(options));
    let response = wasi::http::client::send(request).await?;
    let (status, headers) = (response.get_status_code(), fields::from_wasi(&response.get_headers()));
    let (done, on_done) = wit_future::new(|| Ok(()));
    let (stream, trailers) = Response::consume_body(response, on_done);
    Ok((status, headers, Upstream { stream, trailers, done, _sent: sent }))
}

impl Upstream {
    /// The next piece, in the room that `room` has; `false` after the last.
    pub(crate) async fn next(&mut self, room: Vec<u8>) -> (bool, Vec<u8>) {
        read(&mut self.stream, room).await
    }

    /// How the body ended.
    pub(crate) async fn end(self) -> TrailersResult {
        let Self { stream, trailers: said, done, .. } = self;
        drop(stream);
        drop(done);
        trailers(said).await
    }
}
