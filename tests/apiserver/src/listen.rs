use std::io;
use std::net::SocketAddr;
use std::path::Path;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::answer::Body;
use crate::api;
use crate::server::ApiServer;

/// A server on a socket, until this is dropped: then its connections break off, too, as with `kill -9`.
pub struct Running {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl ApiServer {
    /// Serves HTTP/1.1 without TLS.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<Running> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(self.clone(), listener)).abort_handle();
        Ok(Running { address, accepting })
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes a kubeconfig for it, with the token that it knows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, path: &Path) -> io::Result<()> {
        write_kubeconfig(path, &format!("http://{}", self.address), "controller-token")
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

async fn accept(server: ApiServer, listener: TcpListener) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(server.clone(), stream))),
                // Out of file descriptors, say: it passes.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(server: ApiServer, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let server = server.clone();
        async move { Ok::<Response<Body>, io::Error>(api::answer(&server, request).await) }
    });
    // A connection that breaks is what clients are tested with.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}
