//! One new connection: resolve, check, connect, shake hands.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::resolve::Resolver;
use super::{ClientBuildError, ClientError, ClientOptions, NetworkPolicy, TlsRoots};

/// The next address is tried after this, while the one before has not answered (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);

/// Makes connections for the pool.
#[derive(Clone)]
pub(super) struct Connector {
    resolver: Resolver,
    network: NetworkPolicy,
    timeout: Duration,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(options: ClientOptions) -> Result<Self, ClientBuildError> {
        let ClientOptions { network, connect_timeout, tls, h2c, .. } = options;
        let tls = tls.client_config(h2c)?.into();
        Ok(Self { resolver: Resolver::default(), network, timeout: connect_timeout, tls })
    }

    async fn connect(self, uri: Uri) -> Result<Stream, ClientError> {
        let host: Arc<str> = uri.host().ok_or(ClientError::InvalidUri("no host"))?.into();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(ClientError::InvalidUri("the scheme is neither `http` nor `https`")),
        };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let name = secure.then(|| server_name(&host)).transpose()?;
        self.dial(host, port, name).await
    }

    /// A connection to this host; over TLS where there is a name that its certificate must have.
    pub(super) async fn dial(
        &self,
        host: Arc<str>,
        port: u16,
        name: Option<ServerName<'static>>,
    ) -> Result<Stream, ClientError> {
        let after = self.timeout;
        let late = ClientError::ConnectTimeout { host: host.clone(), after };
        tokio::time::timeout(after, self.establish(host, port, name)).await.unwrap_or(Err(late))
    }

    /// The same connector with other authorities to trust.
    pub(super) fn trusting(&self, roots: TlsRoots) -> Result<Self, ClientBuildError> {
        Ok(Self { tls: roots.client_config(false)?.into(), ..self.clone() })
    }

    async fn establish(
        &self,
        host: Arc<str>,
        port: u16,
        name: Option<ServerName<'static>>,
    ) -> Result<Stream, ClientError> {
        let found = self
            .resolver
            .resolve(&host, port)
            .await
            .map_err(|source| ClientError::Dns { host: host.clone(), source: source.into() })?;
        let allowed = self.allowed(&host, found)?;
        let tcp = connect_any(allowed)
            .await
            .map_err(|source| ClientError::Connect { host: host.clone(), source: source.into() })?;
        let Some(name) = name else {
            return Ok(Stream::Tcp(TokioIo::new(tcp)));
        };
        let tls = self
            .tls
            .connect(name, tcp)
            .await
            .map_err(|source| ClientError::Tls { host: host.clone(), source: source.into() })?;
        Ok(Stream::Tls(Box::new(TokioIo::new(tls))))
    }

    /// What the policy leaves of the addresses that a name resolved to.
    fn allowed(&self, host: &Arc<str>, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ClientError> {
        let refused = found.iter().find(|address| !self.network.allows(address.ip())).copied();
        let allowed: Vec<_> = found.into_iter().filter(|address| self.network.allows(address.ip())).collect();
        match refused {
            Some(address) if allowed.is_empty() => {
                Err(ClientError::Blocked { host: host.clone(), address: address.ip(), policy: self.network })
            }
            _ => Ok(allowed),
        }
    }
}

/// A host as the name that its certificate must have.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, ClientError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned())
        .map_err(|_| ClientError::InvalidUri("the host is no name that a certificate can have"))
}

/// The first address that answers; each next one is tried when the one before fails or dawdles.
async fn connect_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut trying = FuturesUnordered::new();
    let mut last = io::Error::other("no address");
    trying.extend(waiting.next().map(connect_one));
    loop {
        tokio::select! {
            tried = trying.next() => match tried {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => {
                    last = error;
                    trying.extend(waiting.next().map(connect_one));
                }
                None => return Err(last),
            },
            () = tokio::time::sleep(STAGGER), if waiting.len() > 0 => {
                trying.extend(waiting.next().map(connect_one));
            }
        }
    }
}

async fn connect_one(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Events are small and must leave at once.
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl tower::Service<Uri> for Connector {
    type Response = Stream;
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ClientError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("network", &self.network)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A connection to an upstream.
pub(super) enum Stream {
    Tcp(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Tcp(_) => Connected::new(),
            Self::Tls(tls) => match tls.inner().get_ref().1.alpn_protocol() {
                Some(b"h2") => Connected::new().negotiated_h2(),
                _ => Connected::new(),
            },
        }
    }
}

/// Calls the same method on whichever stream it is.
macro_rules! on_stream {
    ($this:expr, $stream:ident => $call:expr) => {
        match $this.get_mut() {
            Stream::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $stream = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_read(cx, buf))
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write_vectored(cx, bufs))
    }
}
