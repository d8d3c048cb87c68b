//! One accepted connection: TLS, which HTTP version, then hyper until the end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::{Request, Response};
use hyper::rt::{Executor, Read, Write};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::body::Body;
use crate::exchange::Exchange;
use crate::guard::{GuardedIo, Wire};
use crate::limits::ServeLimits;
use crate::listener::Peer;
use crate::shutdown::Shutdown;

/// How each HTTP/2 connection begins (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long an idle HTTP/2 connection has to answer its GOAWAY.
const GOAWAY_WAIT: Duration = Duration::from_secs(1);

/// What holds for all connections of a listener.
#[derive(Clone)]
pub(crate) struct Terms {
    tls: Option<TlsAcceptor>,
    limits: Arc<ServeLimits>,
    http1: Arc<http1::Builder>,
    shutdown: Shutdown,
}

/// A connection that is about to be served.
pub(crate) struct Connection<S> {
    pub(crate) terms: Terms,
    pub(crate) addr: SocketAddr,
    pub(crate) service: S,
    /// Cancelled to cut the connection and all that runs for it.
    pub(crate) cut: CancellationToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

/// Why a connection ended otherwise than well. For the log only.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("no request arrived in time")]
    TooSlow(#[from] tokio::time::error::Elapsed),
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

impl Terms {
    pub(crate) fn new(tls: Option<Arc<rustls::ServerConfig>>, limits: ServeLimits, shutdown: Shutdown) -> Self {
        Self {
            tls: tls.map(TlsAcceptor::from),
            http1: Arc::new(http1_builder(&limits)),
            limits: Arc::new(limits),
            shutdown,
        }
    }
}

impl<S, F> Connection<S>
where
    S: Fn(Request<Body>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    /// Serves the connection until it ends or is cut.
    pub(crate) async fn run(self, stream: TcpStream) {
        let (cut, addr) = (self.cut.clone(), self.addr);
        let _what_it_spawned_ends_with_it = cut.clone().drop_guard();
        let served = cut.run_until_cancelled(self.greet(stream)).await;
        if let Some(Err(error)) = served {
            tracing::debug!(peer = %addr, %error, "connection ended");
        }
    }

    /// Shakes hands; all until the first request's head is under one deadline.
    async fn greet(self, stream: TcpStream) -> Result<(), ConnectionError> {
        stream.set_nodelay(true)?;
        let due = Instant::now() + self.terms.limits.header_deadline;
        let Some(acceptor) = self.terms.tls.clone() else {
            return self.speak(stream, false, None, due).await;
        };
        let stream = timeout_at(due, acceptor.accept(stream)).await??;
        let version = stream.get_ref().1.alpn_protocol().map(|protocol| match protocol {
            b"h2" => Version::Http2,
            _ => Version::Http1,
        });
        // Boxed, as each way of going on is below: a connection's task is as large as the largest of them, and every
        // open stream holds one.
        Box::pin(self.speak(stream, true, version, due)).await
    }

    async fn speak<T>(
        self,
        mut stream: T,
        tls: bool,
        version: Option<Version>,
        due: Instant,
    ) -> Result<(), ConnectionError>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { terms, addr, service, cut } = self;
        let mut read = BytesMut::new();
        let version = match version {
            Some(version) => version,
            None => tokio::select! {
                sniffed = timeout_at(due, sniff(&mut stream, &mut read)) => sniffed??,
                _ = terms.shutdown.draining() => return Ok(()),
            },
        };
        let limits = terms.limits.clone();
        let wire = Arc::new(Wire::default());
        let peer = Peer { addr, tls };
        let exchange = Exchange { service, peer, limits: limits.clone(), wire: wire.clone() };
        match version {
            Version::Http1 => {
                let io = TokioIo::new(GuardedIo::http1(stream, read, wire, &limits, due));
                let connection = Box::pin(terms.http1.serve_connection(io, exchange));
                terms.drive_http1(connection).await
            }
            Version::Http2 => {
                let io = TokioIo::new(GuardedIo::http2(stream, read, &limits));
                let connection = Box::pin(http2_builder(&limits, cut).serve_connection(io, exchange));
                terms.drive_http2(connection, &wire, due).await
            }
        }
    }
}

impl Terms {
    async fn drive_http1<I, S, F>(
        &self,
        mut connection: Pin<Box<http1::Connection<I, Exchange<S>>>>,
    ) -> Result<(), ConnectionError>
    where
        I: Read + Write + Unpin + 'static,
        S: Fn(Request<Body>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            _ = self.shutdown.draining() => connection.as_mut().graceful_shutdown(),
        }
        Ok(connection.await?)
    }

    /// Also closes a connection on which no request begins for too long.
    async fn drive_http2<I, S, F>(
        &self,
        mut connection: Pin<Box<http2::Connection<I, Exchange<S>, Scoped>>>,
        wire: &Arc<Wire>,
        first_request_by: Instant,
    ) -> Result<(), ConnectionError>
    where
        I: Read + Write + Unpin + 'static,
        S: Fn(Request<Body>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let mut check = pin!(sleep_until(first_request_by));
        let mut seen = 0;
        loop {
            tokio::select! {
                ended = connection.as_mut() => return Ok(ended?),
                _ = self.shutdown.draining() => {
                    connection.as_mut().graceful_shutdown();
                    return Ok(connection.await?);
                }
                () = check.as_mut() => {
                    if !wire.is_busy() && wire.started() == seen {
                        break;
                    }
                    seen = wire.started();
                    check.as_mut().reset(Instant::now() + self.limits.keep_alive_idle);
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        Ok(timeout(GOAWAY_WAIT, connection).await??)
    }
}

/// Reads until the bytes differ from HTTP/2's preface, or are all of it. What was read stays in
/// `read`. A connection that ends first is HTTP/1, to be closed there.
async fn sniff(stream: &mut (impl AsyncRead + Unpin), read: &mut BytesMut) -> io::Result<Version> {
    loop {
        let known = read.len().min(PREFACE.len());
        if read[..known] != PREFACE[..known] {
            return Ok(Version::Http1);
        }
        if known == PREFACE.len() {
            return Ok(Version::Http2);
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(Version::Http1);
        }
    }
}

fn http1_builder(limits: &ServeLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The guard keeps the deadlines, since it can tell an idle connection from a slow head.
        .header_read_timeout(None)
        // A client that closes its sending half has left.
        .half_close(false)
        .keep_alive(true)
        .max_headers(limits.max_headers)
        .max_buf_size((2 * limits.max_header_bytes).max(64 * 1024));
    builder
}

fn http2_builder(limits: &ServeLimits, cut: CancellationToken) -> http2::Builder<Scoped> {
    let mut builder = http2::Builder::new(Scoped(cut));
    let max_header_list = u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_header_list_size(max_header_list)
        .max_pending_accept_reset_streams(limits.h2.max_pending_accept_reset_streams)
        .max_local_error_reset_streams(limits.h2.max_local_error_reset_streams)
        .adaptive_window(false)
        .initial_stream_window_size(limits.h2.stream_window)
        .initial_connection_window_size(limits.h2.connection_window)
        .max_frame_size(limits.h2.max_frame_bytes)
        .max_send_buf_size(limits.h2.max_send_buffer_bytes)
        .header_table_size(limits.h2.header_table_bytes)
        .keep_alive_interval(limits.h2.keep_alive_interval)
        .keep_alive_timeout(limits.h2.keep_alive_timeout);
    builder
}

/// Spawns what an HTTP/2 connection needs, and ends it with the connection.
#[derive(Clone)]
struct Scoped(CancellationToken);

impl<F> Executor<F> for Scoped
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let cut = self.0.clone();
        tokio::spawn(async move {
            cut.run_until_cancelled_owned(future).await;
        });
    }
}
