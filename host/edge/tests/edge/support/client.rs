//! A client that writes and reads bytes, and can leave whenever it likes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection to the edge, and what came over it.
pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) received: Vec<u8>,
}

impl Client {
    /// Connects, and sends a `GET` with these extra header lines, each ended by `\r\n`.
    pub(crate) async fn get(addr: SocketAddr, path: &str, headers: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nhost: gateway.example\r\n{headers}\r\n");
        Self::send(addr, request.as_bytes()).await
    }

    /// Connects and sends these bytes.
    pub(crate) async fn send(addr: SocketAddr, bytes: &[u8]) -> Self {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(bytes).await.unwrap();
        Self { stream, received: Vec::new() }
    }

    /// One read; whether anything came.
    pub(crate) async fn read(&mut self) -> bool {
        let mut buffer = vec![0; 16 * 1024];
        match tokio::time::timeout(Duration::from_secs(10), self.stream.read(&mut buffer)).await.unwrap() {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.received.extend(&buffer[..length]);
                true
            }
        }
    }

    /// Reads until `needle` has come.
    pub(crate) async fn read_until(&mut self, needle: &str) {
        while !self.text().contains(needle) {
            assert!(self.read().await, "the connection ended before {needle:?}: {}", self.text());
        }
    }

    /// Reads until the other side closes; gives all that came.
    pub(crate) async fn read_to_end(mut self) -> String {
        while self.read().await {}
        self.text()
    }

    /// All that came so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// Leaves with a reset, as a killed process or a lost network does.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}
