//! Responses that are passed on: their stream as a handle, their trailers read.
//!
//! No byte of the stream goes through the component, which would cost it a copy a chunk.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::HeaderMap;

use crate::platform::{self, ByteReader};
use crate::{ErrorCode, TrailersResult, clock};

/// For how long an ending that the client must see as an abort is held back: an HTTP/1 host may drop what it has
/// not flushed when a body fails, and the last event must get out first.
const FLUSH: Duration = Duration::from_millis(20);

/// A response on its way from one part to the next.
pub struct Response(Kind);

pub(crate) enum Kind {
    /// As the host has it, untouched.
    Host(platform::Response),
    /// Taken apart, or made here.
    Own(Box<Relay>),
}

/// A response from the next part in.
pub struct Relay {
    /// The status.
    pub status: u16,
    /// The headers; what is changed here goes on.
    pub headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) trailers: Trailers,
}

/// The body of a response.
pub(crate) enum Body {
    Whole(Vec<u8>),
    Flow(ByteReader),
}

/// The trailers of a response, when its body has ended.
pub(crate) type Trailers = Pin<Box<dyn Future<Output = TrailersResult>>>;

impl From<platform::Response> for Response {
    fn from(response: platform::Response) -> Self {
        Self(Kind::Host(response))
    }
}

impl Response {
    pub(crate) fn into_kind(self) -> Kind {
        self.0
    }
}

impl Relay {
    /// Takes a response apart.
    #[must_use]
    pub fn of(response: Response) -> Self {
        match response.0 {
            Kind::Host(response) => platform::open_response(response),
            Kind::Own(relay) => *relay,
        }
    }

    /// Passes the response on, trailers and all.
    #[must_use]
    pub fn pass_on(self) -> Response {
        Response(Kind::Own(Box::new(self)))
    }

    /// Passes the response on. When it has ended, `settle` gets its trailers and says what goes on in their place.
    ///
    /// `settle` runs whatever happens, in a task of the outermost part of the component: when the client left, the
    /// part that writes the stream learns so at its next write, and ends it with trailers that say so.
    pub fn pass_on_with<F, Settled>(self, settle: F) -> Response
    where
        F: FnOnce(TrailersResult) -> Settled + 'static,
        Settled: Future<Output = TrailersResult> + 'static,
    {
        let Self { status, headers, body, trailers } = self;
        let trailers = Box::pin(async move { settle(trailers.await).await });
        Self { status, headers, body, trailers }.pass_on()
    }

    /// Reads the response to its end and gives up to `limit` bytes of its body, and its trailers: an attempt that
    /// is not passed on must still be heard to its end, or what it holds would never be settled.
    pub async fn drain(self, limit: usize) -> (Vec<u8>, TrailersResult) {
        let Self { body, trailers, .. } = self;
        let kept = match body {
            Body::Whole(mut bytes) => {
                bytes.truncate(limit);
                bytes
            }
            Body::Flow(reader) => read_up_to(reader, limit).await,
        };
        (kept, trailers.await)
    }
}

async fn read_up_to(mut reader: ByteReader, limit: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = Vec::with_capacity(crate::request::CHUNK);
    loop {
        let (more, filled) = reader.next(chunk).await;
        let room = limit - kept.len();
        kept.extend_from_slice(&filled[..filled.len().min(room)]);
        if !more {
            return kept;
        }
        chunk = filled;
        chunk.clear();
    }
}

/// Waits until the last event is out, and gives the error that makes the host abort the transfer.
///
/// To be returned by the outermost part of Weir from [`Relay::pass_on_with`] when the ending is a truncated one.
pub async fn abort() -> TrailersResult {
    clock::sleep(FLUSH).await;
    Err(ErrorCode::ConnectionTerminated)
}
