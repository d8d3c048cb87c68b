//! The pooled HTTP client for upstream calls.
//!
//! It keeps connections (HTTP/1.1 keep-alive, HTTP/2 where TLS negotiates it or by prior knowledge),
//! sets `TCP_NODELAY`, follows no redirect, takes no proxy from the environment, and says what went
//! wrong by type. Dropping the future of [`Client::send`], or the response's body, closes the
//! upstream connection (HTTP/1.1) or resets the stream (HTTP/2) at once: that is how a call is
//! cancelled.
//!
//! A request is written again by itself in one case only: it was given to a pooled connection that
//! turned out closed, and not one byte of it had been written. Any other retry is the caller's
//! decision.

mod connect;
mod error;
mod line;
mod network;
mod options;
mod resolve;
mod sending;
mod upstream;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::client::legacy;
use hyper_util::rt::TokioTimer;

use crate::body::Body;
use crate::guard::hop::strip_hop_by_hop;

use connect::Connector;
pub use error::ClientError;
use error::body_error;
pub use network::NetworkPolicy;
pub use options::{ClientBuildError, ClientOptions, TlsRoots};
use sending::{Tasks, held, holding};
pub use upstream::{Dialer, Target, TargetError, Upstream};

/// How much of one answer over HTTP/2 may come before it is read, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same of all answers on one connection: as much as 128 that nobody reads, the most that servers commonly allow at
/// once, so that they hold up none of the others.
const CONNECTION_WINDOW: u32 = 128 * STREAM_WINDOW;

/// A pool of connections to upstreams. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Client(legacy::Client<Connector, Body>);

impl Client {
    /// A client with its own pool.
    ///
    /// # Errors
    /// When the trust roots cannot be loaded.
    pub fn new(options: ClientOptions) -> Result<Self, ClientBuildError> {
        let mut builder = legacy::Client::builder(Tasks);
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.pool_idle_timeout)
            .pool_max_idle_per_host(options.pool_max_idle_per_host)
            .http1_max_buf_size(32 * 1024)
            .http1_max_headers(options.max_headers)
            .http2_only(options.h2c)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_frame_size(16 * 1024)
            .http2_max_header_list_size(64 * 1024)
            .http2_max_concurrent_reset_streams(1024)
            .http2_max_local_error_reset_streams(128)
            .http2_max_pending_accept_reset_streams(20)
            .http2_max_send_buf_size(256 * 1024)
            .http2_keep_alive_interval(options.h2_keep_alive_interval)
            .http2_keep_alive_timeout(options.h2_keep_alive_timeout)
            .http2_keep_alive_while_idle(true)
            .retry_canceled_requests(true);
        Ok(Self(builder.build(Connector::new(options)?)))
    }

    /// Sends a request, whose URI is absolute (`http` or `https`), and waits for the head of the
    /// response. `Host` is set from the URI where the request has none.
    ///
    /// There is no deadline but that for connecting: bound the wait with `tokio::time::timeout`.
    /// The response has no hop-by-hop headers; its body fails with a [`ClientError`].
    ///
    /// # Errors
    /// [`ClientError::is_connect`] tells those where no byte of the request was written.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, ClientError> {
        let (request, hold) = held(request);
        let response = self.0.request(request).await.map_err(|error| ClientError::from_legacy(&error))?;
        let (mut parts, body) = response.into_parts();
        strip_hop_by_hop(&mut parts.headers);
        let body = body.map_err(|error| body_error(&error)).boxed_unsync();
        Ok(Response::from_parts(parts, holding(body, hold)))
    }
}
