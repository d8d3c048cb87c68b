//! How a guest's response reaches the client.

use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::{edge, get, read, serve, until};
use http_body_util::BodyExt;

const CHAINS: [&[&str]; 2] = [&["streams_events"], &["passes_the_stream_on", "passes_the_stream_on", "streams_events"]];

#[tokio::test(flavor = "multi_thread")]
async fn each_event_arrives_when_it_is_written() {
    for chain in CHAINS {
        let served = serve(edge(chain));
        let mut client = Client::get(served.addr, "/", "").await;
        let start = Instant::now();
        for event in 0..10_u32 {
            client.read_until(&format!("data: {event}\n\n")).await;
            assert!(
                !client.text().contains(&format!("data: {}", event + 1)),
                "event {event} came together with the next"
            );
            // Events are 30 ms apart; one that was held back would come with the next.
            assert!(start.elapsed() < Duration::from_millis(30) * event + Duration::from_millis(500));
        }
        client.read_until("\r\n0\r\n").await;
        until("it is over", || read(&served.edge.stats().in_flight) == 0).await;
        assert_eq!(read(&served.edge.stats().client_gone), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_failed_trailers_are_seen_as_an_abort_after_the_last_event() {
    for chain in CHAINS {
        let served = serve(edge(chain));
        for _ in 0..20 {
            let answer = Client::get(served.addr, "/cut", "").await.read_to_end().await;
            assert!(answer.contains("data: 2\n\n") && answer.contains("event: error\ndata: cut\n\n"), "{answer}");
            assert!(!answer.contains("\r\n0\r\n"), "it must not look whole: {answer}");
        }
        assert_eq!(read(&served.edge.stats().aborted), 20);
        assert_eq!(read(&served.edge.stats().instances_trapped), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_failed_trailers_reset_the_stream_over_http_2() {
    let served = serve(edge(&["streams_events"]));
    let stream = tokio::net::TcpStream::connect(served.addr).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("http://{}/cut", served.addr)).body(weir_serve::empty()).unwrap();
    let mut body = sender.send_request(request).await.unwrap().into_body();
    let mut text = String::new();
    let error = loop {
        match body.frame().await {
            Some(Ok(frame)) => text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap()),
            Some(Err(error)) => break error,
            None => panic!("it must not look whole: {text}"),
        }
    };
    assert!(text.contains("event: error"), "{text}");
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(cause.contains("reset") || cause.contains("stream error"), "{error:?}");

    let request = http::Request::get(format!("http://{}/", served.addr)).body(weir_serve::empty()).unwrap();
    let whole = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    let trailers = whole.trailers().unwrap();
    assert_eq!((trailers.len(), trailers["x-note"].to_str().unwrap()), (1, "kept"), "{trailers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_internal_headers_and_trailers_stay_inside() {
    let served = serve(edge(&["streams_events"]));
    for ask in ["connection: close\r\n", "te: trailers\r\nconnection: close, te\r\n"] {
        let answer = Client::get(served.addr, "/", ask).await.read_to_end().await;
        let lower = answer.to_ascii_lowercase();
        assert!(lower.contains("x-weir-dropped: seed"), "{answer}");
        assert!(!lower.contains("x-weir-backend") && !lower.contains("x-weir-usage"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_is_whole_without_a_body() {
    let served = serve(edge(&["streams_events"]));
    let request = b"HEAD / HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n";
    let answer = Client::send(served.addr, request).await.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
    until("it is over", || read(&served.edge.stats().in_flight) == 0).await;
    assert_eq!(read(&served.edge.stats().client_gone), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guest_that_streams_without_end_stops_when_its_client_leaves() {
    let edge = edge(&["streams_events"]);
    let mut response = edge.handle(get("/endless")).await;
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    assert_eq!(read(&edge.stats().client_gone), 1);
    // An instance is not dropped while its guest works: that it ends shows that the guest stopped.
    until("the guest stops", || read(&edge.stats().instances_live) == 0).await;
    assert_eq!(read(&edge.stats().instances_trapped), 0);
}
