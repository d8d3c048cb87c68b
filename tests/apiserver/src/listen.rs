use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::answer::Body;
use crate::api;
use crate::server::ApiServer;

/// How a server on a socket is reached over TLS.
pub type Tls = Arc<ServerConfig>;

/// A server on a socket, until this is dropped: then its connections break off, too, as with `kill -9`.
pub struct Running {
    address: SocketAddr,
    scheme: &'static str,
    accepting: AbortHandle,
}

impl ApiServer {
    /// Serves HTTP/1.1 without TLS.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<Running> {
        self.open(address, None).await
    }

    /// Serves HTTP/1.1 over TLS.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn listen_tls(&self, address: SocketAddr, tls: Tls) -> io::Result<Running> {
        self.open(address, Some(tls)).await
    }

    async fn open(&self, address: SocketAddr, tls: Option<Tls>) -> io::Result<Running> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let accepting = tokio::spawn(accept(self.clone(), listener, tls.map(TlsAcceptor::from))).abort_handle();
        Ok(Running { address, scheme, accepting })
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Writes a kubeconfig for it, with the token that it knows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, path: &Path) -> io::Result<()> {
        write_kubeconfig(path, &self.url(), "controller-token")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// JSON is YAML.
fn write_kubeconfig(path: &Path, server: &str, token: &str) -> io::Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "stand-in", "cluster": { "server": server } }],
        "users": [{ "name": "controller", "user": { "token": token } }],
        "contexts": [{ "name": "stand-in", "context": { "cluster": "stand-in", "user": "controller" } }],
        "current-context": "stand-in",
    });
    std::fs::write(path, format!("{config:#}\n"))
}

async fn accept(server: ApiServer, listener: TcpListener, tls: Option<TlsAcceptor>) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connected(server.clone(), stream, tls.clone()))),
                // Out of file descriptors, say: it passes.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connected(server: ApiServer, stream: TcpStream, tls: Option<TlsAcceptor>) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(server, stream).await,
        Some(tls) => {
            // A client that trusts somebody else leaves here.
            if let Ok(stream) = tls.accept(stream).await {
                serve(server, stream).await;
            }
        }
    }
}

async fn serve(server: ApiServer, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let server = server.clone();
        async move { Ok::<Response<Body>, io::Error>(api::answer(&server, request).await) }
    });
    // A connection that breaks is what clients are tested with.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}
