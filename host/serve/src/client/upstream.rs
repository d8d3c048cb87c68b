//! One server, and the connections that are kept to it.
//!
//! [`Client`](super::Client) keeps connections to whatever it is asked for, by name. Where a caller knows its servers, a
//! pool for each costs less and can do more: it is closed when its server leaves, each server has its own limits, trust
//! and name, and the request's address is made once.
//!
//! A connection of HTTP/1.1 belongs to one call at a time, which drives it ([`Line`]). One of HTTP/2 is shared, and has a
//! task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::rt::TokioTimer;
use rustls::pki_types::ServerName;

use super::connect::{Connector, server_name};
use super::error::body_error;
use super::line::{Idle, Line};
use super::sending::{Tasks, held, holding};
use super::{CONNECTION_WINDOW, ClientBuildError, ClientError, ClientOptions, STREAM_WINDOW, TlsRoots};
use crate::body::Body;
use crate::guard::hop::strip_hop_by_hop;

/// How many connections one request may be given, beside those that were kept.
const CONNECTIONS: usize = 2;

/// How connections are made: whom to trust, which addresses may be reached, how long it may take. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dialer {
    connector: Connector,
    options: Arc<ClientOptions>,
}

impl Dialer {
    /// One by these options. Of `h2c` nothing is heeded: each [`Upstream`] says it itself.
    ///
    /// # Errors
    /// When the trust roots cannot be loaded.
    pub fn new(options: ClientOptions) -> Result<Self, ClientBuildError> {
        let options = ClientOptions { h2c: false, ..options };
        Ok(Self { connector: Connector::new(options.clone())?, options: Arc::new(options) })
    }

    /// The same, but with these authorities alone to trust: certificates in PEM.
    ///
    /// # Errors
    /// When they cannot be read, or there are none.
    pub fn trusting(&self, pem: &[u8]) -> Result<Self, ClientBuildError> {
        let connector = self.connector.trusting(TlsRoots::Pem(pem.to_vec()))?;
        Ok(Self { connector, options: self.options.clone() })
    }

    /// The same, but without anybody to trust: what is called over TLS cannot be reached.
    ///
    /// # Errors
    /// When rustls refuses it, which it does not.
    pub fn trusting_nobody(&self) -> Result<Self, ClientBuildError> {
        Ok(Self { connector: self.connector.trusting(TlsRoots::Nobody)?, options: self.options.clone() })
    }
}

/// Where a server is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whether over TLS.
    pub tls: bool,
    /// The host, an IPv6 address in its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What requests say as their `Host` or `:authority`.
    pub authority: String,
    /// The name that the certificate must have, where it is not `host`.
    pub server_name: Option<String>,
    /// Whether HTTP/2 is spoken without asking; over TLS it is asked.
    pub h2c: bool,
}

/// A target that cannot be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Neither a name nor an address.
    #[error("`{0}` is no name that a certificate can have")]
    ServerName(String),
    /// No authority.
    #[error("`{0}` is no host, or no host and port")]
    Authority(String),
}

/// One server, and the connections that are kept to it. Cheap to clone; clones share the connections.
#[derive(Clone, Debug)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    dialer: Dialer,
    host: Arc<str>,
    port: u16,
    tls: Option<ServerName<'static>>,
    host_header: HeaderValue,
    authority: Authority,
    /// Whether the server is known to speak HTTP/2: stated, or found out.
    speaks_h2: AtomicBool,
    idle: Arc<Idle>,
    shared: Mutex<Option<http2::SendRequest<Body>>>,
    /// Where connections are shared, one call makes them for all.
    dialing: tokio::sync::Mutex<()>,
}

impl Upstream {
    /// A server, to which nothing is connected yet.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn new(dialer: Dialer, target: &Target) -> Result<Self, TargetError> {
        let wrong = || TargetError::Authority(target.authority.clone());
        let authority: Authority = target.authority.parse().map_err(|_| wrong())?;
        let name = target.server_name.as_deref().unwrap_or(&target.host);
        let tls = target.tls.then(|| server_name(name).map_err(|_| TargetError::ServerName(name.to_owned())));
        Ok(Self(Arc::new(Inner {
            host: target.host.as_str().into(),
            port: target.port,
            tls: tls.transpose()?,
            host_header: HeaderValue::from_str(&target.authority).map_err(|_| wrong())?,
            authority,
            speaks_h2: target.h2c.into(),
            idle: Arc::new(Idle::new(dialer.options.pool_max_idle_per_host)),
            shared: Mutex::default(),
            dialing: tokio::sync::Mutex::default(),
            dialer,
        })))
    }

    /// Sends a request, of whose URI only path and query count, and waits for the head of the response. `Host` is the
    /// target's, whatever the request has.
    ///
    /// There is no deadline but that for connecting. Dropping the future, or the response's body, closes the connection
    /// (HTTP/1.1) or resets the stream (HTTP/2). The response has no hop-by-hop headers; its body fails with a
    /// [`ClientError`].
    ///
    /// # Errors
    /// [`ClientError::is_connect`] tells those where no byte of the request was written.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, ClientError> {
        let (mut request, hold) = held(request);
        let mut made = 0;
        let mut response = loop {
            let (outcome, unsent) = match self.0.idle.take(self.0.dialer.options.pool_idle_timeout) {
                Some(line) => self.send_on(line, request).await,
                // A connection that is closed as soon as it is made can be made for ever.
                None if made == CONNECTIONS => return Err(ClientError::Closed(Arc::new(NotTaken))),
                None => {
                    made += 1;
                    self.send_on_new(request).await?
                }
            };
            match (outcome, unsent) {
                (Some(outcome), _) => break outcome?,
                // Not a byte of it was written, to a connection that turned out closed.
                (None, Some(unsent)) => request = unsent,
                (None, None) => return Err(ClientError::InvalidUri("it cannot be sent as it stands")),
            }
        };
        strip_hop_by_hop(response.headers_mut());
        Ok(response.map(|body| holding(body, hold)))
    }

    /// Closes the connections that have waited too long for a request. To be called now and then.
    pub fn sweep(&self) {
        self.0.idle.sweep(self.0.dialer.options.pool_idle_timeout);
    }

    /// Closes all connections that wait, and keeps none from now on. Requests that are under way go on.
    pub fn close(&self) {
        self.0.idle.close();
        *self.0.shared() = None;
    }

    /// How many connections wait for a request; one that is shared is not among them.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.0.idle.len()
    }

    /// Sends a request on the connection that all share, or on one of its own.
    async fn send_on_new(&self, request: Request<Body>) -> Result<Sent, ClientError> {
        if self.0.speaks_h2.load(Ordering::Relaxed) {
            return self.send_shared(request).await;
        }
        Ok(match self.0.dial().await? {
            Dialed::Line(line) => self.send_on(line, request).await,
            // It was the handshake that told: from now on it is known.
            Dialed::Shared(sender) => {
                self.0.share(sender);
                return self.send_shared(request).await;
            }
        })
    }

    async fn send_on(&self, mut line: Box<Line>, mut request: Request<Body>) -> Sent {
        request.headers_mut().insert(HOST, self.0.host_header.clone());
        *request.version_mut() = Version::HTTP_11;
        match line.exchange(request).await {
            Ok(response) => {
                let response = response.map(|body| line.driving(body, &self.0.idle));
                (Some(Ok(response)), None)
            }
            Err(error) => failed(error),
        }
    }

    async fn send_shared(&self, mut request: Request<Body>) -> Result<Sent, ClientError> {
        let mut sender = self.shared().await?;
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(if self.0.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(self.0.authority.clone());
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        *request.uri_mut() =
            Uri::from_parts(parts).map_err(|_| ClientError::InvalidUri("its path is none that can be asked for"))?;
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().remove(HOST);
        Ok(match sender.try_send_request(request).await {
            Ok(response) => {
                let response = response.map(|body| body.map_err(|error| body_error(&error)).boxed_unsync());
                (Some(Ok(response)), None)
            }
            Err(error) => failed(error),
        })
    }

    /// The connection that all share; made where there is none, or none any more.
    async fn shared(&self) -> Result<http2::SendRequest<Body>, ClientError> {
        let known = || self.0.shared().clone().filter(|sender| !sender.is_closed());
        if let Some(sender) = known() {
            return Ok(sender);
        }
        let _dialing = self.0.dialing.lock().await;
        if let Some(sender) = known() {
            return Ok(sender);
        }
        match self.0.dial().await? {
            Dialed::Shared(sender) => {
                self.0.share(sender.clone());
                Ok(sender)
            }
            // It spoke HTTP/2 before and does not now: another server has its address.
            Dialed::Line(line) => {
                self.0.speaks_h2.store(false, Ordering::Relaxed);
                self.0.idle.give(line);
                Err(ClientError::Closed(Arc::new(NotH2)))
            }
        }
    }
}

/// The answer, or what was wrong; or neither, where the request comes back unsent.
type Sent = (Option<Result<Response<Body>, ClientError>>, Option<Request<Body>>);

fn failed(mut error: TrySendError<Request<Body>>) -> Sent {
    match error.take_message() {
        Some(unsent) => (None, Some(unsent)),
        None => (Some(Err(ClientError::from_body(&error.into_error()))), None),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the server does not speak HTTP/2 any more")]
struct NotH2;

#[derive(Debug, thiserror::Error)]
#[error("the server closes connections before it takes a request")]
struct NotTaken;

enum Dialed {
    Line(Box<Line>),
    Shared(http2::SendRequest<Body>),
}

impl Inner {
    async fn dial(&self) -> Result<Dialed, ClientError> {
        let stream = self.dialer.connector.dial(self.host.clone(), self.port, self.tls.clone()).await?;
        let failed = |error: &hyper::Error| ClientError::from_body(error);
        let options = &self.dialer.options;
        let prior = self.tls.is_none() && self.speaks_h2.load(Ordering::Relaxed);
        if prior || stream.connected().is_negotiated_h2() {
            let mut builder = http2::Builder::new(Tasks);
            builder
                .timer(TokioTimer::new())
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_frame_size(16 * 1024)
                .max_header_list_size(64 * 1024)
                .max_concurrent_reset_streams(1024)
                .max_local_error_reset_streams(128)
                .max_pending_accept_reset_streams(20)
                .max_send_buf_size(256 * 1024)
                .keep_alive_interval(options.h2_keep_alive_interval)
                .keep_alive_timeout(options.h2_keep_alive_timeout)
                .keep_alive_while_idle(true);
            let (sender, connection) = builder.handshake(stream).await.map_err(|error| failed(&error))?;
            let host = self.host.clone();
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%host, %error, "a shared connection ended");
                }
            });
            return Ok(Dialed::Shared(sender));
        }
        let mut builder = http1::Builder::new();
        builder.max_buf_size(32 * 1024).max_headers(options.max_headers);
        let (sender, connection) = builder.handshake(stream).await.map_err(|error| failed(&error))?;
        Ok(Dialed::Line(Box::new(Line::new(sender, connection))))
    }

    fn share(&self, sender: http2::SendRequest<Body>) {
        self.speaks_h2.store(true, Ordering::Relaxed);
        if !self.idle.is_closed() {
            *self.shared() = Some(sender);
        }
    }

    fn shared(&self) -> MutexGuard<'_, Option<http2::SendRequest<Body>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
