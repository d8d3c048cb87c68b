//! What stands between a socket and hyper, so that a request has one reading only.
//!
//! Two parties that disagree about where a request ends can be made to see different requests: that
//! is request smuggling. hyper 1.12 is safe on its own in most cases, but not strict in all. On its
//! own it (a test holds each of these)
//!
//! - takes `Content-Length` together with `Transfer-Encoding` (the length is dropped before a service
//!   could see it, and the connection closed after the answer),
//! - takes a bare LF as a line's end, in heads and trailers,
//! - takes any coding before a last `chunked`, two equal lengths, and blank lines before a request,
//! - has no opinion on `Host`.
//!
//! So each HTTP/1 connection is read through a [`Framer`]: a strict, sans-IO reader of message
//! boundaries that hands bytes on only when they can be read in one way. A head is handed on whole,
//! or not at all; what it refuses, hyper never sees. Since the framer accepts a subset of what hyper
//! accepts, and both follow RFC 9112 on it, they agree on boundaries; tests compare the two.
//!
//! What is left to hyper, and relied on: the characters of a URI, the HTTP/1 writer, `100-continue`,
//! most of HTTP/2 (h2 refuses `connection`, `transfer-encoding`, and bodies that differ from their
//! `content-length`). What holds for both versions (`Host`, `:authority`, the target's form, the
//! number of headers) is checked after parsing, in [`target`].
//!
//! For HTTP/2 only frames that cost their sender nothing are counted (`flood.rs`), which h2 does not.
//!
//! A second request is never handed on before the first is answered. So bytes that follow an
//! `Upgrade` can be told from a request (they are never taken as one), and a client that has
//! pipelined is still watched for leaving.

mod chunks;
mod flood;
mod framer;
mod head;
pub mod hop;
mod io;
pub mod target;
mod wire;

use http::StatusCode;

pub use framer::{FrameLimits, Framer, Step};
pub(crate) use io::GuardedIo;
pub(crate) use wire::{InFlight, Wire};

/// Why a request was not given to the service. After it, an HTTP/1 connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no request, or could be read in more than one way.
    #[error("bad request: {0}")]
    Malformed(&'static str),
    /// Its head is too long, or has too many fields.
    #[error("the request's headers are too large")]
    HeadTooLarge,
    /// Its head did not arrive in time.
    #[error("the request's headers did not arrive in time")]
    HeadTooSlow,
    /// It announces a longer body than the listener takes.
    #[error("the request body is too large")]
    BodyTooLarge,
    /// `CONNECT`: this is no forward proxy.
    #[error("this method is not supported")]
    Method,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("this HTTP version is not supported")]
    Version,
}

impl Refusal {
    /// 400, 405, 408, 413, 431 or 505.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::HeadTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }
}
