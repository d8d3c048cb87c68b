//! HTTP/2 by prior knowledge, and W10, W11 on it.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use weir_serve::{Client, ClientOptions, ServeLimits, full};

use crate::support::{H2_HEADERS, Host, Record, SOON, h2_frame, h2_start};

fn h2c() -> Client {
    Client::new(ClientOptions { h2c: true, ..ClientOptions::default() }).unwrap()
}

#[tokio::test]
async fn h2c_is_served_on_the_same_port() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let request = http::Request::post(format!("http://{}/a?b", host.addr)).body(full("body")).unwrap();
    let response = h2c().send(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    assert_eq!(&response.into_body().collect().await.unwrap().to_bytes()[..], b"ok");
    assert_eq!(&record.take()[0].body[..], b"body");
}

#[tokio::test]
async fn j1_h2_long_bodies_are_refused() {
    let record = Record::default();
    let host = Host::start(ServeLimits { max_body_bytes: 100, ..ServeLimits::default() }, record.service());
    let request = http::Request::post(format!("http://{}/", host.addr)).body(full(vec![0; 101])).unwrap();
    assert_eq!(h2c().send(request).await.unwrap().status(), 413);
    assert!(record.take().is_empty());
}

#[tokio::test]
async fn w10_h2_too_many_headers_are_refused() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let mut request = http::Request::get(format!("http://{}/", host.addr)).body(weir_serve::empty()).unwrap();
    for n in 0..101 {
        let name = http::HeaderName::from_bytes(format!("x-{n}").as_bytes()).unwrap();
        request.headers_mut().insert(name, http::HeaderValue::from_static("1"));
    }
    assert_eq!(h2c().send(request).await.unwrap().status(), 431);

    let mut long = http::Request::get(format!("http://{}/", host.addr)).body(weir_serve::empty()).unwrap();
    long.headers_mut().insert("x", http::HeaderValue::from_str(&"y".repeat(40 * 1024)).unwrap());
    let refused = h2c().send(long).await;
    assert!(refused.is_err() || refused.unwrap().status() == 431);
    assert!(record.take().is_empty());
}

/// Sends the preface and then frames until the host says GOAWAY or closes; whether it did.
async fn flood(host: &Host, mut next: impl FnMut(u32) -> Vec<u8>) -> bool {
    let mut stream = tokio::net::TcpStream::connect(host.addr).await.unwrap();
    stream.write_all(&h2_start()).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let reader = tokio::spawn(async move {
        let mut head = [0; 9];
        while reading.read_exact(&mut head).await.is_ok() {
            if head[3] == 7 {
                return;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            if reading.read_exact(&mut payload).await.is_err() {
                return;
            }
        }
    });
    let writer = async {
        for n in 0..200_000u32 {
            if writing.write_all(&next(n)).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        // Not dropped before the reader: a close of ours would end the connection by itself.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = tokio::time::timeout(SOON, reader) => ended.is_ok(),
        () = writer => false,
    }
}

#[tokio::test]
async fn w10_h2_a_continuation_flood_is_ended() {
    let host = Host::start(ServeLimits::default(), Record::default().service());
    // A header block that never ends, of one literal header again and again.
    let one = b"\x00\x01x\x01y".repeat(1000);
    let ended = flood(&host, |n| match n {
        0 => h2_frame(1, 0x1, 1, H2_HEADERS),
        _ => h2_frame(9, 0, 1, &one),
    })
    .await;
    assert!(ended);
}

#[tokio::test]
async fn w11_h2_rapid_reset_is_ended() {
    let host = Host::start(ServeLimits::default(), |_, _| std::future::pending::<http::Response<weir_serve::Body>>());
    let ended = flood(&host, |n| {
        let stream = 2 * n + 1;
        let mut both = h2_frame(1, 0x5, stream, H2_HEADERS);
        both.extend(h2_frame(3, 0, stream, &8u32.to_be_bytes()));
        both
    })
    .await;
    assert!(ended);

    let healthy = http::Request::get(format!("http://{}/", host.addr)).body(weir_serve::empty()).unwrap();
    let pending = tokio::time::timeout(Duration::from_millis(100), h2c().send(healthy)).await;
    assert!(pending.is_err(), "the service never answers, but the host still takes requests");
}

#[tokio::test]
async fn w11_h2_floods_of_frames_that_carry_nothing_are_ended() {
    let ping = h2_frame(6, 0, 0, &[0; 8]);
    let settings = h2_frame(4, 0, 0, b"");
    let priority = h2_frame(2, 0, 1, &[0, 0, 0, 0, 1]);
    for (what, frame) in [("PING", ping), ("SETTINGS", settings), ("PRIORITY", priority)] {
        let host = Host::start(ServeLimits::default(), Record::default().service());
        assert!(flood(&host, |_| frame.clone()).await, "{what}");
    }
    // A request whose body has neither bytes nor an end.
    let host = Host::start(ServeLimits::default(), Record::default().service());
    let empty = h2_frame(0, 0, 1, b"");
    assert!(flood(&host, |n| if n == 0 { h2_frame(1, 0x4, 1, H2_HEADERS) } else { empty.clone() }).await, "DATA");
}

#[tokio::test]
async fn w11_h2_streams_that_this_side_must_reset_are_ended() {
    let host = Host::start(ServeLimits::default(), |_, _| std::future::pending::<http::Response<weir_serve::Body>>());
    // "MadeYouReset": each stream is opened rightly, and then broken by a window update of nothing.
    let ended = flood(&host, |n| {
        let stream = 2 * n + 1;
        let mut both = h2_frame(1, 0x5, stream, H2_HEADERS);
        both.extend(h2_frame(8, 0, stream, &0u32.to_be_bytes()));
        both
    })
    .await;
    assert!(ended);
}

#[tokio::test]
async fn w11_h2_a_flood_does_not_slow_others_down() {
    let host = Host::start(ServeLimits::default(), Record::default().service());
    let ping = h2_frame(6, 0, 0, &[0; 8]);
    let probe = async {
        let client = h2c();
        for _ in 0..20 {
            let request = http::Request::get(format!("http://{}/", host.addr)).body(weir_serve::empty()).unwrap();
            assert_eq!(client.send(request).await.unwrap().status(), 200);
        }
    };
    let (ended, ()) = tokio::join!(flood(&host, |_| ping.clone()), probe);
    assert!(ended);
}

#[tokio::test]
async fn w8_h2_the_authority_is_checked() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let mut request = http::Request::get(format!("http://{}/", host.addr)).body(weir_serve::empty()).unwrap();
    request.headers_mut().insert("host", http::HeaderValue::from_static("other"));
    assert_eq!(h2c().send(request).await.unwrap().status(), 400);
    assert!(record.take().is_empty());
}
