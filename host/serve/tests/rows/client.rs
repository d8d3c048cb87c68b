//! The upstream client: R5, cancelling, the pool, and what a broken upstream becomes.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use tokio::sync::mpsc;
use weir_serve::{Body, Client, ClientError, ClientOptions, ServeLimits, empty, full};

use crate::support::{Host, OnDrop, Raw, Record, SOON, upstream};

const PROMISE: Duration = Duration::from_millis(250);

fn client() -> Client {
    Client::new(ClientOptions::default()).unwrap()
}

fn get(url: impl AsRef<str>) -> http::Request<Body> {
    http::Request::get(url.as_ref()).body(empty()).unwrap()
}

#[tokio::test]
async fn r5_a_refused_connection_has_its_own_error() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = client().send(get(format!("http://{closed}/"))).await.unwrap_err();
    assert!(matches!(error, ClientError::Connect { .. }), "{error:?}");
    assert!(error.is_connect() && !error.may_have_been_processed());
    assert!(error.source().unwrap().to_string().contains("refused"), "{error:?}");
}

#[tokio::test]
async fn r5_a_black_hole_ends_at_the_connect_deadline() {
    // A full backlog answers no SYN: a black hole that needs no network.
    let listener = tokio::net::TcpSocket::new_v4().unwrap();
    listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = listener.listen(1).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut fill = Vec::new();
    for _ in 0..8 {
        fill.push(tokio::spawn(tokio::net::TcpStream::connect(addr)));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;

    let after = Duration::from_millis(500);
    let client = Client::new(ClientOptions { connect_timeout: after, ..ClientOptions::default() }).unwrap();
    let started = Instant::now();
    let error = client.send(get(format!("http://{addr}/"))).await.unwrap_err();
    assert!(matches!(error, ClientError::ConnectTimeout { .. }) && error.is_connect(), "{error:?}");
    let took = started.elapsed();
    assert!(took >= after && took < after + Duration::from_millis(200), "{took:?}");
    fill.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn r5_a_name_that_is_not_there_has_its_own_error() {
    let error = client().send(get("http://weir.invalid/")).await.unwrap_err();
    assert!(matches!(error, ClientError::Dns { .. }) && error.is_connect(), "{error:?}");
}

#[tokio::test]
async fn r5_a_failed_handshake_has_its_own_error() {
    let addr = upstream(|mut raw| async move {
        raw.send(b"this is no TLS, whatever you say").await;
        raw.closed().await;
    })
    .await;
    let error = client().send(get(format!("https://{addr}/"))).await.unwrap_err();
    assert!(matches!(error, ClientError::Tls { .. }) && error.is_connect(), "{error:?}");
}

#[tokio::test]
async fn r5_an_upstream_that_closes_or_babbles_is_no_connect_error() {
    let closes = upstream(|mut raw| async move {
        raw.read_until("\r\n\r\n").await;
    })
    .await;
    let error = client().send(get(format!("http://{closes}/"))).await.unwrap_err();
    assert!(matches!(error, ClientError::Closed(_)), "{error:?}");
    assert!(!error.is_connect() && error.may_have_been_processed());

    let babbles = upstream(|mut raw| async move {
        raw.read_until("\r\n\r\n").await;
        raw.send(b"SSH-2.0-OpenSSH\r\n\r\n").await;
        raw.closed().await;
    })
    .await;
    let error = client().send(get(format!("http://{babbles}/"))).await.unwrap_err();
    assert!(matches!(error, ClientError::Protocol(_)), "{error:?}");
}

#[tokio::test]
async fn r5_a_cut_body_is_told() {
    let starts: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ];
    for start in starts {
        let addr = upstream(move |mut raw| async move {
            raw.read_until("\r\n\r\n").await;
            raw.send(start).await;
        })
        .await;
        let response = client().send(get(format!("http://{addr}/"))).await.unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        assert!(matches!(ClientError::find(&*error), Some(ClientError::Closed(_))), "{error:?}");
    }
}

#[tokio::test]
async fn a_request_body_that_fails_is_not_the_upstreams_fault() {
    let addr = upstream(|mut raw| async move { raw.closed().await }).await;
    let broken = futures::stream::iter([
        Ok(http_body::Frame::data("a".into())),
        Err(weir_serve::BoxError::from("the client left")),
    ]);
    let body = http_body_util::StreamBody::new(broken).boxed_unsync();
    let request = http::Request::post(format!("http://{addr}/")).body(body).unwrap();
    let error = client().send(request).await.unwrap_err();
    assert!(matches!(error, ClientError::RequestBody(_)), "{error:?}");
}

#[tokio::test]
async fn bad_uris_are_told() {
    for uri in ["/only/a/path", "ftp://a/"] {
        let error = client().send(get(uri)).await.unwrap_err();
        assert!(matches!(error, ClientError::InvalidUri(_)), "{uri}: {error:?}");
    }
}

#[tokio::test]
async fn e4_redirects_are_not_followed() {
    let (canary, mut hits) = mpsc::channel(1);
    let trap = upstream(move |_| {
        let canary = canary.clone();
        async move { canary.send(()).await.unwrap() }
    })
    .await;
    let addr = upstream(move |mut raw| async move {
        raw.read_until("\r\n\r\n").await;
        raw.send(format!("HTTP/1.1 302 Found\r\nLocation: http://{trap}/\r\nContent-Length: 0\r\n\r\n").as_bytes())
            .await;
    })
    .await;
    let response = client().send(get(format!("http://{addr}/"))).await.unwrap();
    assert_eq!(response.status(), 302);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(hits.try_recv().is_err());
}

/// Says on the channel when a connection was closed.
async fn watched(answer: &'static [u8]) -> (std::net::SocketAddr, mpsc::Receiver<()>, mpsc::Receiver<()>) {
    let (asked, was_asked) = mpsc::channel(8);
    let (closed, was_closed) = mpsc::channel(8);
    let addr = upstream(move |mut raw: Raw| {
        let (asked, closed) = (asked.clone(), closed.clone());
        async move {
            raw.read_until("\r\n\r\n").await;
            raw.send(answer).await;
            asked.send(()).await.unwrap();
            raw.closed().await;
            closed.send(()).await.unwrap();
        }
    })
    .await;
    (addr, was_asked, was_closed)
}

#[tokio::test]
async fn s1_dropping_the_call_closes_the_upstream() {
    let (addr, mut asked, mut closed) = watched(b"").await;
    let call = tokio::spawn(async move { client().send(get(format!("http://{addr}/"))).await });
    asked.recv().await.unwrap();
    call.abort();
    tokio::time::timeout(PROMISE, closed.recv()).await.expect("closed in time").unwrap();
}

#[tokio::test]
async fn s2_dropping_the_body_closes_the_upstream() {
    let (addr, _asked, mut closed) =
        watched(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    let client = client();
    let mut response = client.send(get(format!("http://{addr}/"))).await.unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    tokio::time::timeout(PROMISE, closed.recv()).await.expect("closed in time").unwrap();
}

#[tokio::test]
async fn s1_h2_dropping_the_call_resets_the_stream() {
    let (on_drop, dropped) = OnDrop::new();
    let on_drop = Arc::new(std::sync::Mutex::new(Some(on_drop)));
    let (asked, mut was_asked) = mpsc::channel(1);
    let host = Host::start(ServeLimits::default(), move |_, _| {
        let (alive, asked) = (on_drop.lock().unwrap().take(), asked.clone());
        async move {
            let _alive = alive;
            asked.send(()).await.unwrap();
            std::future::pending::<http::Response<Body>>().await
        }
    });
    let client = Client::new(ClientOptions { h2c: true, ..ClientOptions::default() }).unwrap();
    let url = format!("http://{}/", host.addr);
    let call = tokio::spawn(async move {
        // The pool, and with it the connection, outlives the call.
        let answer = client.send(get(url)).await;
        (client, answer.is_ok())
    });
    was_asked.recv().await.unwrap();
    call.abort();
    tokio::time::timeout(PROMISE, dropped).await.expect("reset in time").unwrap();
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let addr = upstream(move |mut raw| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            loop {
                raw.read_until("\r\n\r\n").await;
                raw.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\nok").await;
            }
        }
    })
    .await;
    let client = client();
    for _ in 0..20 {
        let response = client.send(get(format!("http://{addr}/"))).await.unwrap();
        assert!(!response.headers().contains_key("x-hop"), "hop-by-hop headers come through");
        response.into_body().collect().await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// The upstream closes each connection after one answer without saying so: a pooled connection is
/// found dead, and the request, body and all, goes out on a new one.
#[tokio::test]
async fn a_stale_connection_costs_no_error() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    let addr = upstream(move |mut raw| {
        let count = count.clone();
        async move {
            raw.read_until("ping").await;
            count.fetch_add(1, Ordering::SeqCst);
            raw.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let client = client();
    for _ in 0..20 {
        let request = http::Request::post(format!("http://{addr}/")).body(full("ping")).unwrap();
        let response = client.send(request).await.unwrap();
        response.into_body().collect().await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(requests.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn a_client_and_a_host_get_along() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let big = vec![b'x'; 3 * 1024 * 1024];
    let request = http::Request::post(format!("http://{}/v1?q=1", host.addr)).body(full(big.clone())).unwrap();
    let response = tokio::time::timeout(SOON, client().send(request)).await.unwrap().unwrap();
    assert_eq!(response.status(), 200);
    let seen = record.take().remove(0);
    assert_eq!((seen.method.as_str(), seen.target.as_str(), &seen.body[..]), ("POST", "/v1?q=1", &big[..]));
}
