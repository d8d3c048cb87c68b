//! S1 and S2: the client leaves, and the service learns it by being dropped.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::{Notify, oneshot};
use weir_serve::{Body, BoxError, Peer, ServeLimits};

use crate::support::{H2_HEADERS, Host, OnDrop, Raw, SOON, h2_frame, h2_start};

const PROMISE: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug)]
enum Leave {
    Fin,
    Reset,
}

/// A host whose service reads the body, says so, and then waits: before its answer, or with the
/// answer's head sent. The receiver tells that what waited was dropped.
fn waiting_host(stream: bool) -> (Host, Arc<Notify>, oneshot::Receiver<()>) {
    let (on_drop, dropped) = OnDrop::new();
    let on_drop = Arc::new(Mutex::new(Some(on_drop)));
    let waiting = Arc::new(Notify::new());
    let notify = waiting.clone();
    let host = Host::start(ServeLimits::default(), move |request: http::Request<Body>, _: Peer| {
        let (notify, on_drop) = (notify.clone(), on_drop.lock().unwrap().take());
        async move {
            request.into_body().collect().await.unwrap();
            notify.notify_one();
            if stream {
                let first = futures::stream::iter([Ok::<_, BoxError>(http_body::Frame::data("first".into()))]);
                let rest = futures::stream::pending().map(move |never| {
                    let _alive = &on_drop;
                    never
                });
                return http::Response::new(StreamBody::new(first.chain(rest)).boxed_unsync());
            }
            let _alive = on_drop;
            std::future::pending().await
        }
    });
    (host, waiting, dropped)
}

async fn leave(raw: Raw, how: Leave) {
    match how {
        Leave::Fin => drop(raw),
        Leave::Reset => raw.reset(),
    }
}

#[tokio::test]
async fn s1_leaving_before_the_answer_drops_the_service() {
    let requests: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        // One more request waits behind it: the connection is read all the same.
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for request in requests {
        for how in [Leave::Fin, Leave::Reset] {
            let (host, waiting, dropped) = waiting_host(false);
            let mut raw = host.connect().await;
            raw.send(request).await;
            tokio::time::timeout(SOON, waiting.notified()).await.expect("the service is called");
            tokio::time::sleep(Duration::from_millis(20)).await;
            leave(raw, how).await;
            let name = String::from_utf8_lossy(request);
            tokio::time::timeout(PROMISE, dropped).await.unwrap_or_else(|_| panic!("{how:?} {name}")).unwrap();
        }
    }
}

#[tokio::test]
async fn s2_leaving_in_the_stream_drops_the_body() {
    for how in [Leave::Fin, Leave::Reset] {
        let (host, _, dropped) = waiting_host(true);
        let mut raw = host.connect().await;
        raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        raw.read_until("first").await;
        leave(raw, how).await;
        tokio::time::timeout(PROMISE, dropped).await.unwrap_or_else(|_| panic!("{how:?}")).unwrap();
    }
}

#[tokio::test]
async fn s1_a_client_that_stays_is_not_taken_for_gone() {
    let (host, waiting, mut dropped) = waiting_host(false);
    let mut raw = host.connect().await;
    raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    waiting.notified().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(dropped.try_recv().is_err());
}

async fn h2_client(host: &Host) -> hyper::client::conn::http2::SendRequest<Body> {
    let stream = tokio::net::TcpStream::connect(host.addr).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    sender
}

fn h2_request(host: &Host) -> http::Request<Body> {
    http::Request::post(format!("http://{}/", host.addr)).body(weir_serve::full("hi")).unwrap()
}

#[tokio::test]
async fn s1_h2_a_reset_stream_drops_the_service() {
    let (host, waiting, dropped) = waiting_host(false);
    let mut sender = h2_client(&host).await;
    let call = tokio::spawn(sender.send_request(h2_request(&host)));
    waiting.notified().await;
    call.abort();
    tokio::time::timeout(PROMISE, dropped).await.expect("RST_STREAM").unwrap();
}

#[tokio::test]
async fn s1_h2_a_closed_connection_drops_the_service() {
    for how in [Leave::Fin, Leave::Reset] {
        let (host, waiting, dropped) = waiting_host(false);
        let mut raw = host.connect().await;
        raw.send(&h2_start()).await;
        raw.send(&h2_frame(1, 0x5, 1, H2_HEADERS)).await;
        waiting.notified().await;
        leave(raw, how).await;
        tokio::time::timeout(PROMISE, dropped).await.unwrap_or_else(|_| panic!("{how:?}")).unwrap();
    }
}

#[tokio::test]
async fn s2_h2_a_dropped_body_drops_the_body() {
    let (host, _, dropped) = waiting_host(true);
    let mut sender = h2_client(&host).await;
    let mut response = sender.send_request(h2_request(&host)).await.unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    tokio::time::timeout(PROMISE, dropped).await.expect("RST_STREAM").unwrap();
}
