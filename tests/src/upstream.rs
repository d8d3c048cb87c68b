//! A model server that does what its script says, byte for byte, over plain TCP.
//!
//! An ordinary HTTP server cannot be made to misbehave: it writes heads that are right, ends what it began and never
//! hangs. This one writes the bytes it is told to, waits, resets or stalls, and remembers what it saw: each request
//! with its bytes, and when and why each connection ended.
//!
//! ```
//! use weir_tests::upstream::{Script, Upstream};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let upstream = Upstream::start(|_| Script::json(200, r#"{"ok":true}"#)).await;
//! println!("listening on {}", upstream.addr());
//! assert!(upstream.requests().is_empty());
//! # }
//! ```

mod script;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub use script::{Script, Step};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When its body was complete.
    pub at: Instant,
    /// Request line and headers, with the empty line after them.
    pub head: String,
    /// The body, as `content-length` measured it.
    pub body: Bytes,
}

impl Seen {
    /// Method and target.
    #[must_use]
    pub fn line(&self) -> (&str, &str) {
        let mut words = self.head.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// A connection that is over.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// When the end was noticed.
    pub at: Instant,
    /// Whether the peer closed it while the script was not yet done, or it was waiting in [`Step::Stall`].
    pub by_peer: bool,
    /// Bytes that were written to the connection.
    pub sent: u64,
}

type Answer = dyn Fn(&Seen) -> Script + Send + Sync;

struct Shared {
    answer: Mutex<Arc<Answer>>,
    log: Mutex<Log>,
    changed: Notify,
}

#[derive(Default)]
struct Log {
    requests: Vec<Seen>,
    closed: Vec<Closed>,
    connections: usize,
    sent: u64,
}

/// The scripted server. Dropping it closes the listener and every connection.
pub struct Upstream {
    addr: SocketAddr,
    shared: Arc<Shared>,
    running: Option<tokio::task::JoinHandle<()>>,
}

impl Upstream {
    /// Listens on a free port of loopback, and answers each request with the script that `answer` gives for it.
    ///
    /// # Panics
    /// When loopback cannot be listened on.
    pub async fn start(answer: impl Fn(&Seen) -> Script + Send + Sync + 'static) -> Self {
        let shared =
            Arc::new(Shared { answer: Mutex::new(Arc::new(answer)), log: Mutex::default(), changed: Notify::new() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback can be listened on");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let running = Some(tokio::spawn(accept(listener, shared.clone())));
        Self { addr, shared, running }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://host:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Answers otherwise from the next request on.
    pub fn answer_with(&self, answer: impl Fn(&Seen) -> Script + Send + Sync + 'static) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(answer);
    }

    /// Closes the listener and all connections: connecting is refused from now on.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            // Aborted is how it ends.
            drop(running.await);
        }
    }

    /// Listens again, on the port that it had.
    ///
    /// # Panics
    /// When the port is taken by now.
    pub fn restart(&mut self) {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.set_reuseaddr(true).expect("the option can be set");
        socket.bind(self.addr).expect("the port is still free");
        let listener = socket.listen(128).expect("a bound socket can listen");
        self.running = Some(tokio::spawn(accept(listener, self.shared.clone())));
    }

    /// The requests that arrived whole, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.log(|log| log.requests.clone())
    }

    /// The requests whose target is not `/health`.
    #[must_use]
    pub fn calls(&self) -> Vec<Seen> {
        self.requests().into_iter().filter(|seen| seen.line().1 != "/health").collect()
    }

    /// The connections that are over, in the order of their end.
    #[must_use]
    pub fn closed(&self) -> Vec<Closed> {
        self.log(|log| log.closed.clone())
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.log(|log| log.connections)
    }

    /// Bytes written so far, over all connections.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.log(|log| log.sent)
    }

    /// Waits until `found` finds something in what happened so far.
    ///
    /// # Errors
    /// [`NotSeen`] when it did not happen within `within`.
    pub async fn wait_for<T>(&self, within: Duration, mut found: impl FnMut(&Self) -> Option<T>) -> Result<T, NotSeen> {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(value) = found(self) {
                    return value;
                }
                changed.await;
            }
        };
        tokio::time::timeout(within, waiting).await.map_err(|_| NotSeen(within))
    }

    /// Waits until a request for another target than `/health` has come, and gives the `nth` of them, from 0.
    ///
    /// # Errors
    /// [`NotSeen`].
    pub async fn call(&self, nth: usize, within: Duration) -> Result<Seen, NotSeen> {
        self.wait_for(within, |upstream| upstream.calls().into_iter().nth(nth)).await
    }

    /// Waits until the peer has closed a connection in the middle of its script.
    ///
    /// # Errors
    /// [`NotSeen`].
    pub async fn cancelled(&self, within: Duration) -> Result<Closed, NotSeen> {
        self.wait_for(within, |upstream| upstream.closed().into_iter().find(|closed| closed.by_peer)).await
    }

    fn log<T>(&self, read: impl FnOnce(&Log) -> T) -> T {
        read(&self.shared.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

/// What was waited for did not happen in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSeen(pub Duration);

impl std::fmt::Display for NotSeen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it was not seen within {:?}", self.0)
    }
}

impl std::error::Error for NotSeen {}

impl Shared {
    fn note(&self, write: impl FnOnce(&mut Log)) {
        write(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
    }
}

/// Accepts until it is aborted; the connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.note(|log| log.connections += 1);
        connections.spawn(Connection { stream, sent: 0, shared: shared.clone() }.run());
        while connections.try_join_next().is_some() {}
    }
}

struct Connection {
    stream: TcpStream,
    sent: u64,
    shared: Arc<Shared>,
}

impl Connection {
    async fn run(mut self) {
        let mut pending = Vec::new();
        let by_peer = loop {
            let Ok(Some(seen)) = read_request(&mut self.stream, &mut pending).await else { break false };
            self.shared.note(|log| log.requests.push(seen.clone()));
            let answer = self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match self.play(answer(&seen)).await {
                Played::Next => {}
                Played::Over => break false,
                Played::PeerLeft => break true,
            }
        };
        let closed = Closed { at: Instant::now(), by_peer, sent: self.sent };
        self.shared.note(|log| log.closed.push(closed));
    }

    async fn play(&mut self, script: Script) -> Played {
        for step in script.0 {
            match step {
                Step::Send(bytes) => {
                    if self.write(&bytes).await.is_err() {
                        return Played::PeerLeft;
                    }
                }
                Step::Delay(length) => tokio::select! {
                    () = tokio::time::sleep(length) => {}
                    () = peer_left(&self.stream) => return Played::PeerLeft,
                },
                Step::Stall => {
                    peer_left(&self.stream).await;
                    return Played::PeerLeft;
                }
                Step::Reset => {
                    // Lets the peer read what came before: an RST at once would destroy it.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    // A lingering close of no length is an RST. Where it cannot be set, FIN follows.
                    drop(self.stream.set_zero_linger());
                    return Played::Over;
                }
                Step::Fin => return Played::Over,
            }
        }
        Played::Next
    }

    /// Writes in pieces, so that what is counted as sent is what the peer's window took.
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(16 * 1024) {
            self.stream.write_all(piece).await?;
            self.sent += piece.len() as u64;
            self.shared.note(|log| log.sent += piece.len() as u64);
        }
        Ok(())
    }
}

enum Played {
    Next,
    Over,
    PeerLeft,
}

/// Completes when the peer has closed or reset; a request that comes early is no close.
async fn peer_left(stream: &TcpStream) {
    let mut byte = [0];
    loop {
        match stream.peek(&mut byte).await {
            Ok(0) | Err(_) => return,
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Reads one request with a `content-length`, or none where the peer closed between two.
async fn read_request(stream: &mut TcpStream, pending: &mut Vec<u8>) -> io::Result<Option<Seen>> {
    stream.set_nodelay(true)?;
    let head_ends = loop {
        if let Some(at) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(pending).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&pending[..head_ends]).into_owned();
    let length = header(&head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    while pending.len() < head_ends + length {
        if stream.read_buf(pending).await? == 0 {
            return Ok(None);
        }
    }
    let body = Bytes::copy_from_slice(&pending[head_ends..head_ends + length]);
    pending.drain(..head_ends + length);
    Ok(Some(Seen { at: Instant::now(), head, body }))
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
