//! W1 and W2: clients that take their time.

use std::time::{Duration, Instant};

use weir_serve::ServeLimits;

use crate::support::{Host, Record, statuses};

fn hasty() -> ServeLimits {
    ServeLimits {
        header_deadline: Duration::from_millis(300),
        keep_alive_idle: Duration::from_millis(700),
        body_idle: Duration::from_millis(300),
        write_idle: Duration::from_millis(500),
        ..ServeLimits::default()
    }
}

/// Sends `bytes` one by one, until the host closes; what it said, and when.
async fn drip(host: &Host, bytes: &[u8]) -> (String, Duration) {
    let started = Instant::now();
    let mut raw = host.connect().await;
    let mut answer = String::new();
    for byte in bytes.iter().cycle() {
        raw.send(&[*byte]).await;
        let mut buffer = [0; 512];
        match raw.0.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.push_str(&String::from_utf8_lossy(&buffer[..count])),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        assert!(started.elapsed() < Duration::from_secs(5), "never closed: {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (answer, started.elapsed())
}

#[tokio::test]
async fn w1_slow_headers_are_cut() {
    let record = Record::default();
    let host = Host::start(hasty(), record.service());
    let slow = (0..50).map(|_| drip(&host, b"G"));
    let probes = async {
        for _ in 0..10 {
            let started = Instant::now();
            let mut raw = host.connect().await;
            raw.send(b"GET /probe HTTP/1.1\r\nHost: a\r\n\r\n").await;
            raw.read_until("ok").await;
            assert!(started.elapsed() < Duration::from_millis(250), "a healthy client waits");
        }
    };
    let (outcomes, ()) = futures::join!(futures::future::join_all(slow), probes);
    for (answer, took) in outcomes {
        assert_eq!(statuses(&answer), [408], "{answer}");
        assert!(took >= Duration::from_millis(250) && took < Duration::from_millis(1500), "{took:?}");
    }
    assert!(record.all().iter().all(|seen| seen.target == "/probe"));
}

#[tokio::test]
async fn w1_silence_is_cut() {
    let host = Host::start(hasty(), Record::default().service());
    for first in [&b""[..], b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let started = Instant::now();
        let mut raw = host.connect().await;
        raw.send(first).await;
        raw.closed().await;
        assert!(started.elapsed() >= Duration::from_millis(250), "{first:?}");
        assert!(started.elapsed() < Duration::from_millis(2500), "{first:?} {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn w1_later_requests_have_the_same_deadline() {
    let host = Host::start(hasty(), Record::default().service());
    let mut raw = host.connect().await;
    raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("ok").await;
    // Idle, but not for long.
    tokio::time::sleep(Duration::from_millis(450)).await;
    let started = Instant::now();
    raw.send(b"GET / HT").await;
    let answer = raw.read_until("408").await;
    assert_eq!(statuses(&answer), [408]);
    assert!(started.elapsed() < Duration::from_millis(1000));
}

#[tokio::test]
async fn w1_idle_connections_are_closed_without_a_word() {
    let host = Host::start(hasty(), Record::default().service());
    let mut raw = host.connect().await;
    raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_until("ok").await;
    let started = Instant::now();
    assert_eq!(raw.read_for(Duration::from_secs(3)).await, "");
    assert!(started.elapsed() >= Duration::from_millis(600) && started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn w2_slow_bodies_are_cut() {
    let record = Record::default();
    let host = Host::start(hasty(), record.service());
    for head in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let started = Instant::now();
        let mut raw = host.connect().await;
        raw.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n").as_bytes()).await;
        let answer = raw.read_until("408").await;
        assert_eq!(statuses(&answer), [408], "{head}");
        raw.closed().await;
        assert!(started.elapsed() < Duration::from_millis(2000), "{head}");
    }
    assert!(record.all().is_empty());
}

#[tokio::test]
async fn w2_a_client_that_takes_nothing_is_cut() {
    let (on_drop, dropped) = crate::support::OnDrop::new();
    let on_drop = std::sync::Arc::new(std::sync::Mutex::new(Some(on_drop)));
    let host = Host::start(hasty(), move |_, _| {
        let on_drop = on_drop.lock().unwrap().take();
        async move {
            let chunks = futures::stream::repeat_with(move || {
                let _alive = &on_drop;
                Ok::<_, weir_serve::BoxError>(http_body::Frame::data(bytes::Bytes::from_static(&[b'x'; 16 * 1024])))
            });
            let body = http_body_util::StreamBody::new(chunks);
            http::Response::new(http_body_util::BodyExt::boxed_unsync(body))
        }
    });
    let mut raw = host.connect().await;
    raw.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::timeout(Duration::from_secs(4), dropped).await.expect("dropped in time").unwrap();
}
