//! L1: a stop that cuts nobody who can finish.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, StreamBody};
use weir_serve::{Body, BoxError, Client, ClientOptions, Peer, ServeLimits, Shutdown};

use crate::support::{Host, Record, SOON};

/// Streams ten events in half a second.
fn streaming(_: http::Request<Body>, _: Peer) -> std::future::Ready<http::Response<Body>> {
    let events = futures::stream::unfold(0, |n| async move {
        if n == 10 {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, BoxError>(http_body::Frame::data(format!("event{n}\n").into())), n + 1))
    });
    std::future::ready(http::Response::new(StreamBody::new(events).boxed_unsync()))
}

#[tokio::test]
async fn l1_streams_finish_within_the_grace() {
    let host = Host::start(ServeLimits::default(), streaming);
    let mut clients = Vec::new();
    for h2c in [false, true] {
        let client = Client::new(ClientOptions { h2c, ..ClientOptions::default() }).unwrap();
        for _ in 0..50 {
            let (client, url) = (client.clone(), format!("http://{}/", host.addr));
            clients.push(tokio::spawn(async move {
                let request = http::Request::get(url).body(weir_serve::empty()).unwrap();
                client.send(request).await.unwrap().into_body().collect().await.map(|body| body.to_bytes())
            }));
        }
    }
    let mut idle = host.connect().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!host.shutdown.is_draining());
    host.trigger.drain(Duration::from_secs(10));
    assert!(host.shutdown.is_draining());

    let started = Instant::now();
    idle.closed().await;
    assert!(started.elapsed() < Duration::from_millis(200), "an idle connection is kept");
    assert!(tokio::net::TcpStream::connect(host.addr).await.is_err(), "still accepting");
    for client in clients {
        let body = client.await.unwrap().expect("a stream was cut");
        assert!(body.ends_with(b"event9\n"));
    }
    let drained = tokio::time::timeout(SOON, host.served).await.expect("drained").unwrap();
    assert_eq!(drained.cut, 0);
}

#[tokio::test]
async fn l1_a_kept_connection_is_closed_after_its_answer() {
    let host = Host::start(ServeLimits::default(), streaming);
    let mut raw = host.connect().await;
    raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("event0").await;
    host.trigger.drain(Duration::from_secs(10));
    let rest = raw.read_for(Duration::from_secs(2)).await;
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    assert_eq!(tokio::time::timeout(SOON, host.served).await.unwrap().unwrap().cut, 0);
}

#[tokio::test]
async fn l1_what_outlives_the_grace_is_cut_and_counted() {
    let host = Host::start(ServeLimits::default(), |_: http::Request<Body>, _| async {
        std::future::pending::<http::Response<Body>>().await
    });
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut raw = host.connect().await;
        raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        held.push(raw);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    host.trigger.drain(Duration::from_millis(200));
    let drained = tokio::time::timeout(SOON, host.served).await.unwrap().unwrap();
    assert_eq!(drained.cut, 3);
    for raw in &mut held {
        raw.closed().await;
    }
}

#[tokio::test]
async fn l1_a_stream_can_say_a_last_word() {
    let (trigger, shutdown) = Shutdown::new();
    let listener = weir_serve::Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr();
    let told = shutdown.clone();
    let service = move |_: http::Request<Body>, _| {
        let told = told.clone();
        async move {
            let last = futures::stream::once(async move {
                told.expired().await;
                Ok::<_, BoxError>(http_body::Frame::data("event: error\n\n".into()))
            });
            http::Response::new(StreamBody::new(last).boxed_unsync())
        }
    };
    let served = tokio::spawn(weir_serve::serve(listener, None, service, ServeLimits::default(), shutdown));
    let mut raw = crate::support::Raw(tokio::net::TcpStream::connect(addr).await.unwrap());
    raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("200 OK").await;
    trigger.drain(Duration::from_millis(100));
    raw.read_until("event: error").await;
    assert_eq!(tokio::time::timeout(SOON, served).await.unwrap().unwrap().cut, 0);
}

#[tokio::test]
async fn l1_a_dropped_server_cuts_its_connections() {
    let host = Host::start(ServeLimits::default(), Record::default().service());
    let mut raw = host.connect().await;
    raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("ok").await;
    host.served.abort();
    raw.closed().await;
}
