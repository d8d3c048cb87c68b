use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::recorded::Recorded;

/// Serves recorded exchanges byte for byte, each once and in the order given among those of one path and verb; of what
/// was not recorded there is nothing: a watch stays silent, all else is 404.
pub struct Replay {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct Script {
    exchanges: VecDeque<Recorded>,
    /// What was asked for, with the name of the exchange that was the answer.
    asked: Vec<(String, Option<String>)>,
}

impl Replay {
    /// Serves these exchanges on a free port of loopback. Each write is no longer than `piece` bytes, and one follows
    /// the other at once.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn listen(exchanges: Vec<Recorded>, piece: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Mutex::new(Script { exchanges: exchanges.into(), asked: Vec::new() }));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&script), piece)).abort_handle();
        Ok(Self { address, script, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked for so far, path and query, with the name of the exchange that was the answer.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, Option<String>)> {
        self.script.lock().asked.clone()
    }

    /// How many exchanges were not asked for yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.script.lock().exchanges.len()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Script {
    fn take(&mut self, path: &str) -> Option<Recorded> {
        let (route, watch) = (path.split('?').next().unwrap_or_default(), path.contains("watch=true"));
        let at = self.exchanges.iter().position(|one| one.route() == route && one.is_watch() == watch);
        let found = at.and_then(|at| self.exchanges.remove(at));
        self.asked.push((path.to_owned(), found.as_ref().map(|found| found.name.clone())));
        found
    }
}

async fn accept(listener: TcpListener, script: Arc<Mutex<Script>>, piece: usize) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        connections.spawn(serve(stream, Arc::clone(&script), piece));
    }
}

/// One request a connection.
async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>, piece: usize) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let found = script.lock().take(&path);
    match found {
        Some(recorded) => {
            for bytes in recorded.bytes.chunks(piece.max(1)) {
                stream.write_all(bytes).await?;
            }
        }
        None if path.contains("watch=true") => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
                .await?;
            // Silent until the client goes.
            let _ = stream.read_u8().await;
        }
        None => {
            let nothing = "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 19\r\nconnection: close\r\n\r\n404 page not found\n";
            stream.write_all(nothing.as_bytes()).await?;
        }
    }
    stream.shutdown().await
}
