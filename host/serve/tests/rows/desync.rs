//! W6 at random: what follows a request that was answered early is the next request, or nothing.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use weir_serve::{Body, Peer, ServeLimits, full};

use crate::support::{Host, SOON, statuses};

/// What stands in the first request's body, again and again: a request that nobody must see.
const INNER: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// How much of a body the service reads before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Nothing,
    Some,
    All,
}

/// A request, and how it is answered.
#[derive(Clone, Debug)]
struct First {
    method: &'static str,
    headers: &'static str,
    /// Its length, and where it is cut into chunks, how long they are.
    body: Option<(usize, Option<usize>)>,
    reads: Reads,
}

/// The request behind it, and where the bytes of both are cut into two writes.
#[derive(Clone, Debug)]
struct Next {
    body: usize,
    cut: prop::sample::Index,
}

fn first() -> impl Strategy<Value = First> {
    let headers = prop::sample::select(vec![
        "",
        "Expect: 100-continue\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: keep-alive\r\n",
    ]);
    let length = prop_oneof![8 => 0_usize..2_000, 1 => 60_000_usize..70_000, 1 => 0_usize..300_000];
    let body = prop::option::weighted(0.9, (length, prop::option::of(1_usize..20_000)));
    let reads = prop::sample::select(vec![Reads::Nothing, Reads::Some, Reads::All]);
    (prop::sample::select(vec!["POST", "PUT", "DELETE", "GET"]), headers, body, reads)
        .prop_map(|(method, headers, body, reads)| First { method, headers, body, reads })
}

fn next() -> impl Strategy<Value = Next> {
    (0_usize..200, any::<prop::sample::Index>()).prop_map(|(body, cut)| Next { body, cut })
}

impl First {
    fn bytes(&self) -> Vec<u8> {
        let Self { method, headers, body, reads } = self;
        let mut bytes = format!("{method} /first/{reads:?} HTTP/1.1\r\nHost: a\r\n{headers}").into_bytes();
        let Some((length, chunks)) = body else { return [&bytes[..], b"\r\n"].concat() };
        let body: Vec<u8> = INNER.iter().copied().cycle().take(*length).collect();
        match chunks {
            None => {
                bytes.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
                bytes.extend_from_slice(&body);
            }
            Some(size) => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(*size) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        bytes
    }
}

/// The targets of the requests that the service saw.
type Seen = Arc<Mutex<Vec<String>>>;

fn service(seen: &Seen) -> impl Fn(Request<Body>, Peer) -> BoxFuture<'static, Response<Body>> + Clone + Send + 'static {
    let seen = seen.clone();
    move |request, _| {
        seen.lock().unwrap().push(request.uri().path().to_owned());
        Box::pin(async move {
            let (head, mut body) = request.into_parts();
            let status = match head.uri.path() {
                "/first/Nothing" => StatusCode::UNAUTHORIZED,
                "/first/Some" => {
                    drop(body.frame().await);
                    StatusCode::PAYLOAD_TOO_LARGE
                }
                _ if body.collect().await.is_ok() => StatusCode::OK,
                _ => StatusCode::BAD_REQUEST,
            };
            let mut response = Response::new(full("answered"));
            *response.status_mut() = status;
            response
        })
    }
}

/// Sends both and a last request that asks for the end, and gives what was answered and what the service saw.
async fn exchange(host: &Host, seen: &Seen, first: &First, next: &Next) -> (String, Vec<String>) {
    seen.lock().unwrap().clear();
    let mut bytes = first.bytes();
    bytes.extend_from_slice(
        format!("POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", next.body).as_bytes(),
    );
    bytes.extend(INNER.iter().copied().cycle().take(next.body));
    bytes.extend_from_slice(b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let raw = host.connect().await;
    let (mut reading, mut writing) = raw.0.into_split();
    let (one, two) = bytes.split_at(next.cut.index(bytes.len()));
    let write = async {
        // The host may close before it has read all: that is an answer, too.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut writing, one).await;
        let _ = tokio::io::AsyncWriteExt::write_all(&mut writing, two).await;
    };
    let mut answer = Vec::new();
    let read = async {
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut answer).await;
    };
    let both = tokio::time::timeout(SOON, async { tokio::join!(write, read) }).await;
    assert!(both.is_ok(), "the connection hangs");
    let seen = seen.lock().unwrap().clone();
    (String::from_utf8_lossy(&answer).into_owned(), seen)
}

#[test]
fn w6_ten_thousand_random_pairs_leave_no_desync() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = Seen::default();
    let host = runtime.block_on(async { Host::start(ServeLimits::default(), service(&seen)) });
    let (went_on, ended) = (Cell::new(0), Cell::new(0));
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&(first(), next()), |(first, next)| {
        let (answer, seen) = runtime.block_on(exchange(&host, &seen, &first, &next));
        let told = statuses(&answer).into_iter().filter(|status| *status != 100).count();
        let all = [format!("/first/{:?}", first.reads), "/next".to_owned(), "/last".to_owned()];
        prop_assert!(all.starts_with(&seen), "seen: {:?}, {}", seen, answer);
        prop_assert!(told <= seen.len(), "{} answers to {:?}: {}", told, seen, answer);
        prop_assert!(!seen.is_empty());
        // Where another protocol is wished for, the connection ends with the answer.
        if first.reads == Reads::All && !first.headers.contains("Upgrade:") {
            prop_assert_eq!(&seen[..], &all[..]);
        } else {
            let count = if seen.len() == all.len() { &went_on } else { &ended };
            count.set(count.get() + 1);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // Both ways out were taken: the rest of a body was read and thrown away, or the connection closed.
    assert!(went_on.get() > 500 && ended.get() > 500, "{} went on, {} ended", went_on.get(), ended.get());
}
