//! A scripted upstream: what it does is in the path, and it notes who came and when they left.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) path: String,
    pub(crate) body: String,
    /// When the peer was seen to close the connection while it was being answered.
    pub(crate) left: Option<Instant>,
}

/// An upstream on loopback.
///
/// `/silent…` never answers, `/stream…` sends an event each 20 ms, `/stall…` sends one event and no more, `/cut…` breaks
/// off in the middle of a chunk, `/trailers…` ends with trailers, `/chat-cut…` breaks off after an event of a chat; anything else is answered with `ok`.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { addr: listener.local_addr().unwrap(), seen: Arc::default() };
        let serving = upstream.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().connection(stream));
            }
        });
        upstream
    }

    /// What came for paths that contain `part`.
    pub(crate) fn seen(&self, part: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path.contains(part)).cloned().collect()
    }

    /// When the peer of the only request for `part` left.
    pub(crate) fn left(&self, part: &str) -> Option<Instant> {
        self.seen(part).first().and_then(|seen| seen.left)
    }

    async fn connection(self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        while let Some((head, body)) = read_request(&mut stream).await {
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let index = {
                let mut seen = self.seen.lock().unwrap();
                seen.push(Seen { head, path: path.clone(), body, left: None });
                seen.len() - 1
            };
            let answered = answer(&mut stream, &path).await;
            if answered == Answered::PeerLeft {
                self.seen.lock().unwrap()[index].left = Some(Instant::now());
            }
            if answered != Answered::Whole {
                return;
            }
        }
    }
}

#[derive(PartialEq)]
enum Answered {
    Whole,
    BrokenOff,
    PeerLeft,
}

async fn answer(stream: &mut TcpStream, path: &str) -> Answered {
    let kind = path.trim_start_matches("/late");
    if kind.starts_with("/silent") {
        return peer_left(stream).await;
    }
    if kind.starts_with("/stall") {
        stream.write_all(CHUNKED).await.unwrap();
        stream.write_all(&chunk("data: 0\n\n")).await.unwrap();
        return peer_left(stream).await;
    }
    if kind.starts_with("/stream") {
        return stream_events(stream).await;
    }
    if kind.starts_with("/cut") {
        stream.write_all(CHUNKED).await.unwrap();
        stream.write_all(&chunk("data: 0\n\n")).await.unwrap();
        stream.write_all(b"ff\r\nhalf").await.unwrap();
        return Answered::BrokenOff;
    }
    if kind.starts_with("/chat-cut") {
        let delta = r#"{"index":0,"delta":{"role":"assistant","content":"a wide "},"finish_reason":null}"#;
        let event =
            format!(r#"{{"id":"c","object":"chat.completion.chunk","created":1,"model":"sim","choices":[{delta}]}}"#);
        stream.write_all(CHUNKED).await.unwrap();
        stream.write_all(&chunk(&format!("data: {event}\n\n"))).await.unwrap();
        return Answered::BrokenOff;
    }
    if kind.starts_with("/trailers") {
        stream.write_all(CHUNKED).await.unwrap();
        stream.write_all(&chunk("data: 0\n\n")).await.unwrap();
        stream.write_all(b"0\r\nx-upstream: told\r\n\r\n").await.unwrap();
        return Answered::Whole;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    Answered::Whole
}

async fn stream_events(stream: &mut TcpStream) -> Answered {
    if stream.write_all(CHUNKED).await.is_err() {
        return Answered::PeerLeft;
    }
    let (mut reader, mut writer) = stream.split();
    let events = async {
        for event in 0.. {
            if writer.write_all(&chunk(&format!("data: {event}\n\n"))).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = events => {}
        _ = reader.read_u8() => {}
    }
    Answered::PeerLeft
}

async fn peer_left(stream: &mut TcpStream) -> Answered {
    // Nothing more is to come, so whatever ends the read is the peer's leaving.
    let _ = stream.read_u8().await;
    Answered::PeerLeft
}

fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.lines().next().unwrap().trim().parse::<usize>().unwrap());
            if body.len() >= length {
                return Some((head, body.to_owned()));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
