//! W3 and J1: how many, and how much. H4: a panic.

use std::time::Duration;

use weir_serve::{Body, ServeLimits, full};

use crate::support::{Host, Record, statuses};

#[tokio::test]
async fn w3_connections_are_capped() {
    let limits = ServeLimits { max_connections: 8, ..ServeLimits::default() };
    let host = Host::start(limits, Record::default().service());
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut raw = host.connect().await;
        raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        raw.read_until("ok").await;
        held.push(raw);
    }
    let mut ninth = host.connect().await;
    ninth.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    ninth.closed().await;

    // Those inside go on, and a place that becomes free is given again.
    held[0].send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    held[0].read_until("ok").await;
    held.clear();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(statuses(&host.talk(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await), [200]);
}

#[tokio::test]
async fn j1_long_bodies_are_refused() {
    let record = Record::default();
    let limits = ServeLimits { max_body_bytes: 1000, ..ServeLimits::default() };
    let host = Host::start(limits, record.service());

    // By what it says, before a byte of it is sent.
    let said = host.talk(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n").await;
    assert_eq!(statuses(&said), [413], "{said}");
    let expected =
        host.talk(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n").await;
    assert_eq!(statuses(&expected), [413], "{expected}");

    // By what it sends, also when it never ends; and the answer is not lost to a reset.
    let chunks = "64\r\n".to_owned() + &"x".repeat(100) + "\r\n";
    let sent = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunks.repeat(500));
    let answer = host.talk(sent.as_bytes()).await;
    assert_eq!(statuses(&answer), [413], "{answer}");
    assert!(record.take().is_empty());

    let fits = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    assert_eq!(statuses(&host.talk(fits.as_bytes()).await), [200]);
}

#[tokio::test]
async fn h4_a_panic_is_a_500_and_nothing_more() {
    let host = Host::start(ServeLimits::default(), |request: http::Request<Body>, _| async move {
        assert!(request.uri().path() != "/panic", "secret-canary");
        http::Response::new(full("ok"))
    });
    let mut raw = host.connect().await;
    raw.send(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = raw.read_until("internal error").await;
    assert_eq!(statuses(&answer), [500]);
    assert!(!answer.contains("secret-canary"));
    raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("ok").await;
}
