//! Calls to other servers.

use std::time::Duration;

use http::{HeaderMap, Method};
use weir_core::{Millis, Origin};
use wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};

use crate::bindings::wasi::http::types::{Fields, RequestOptions, Scheme};
use crate::bindings::{wasi, wit_future};
use crate::request::{BodyFault, Sent, build, read_whole};
use crate::{ErrorCode, Response, TrailersResult, clock, fields};

/// How much is asked of an answer at once, in bytes: every open stream holds that much, and events are small.
const PIECE: usize = 8 * 1024;

/// A call: everything that goes over the wire, and where to.
pub struct Call {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub origin: Origin,
    /// Path and query.
    pub target: String,
    /// The headers. `content-length` is set from the body.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// How long connecting may take.
    pub connect: Millis,
}

/// An answer, of which the body has yet to be read. Dropping it breaks the call off.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: StreamReader<u8>,
    trailers: FutureReader<Result<Option<Fields>, ErrorCode>>,
    // Held so that the host is told the reading went well only when it did.
    done: FutureWriter<Result<(), ErrorCode>>,
    // Held since some hosts break the connection off without it.
    _sent: Sent,
    ended: bool,
}

/// Makes a call and waits for the head of its answer. Dropping the future breaks the call off.
///
/// # Errors
/// The host's reason.
pub async fn send(call: Call) -> Result<Answer, ErrorCode> {
    let Call { method, origin, target, mut headers, body, connect } = call;
    if !body.is_empty() || method == Method::POST {
        headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    }
    let options = RequestOptions::new();
    // A host that does not know the option has a limit of its own.
    let _ = options.set_connect_timeout(Some(connect.0.saturating_mul(1_000_000)));
    let scheme = if origin.is_tls() { Scheme::Https } else { Scheme::Http };
    let (request, sent) =
        build(&method, &target, Some(&origin.authority()), Some(&scheme), &headers, body, Some(options));
    wasi::http::client::send(request).await.map(|response| Answer::of(response, sent))
}

/// Makes a call and reads its whole answer, all within `limit`.
///
/// # Errors
/// The host's reason; `HttpResponseTimeout` when it takes too long; `HttpResponseBodySize` when it is longer than
/// `max_bytes`; `HttpResponseIncomplete` when it breaks off.
pub async fn exchange(call: Call, limit: Duration, max_bytes: usize) -> Result<(u16, HeaderMap, Vec<u8>), ErrorCode> {
    let work = async {
        let mut answer = send(call).await?;
        let (status, headers) = (answer.status, std::mem::take(&mut answer.headers));
        let body = answer.read_whole(max_bytes).await.map_err(|fault| match fault {
            BodyFault::TooLarge => ErrorCode::HttpResponseBodySize(None),
            BodyFault::Broken => ErrorCode::HttpResponseIncomplete,
        })?;
        Ok((status, headers, body))
    };
    clock::within(limit, work).await.unwrap_or(Err(ErrorCode::HttpResponseTimeout))
}

impl Answer {
    fn of(response: Response, sent: Sent) -> Self {
        let status = response.get_status_code();
        let headers = fields::from_wasi(&response.get_headers());
        let (done, on_done) = wit_future::new(|| Ok(()));
        let (body, trailers) = Response::consume_body(response, on_done);
        Self { status, headers, body, trailers, done, _sent: sent, ended: false }
    }

    /// The next piece of the body, as it came, read into `buffer`, which is cleared first; `false` at the end. How it
    /// ended, [`trailers`](Self::trailers) says.
    pub async fn next(&mut self, buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        if self.ended {
            return false;
        }
        let mut room = std::mem::take(buffer);
        if room.capacity() == 0 {
            room.reserve(PIECE);
        }
        let (result, filled) = self.body.read(room).await;
        *buffer = filled;
        self.ended = !matches!(result, StreamResult::Complete(_));
        !buffer.is_empty() || !self.ended
    }

    /// How the body ended: with trailers, or broken off.
    ///
    /// # Errors
    /// The host's reason when it broke off.
    pub async fn trailers(self) -> TrailersResult {
        let Self { body, trailers, done, .. } = self;
        drop(body);
        drop(done);
        trailers.await.map(|fields| fields.map(|fields| fields::from_wasi(&fields)))
    }

    /// Reads the body whole.
    ///
    /// # Errors
    /// [`BodyFault`].
    pub async fn read_whole(self, limit: usize) -> Result<Vec<u8>, BodyFault> {
        let Self { body, trailers, done, .. } = self;
        let bytes = read_whole(body, limit, 0, |_| true).await?;
        drop(done);
        match trailers.await {
            Ok(_) => Ok(bytes),
            Err(_) => Err(BodyFault::Broken),
        }
    }
}
