//! Calls to other servers.

use std::future::Future;

use wit_bindgen::{FutureWriter, StreamReader};

use super::bindings::wasi;
use super::bindings::wasi::http::types::{RequestOptions, Scheme};
use super::bindings::wit_future;
use super::bytes::{Outflow, WasiTrailers, read, trailers};
use super::message::{Sent, build, set_head};
use super::{ErrorCode, Request, Response, fields};
use crate::TrailersResult;
use crate::call::Call;

/// The body of an answer. Dropping it breaks the call off.
pub(crate) struct Upstream {
    stream: StreamReader<u8>,
    trailers: WasiTrailers,
    // Held so that the host is told the reading went well only when it did.
    done: FutureWriter<Result<(), ErrorCode>>,
    // Held since some hosts break the connection off without it.
    _sent: Sent,
}

/// What comes back of a call: the status, the headers and the body of its answer.
type Answered = Result<(u16, http::HeaderMap, Upstream), ErrorCode>;

/// Makes a call whose body is at hand.
pub(crate) async fn send(call: Call) -> Answered {
    let (options, scheme) = (options(&call), scheme(&call));
    let Call { method, origin, target, headers, body, .. } = call;
    let (request, sent) = build(&method, &target, Some(&origin.authority()), Some(&scheme), &headers, body, options);
    answered(request, sent).await
}

/// Makes a call whose body is yet to be written.
pub(crate) fn open(call: &Call) -> Result<(impl Future<Output = Answered> + use<>, Outflow), ErrorCode> {
    let (outflow, stream, trailers) = Outflow::open();
    let (request, sent) = Request::new(fields::to_wasi(&call.headers), Some(stream), trailers, options(call));
    set_head(&request, &call.method, &call.target, Some(&call.origin.authority()), Some(&scheme(call)));
    Ok((answered(request, sent), outflow))
}

async fn answered(request: Request, sent: Sent) -> Answered {
    let response = wasi::http::client::send(request).await?;
    let (status, headers) = (response.get_status_code(), fields::from_wasi(&response.get_headers()));
    let (done, on_done) = wit_future::new(|| Ok(()));
    let (stream, trailers) = Response::consume_body(response, on_done);
    Ok((status, headers, Upstream { stream, trailers, done, _sent: sent }))
}

fn options(call: &Call) -> Option<RequestOptions> {
    let options = RequestOptions::new();
    // A host that does not know the option has a limit of its own.
    let _ = options.set_connect_timeout(Some(call.connect.0.saturating_mul(1_000_000)));
    Some(options)
}

fn scheme(call: &Call) -> Scheme {
    if call.origin.is_tls() { Scheme::Https } else { Scheme::Http }
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
