//! What every listener of Weir, and every call that its host makes, stands on.
//!
//! A gateway is judged by how it behaves with peers that misbehave. hyper is a very good HTTP
//! library, but a bare hyper server has no connection cap, no deadline for a TLS handshake, no idle
//! deadline for bodies, and is lenient about framing in ways that let two readers disagree about
//! where one request ends. This crate adds what is missing, once, for the edge, for tier two, for
//! the control plane and for the simulator:
//!
//! - [`serve`] is the accept loop: HTTP/1.1, HTTP/2 (by prior knowledge or ALPN) and TLS, with every
//!   limit in [`ServeLimits`], a graceful stop by [`Shutdown`], and the [`guard`] in front of hyper.
//! - [`Client`] is the pooled client for upstream calls, with errors that say what happened
//!   ([`ClientError`]) and a [`NetworkPolicy`] that is checked after name resolution.
//! - [`AccessLog`] writes one JSON line a request from an allow-list of fields.
//!
//! # When the client leaves
//!
//! **Dropping is how a service learns that its client left.** There is no flag to ask: when the
//! connection goes (FIN or RST, or RST_STREAM on HTTP/2), the service's future, or the response body
//! it returned, is dropped, usually within a millisecond. A service that must do something on that
//! way out (settle a reservation, cancel an upstream call) does it in a `Drop`, or keeps that work
//! in a task of its own. A client that closes only its sending half counts as gone.
//!
//! One limit of this promise: while a service neither reads the request body nor answers, an
//! HTTP/1.1 connection is not read, so that a client's leaving goes unnoticed until the body is
//! read, or an answer written. Read the body first.
//!
//! # Example
//!
//! ```
//! use weir_serve::{Body, Client, ClientOptions, Listener, ServeLimits, Shutdown, full, serve};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Listener::bind("127.0.0.1:0".parse()?)?;
//! let address = listener.local_addr();
//! let (trigger, shutdown) = Shutdown::new();
//!
//! let hello = |_request: http::Request<Body>, peer: weir_serve::Peer| async move {
//!     http::Response::new(full(format!("hello, {}", peer.addr.ip())))
//! };
//! let server = tokio::spawn(serve(listener, None, hello, ServeLimits::default(), shutdown));
//!
//! let client = Client::new(ClientOptions::default())?;
//! let request = http::Request::get(format!("http://{address}/")).body(weir_serve::empty())?;
//! let response = client.send(request).await?;
//! assert_eq!(response.status(), 200);
//! drop(response);
//!
//! trigger.drain(std::time::Duration::from_secs(1));
//! assert_eq!(server.await?.cut, 0);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod body;
mod client;
mod connection;
mod exchange;
pub mod guard;
mod limits;
mod listener;
mod shutdown;
mod tls;

pub use access::{AccessLog, AccessRecord, Ending};
pub use body::{Body, BoxError, RequestBodyError, empty, full};
pub use client::{
    Client, ClientBuildError, ClientError, ClientOptions, Dialer, NetworkPolicy, Target, TargetError, TlsRoots,
    Upstream,
};
pub use guard::hop::strip_hop_by_hop;
pub use limits::{H2Limits, ServeLimits};
pub use listener::{Drained, Listener, Peer, serve};
pub use shutdown::{Shutdown, ShutdownTrigger};
pub use tls::{ServerTlsError, server_tls};
