//! The accept loop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Body;
use crate::connection::{Connection, Terms};
use crate::limits::ServeLimits;
use crate::shutdown::Shutdown;

/// Connections that the kernel may hold until they are accepted.
const BACKLOG: u32 = 1024;
/// The wait after an accept that failed for want of resources; doubled up to a second.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
/// How long connections have after the grace, so that streams can end with an error event.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The address the connection comes from.
    pub addr: SocketAddr,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

/// How a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still open after the grace, and were cut.
    pub cut: usize,
}

impl Listener {
    /// Binds an address; port 0 takes any that is free. Needs a Tokio runtime.
    ///
    /// # Errors
    /// When the address is taken or not allowed.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        let socket = socket.listen(BACKLOG)?;
        let addr = socket.local_addr()?;
        Ok(Self { socket, addr })
    }

    /// The address, with the port that was found for port 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next connection. An accept that fails is no reason to stop: the client may have left, or
    /// file descriptors be short for a while.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            match self.socket.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_about_the_client(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, addr = %self.addr, "cannot accept a connection");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(Duration::from_secs(1));
                }
            }
        }
    }
}

fn is_about_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Serves `service` on `listener`, until `shutdown` has drained it.
///
/// A plain connection may speak HTTP/1.1 or, by prior knowledge, HTTP/2; an encrypted one what ALPN
/// chose. `service` sees a request only when it can be read in one way (see [`guard`](crate::guard)):
/// without hop-by-hop headers, without header names that have an underscore, with its body under the
/// listener's limits. A panic in it becomes a 500.
///
/// **The service's future, or its response body, is dropped when the client leaves**; see the
/// crate's documentation. An error from the response body aborts the answer so that the client sees
/// it: no last chunk on HTTP/1.1, RST_STREAM on HTTP/2.
///
/// When `shutdown` begins, the socket is closed at once, idle connections close, requests in flight
/// have until the end of the grace, and half a second more to say a last word
/// ([`Shutdown::expired`]); then they are cut.
///
/// The future is not cancel safe: dropped, it cuts all connections.
pub async fn serve<S, F>(
    listener: Listener,
    tls: Option<Arc<rustls::ServerConfig>>,
    service: S,
    limits: ServeLimits,
    shutdown: Shutdown,
) -> Drained
where
    S: Fn(Request<Body>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let open = TaskTracker::new();
    let cut = CancellationToken::new();
    let _cut_when_dropped = cut.clone().drop_guard();
    let terms = Terms::new(tls, limits, shutdown.clone());

    let grace_ends = loop {
        let (stream, addr) = tokio::select! {
            biased;
            until = shutdown.draining() => break until,
            accepted = listener.accept() => accepted,
        };
        // Over the cap, the connection is closed as soon as it is accepted.
        let Ok(permit) = room.clone().try_acquire_owned() else {
            tracing::debug!(peer = %addr, "too many connections");
            continue;
        };
        let connection = Connection { terms: terms.clone(), addr, service: service.clone(), cut: cut.child_token() };
        open.spawn(async move {
            connection.run(stream).await;
            drop(permit);
        });
    };

    drop(listener);
    open.close();
    tracing::debug!(open = open.len(), ?grace_ends, "draining");
    let cutting = async {
        shutdown.expired().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        () = open.wait() => Drained { cut: 0 },
        () = cutting => {
            let left = open.len();
            cut.cancel();
            open.wait().await;
            Drained { cut: left }
        }
    }
}
