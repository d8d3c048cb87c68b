//! W4, W5, W6 and W7: one reading, or none.

use std::time::Duration;

use http_body_util::BodyExt;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use weir_serve::ServeLimits;
use weir_serve::guard::{FrameLimits, Framer, Step};

use crate::framing_vectors::{Expect, VECTORS};
use crate::support::{Host, Record, statuses};

const LIMITS: FrameLimits = FrameLimits { max_headers: 100, max_header_bytes: 32 * 1024 };

#[tokio::test]
async fn w4_ambiguous_framing_is_refused() {
    assert!(VECTORS.len() >= 40);
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    for (name, bytes, expect) in VECTORS {
        let mut raw = host.connect().await;
        raw.send(bytes).await;
        let answer = raw.read_for(Duration::from_millis(300)).await;
        let seen = record.take();
        assert!(seen.iter().all(|seen| seen.target != "/smuggled"), "{name}: {seen:?}");
        match *expect {
            Expect::Requests(count) => assert_eq!(seen.len(), count, "{name}: {answer}"),
            Expect::Refused(status) | Expect::BrokenBody(status) => {
                assert!(seen.is_empty(), "{name}: {seen:?}");
                assert_eq!(statuses(&answer), [status], "{name}: {answer}");
                raw.closed().await;
            }
        }
        if matches!(expect, Expect::Refused(_)) {
            assert!(answer.contains("connection: close"), "{name}: {answer}");
        }
    }
}

/// Why there is a guard: hyper on its own takes these. Should that change, the guard may shrink.
#[tokio::test]
async fn w4_a_bare_hyper_is_more_lenient() {
    let lenient = [
        "CL then TE",
        "TE then CL",
        "CL 0 with TE",
        "two equal lengths",
        "TE gzip, chunked",
        "TE chunked twice",
        "two TE chunked",
        "bare LF everywhere",
        "bare LF in a header",
        "a blank line first",
        "a length in the trailers",
        "a trailer ended by LF",
    ];
    for wanted in lenient {
        let (_, bytes, _) = VECTORS.iter().find(|(name, ..)| *name == wanted).unwrap();
        let mut whole = bytes.to_vec();
        // Where the vector is only a head, an end for the body that hyper waits for.
        whole.extend_from_slice(b"0\r\n\r\n");
        assert!(!hyper_sees(whole).await.is_empty(), "hyper refuses it too now: {wanted}");
    }
    for host in ["", "Host: a/b\r\n", "Host: a\r\nHost: b\r\n", "Host: u@h\r\n"] {
        let head = format!("GET / HTTP/1.1\r\n{host}\r\n");
        assert!(!hyper_sees(head.into_bytes()).await.is_empty(), "hyper has an opinion now: {host:?}");
    }
}

#[tokio::test]
async fn w4_the_second_of_two_is_refused_in_its_turn() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let (_, bytes, _) = VECTORS.iter().find(|(name, ..)| *name == "the second is ambiguous").unwrap();
    let answer = host.talk(bytes).await;
    assert_eq!(statuses(&answer), [200, 400], "{answer}");
}

/// Each vector again, one byte at a time: how the bytes arrive must not matter.
#[test]
fn w4_framing_does_not_depend_on_how_bytes_arrive() {
    for (name, bytes, _) in VECTORS {
        let whole = releases(bytes, &[]);
        let every: Vec<usize> = (0..bytes.len()).collect();
        assert_eq!(whole, releases(bytes, &every), "{name}, byte by byte");
        for at in 0..bytes.len() {
            assert_eq!(whole, releases(bytes, &[at]), "{name}, split at {at}");
        }
    }
}

/// What a framer made of bytes that arrived in parts: how many it released, how many heads there
/// were, and whether it refused the rest.
fn releases(bytes: &[u8], splits: &[usize]) -> (usize, u64, bool) {
    let mut framer = Framer::new(LIMITS);
    let mut released = 0;
    let ends = splits.iter().copied().chain([bytes.len()]);
    for end in ends {
        loop {
            match framer.step(&bytes[released..end.max(released)]) {
                Step::Release(count) => released += count,
                Step::More => break,
                Step::Refuse(_) => return (released, framer.heads(), true),
            }
            if released >= end && framer.at_head() {
                break;
            }
        }
    }
    (released, framer.heads(), false)
}

/// A request that is well-formed by construction, and its body.
fn request() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let header = ("[a-z][a-z0-9-]{0,8}", "[ -~]{0,12}");
    let body = prop::collection::vec(any::<u8>(), 0..40);
    (prop::collection::vec(header, 0..4), body, prop::option::of(1usize..9)).prop_map(|(headers, body, chunk)| {
        let mut bytes = b"POST /x HTTP/1.1\r\nhost: a\r\n".to_vec();
        for (name, value) in headers {
            bytes.extend_from_slice(format!("x-{name}: {value}\r\n").as_bytes());
        }
        match chunk {
            None => {
                bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(&body);
            }
            Some(size) => {
                bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
                for part in body.chunks(size) {
                    bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                    bytes.extend_from_slice(part);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        (bytes, body)
    })
}

/// What an attacker would do to a request.
fn spoil(bytes: &mut Vec<u8>, at: usize, how: u8) {
    let at = at % bytes.len();
    match how % 6 {
        0 => bytes[at] = b'\n',
        1 => bytes.insert(at, b'\r'),
        2 => drop(bytes.remove(at)),
        3 => bytes[at] = how,
        4 => bytes.insert(at, b' '),
        _ => {
            let line = *b"transfer-encoding: chunked\r\n";
            bytes.splice(at..at, line);
        }
    }
}

/// What a bare hyper server makes of the bytes: the bodies of the requests that it saw whole.
async fn hyper_sees(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let bodies = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let seen = bodies.clone();
    let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let seen = seen.clone();
        async move {
            let body = request.into_body().collect().await?.to_bytes();
            seen.lock().unwrap().push(body.to_vec());
            Ok::<_, hyper::Error>(http::Response::new(weir_serve::empty()))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    let serving = builder.half_close(true).serve_connection(hyper_util::rt::TokioIo::new(theirs), service);
    let feeding = async {
        ours.write_all(&bytes).await.unwrap();
        ours.shutdown().await.unwrap();
        let mut answers = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut ours, &mut answers).await;
    };
    let _ = tokio::join!(serving, feeding);
    std::mem::take(&mut *bodies.lock().unwrap())
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn w4_what_is_well_formed_passes_whole(requests in prop::collection::vec(request(), 1..4), splits in prop::collection::vec(0usize..600, 0..6)) {
        let bytes: Vec<u8> = requests.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let mut splits: Vec<usize> = splits.into_iter().filter(|&at| at < bytes.len()).collect();
        splits.sort_unstable();
        prop_assert_eq!(releases(&bytes, &splits), (bytes.len(), requests.len() as u64, false));

        let bodies: Vec<Vec<u8>> = requests.into_iter().map(|(_, body)| body).collect();
        prop_assert_eq!(block_on(hyper_sees(bytes)), bodies);
    }

    /// Whatever an attacker does, hyper sees in the released bytes as many requests as the framer.
    #[test]
    fn w4_the_guard_and_hyper_agree(requests in prop::collection::vec(request(), 1..4), spoils in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4)) {
        let mut bytes: Vec<u8> = requests.into_iter().flat_map(|(bytes, _)| bytes).collect();
        for (at, how) in spoils {
            spoil(&mut bytes, at, how);
        }
        let mut framer = Framer::new(LIMITS);
        let mut released = 0;
        let mut whole = 0;
        while let Step::Release(count) = framer.step(&bytes[released..]) {
            released += count;
            if framer.at_head() {
                whole = framer.heads();
            }
            if released == bytes.len() {
                break;
            }
        }
        let seen = block_on(hyper_sees(bytes[..released].to_vec()));
        // hyper has its own opinion on the characters of a target, and may end earlier; never later.
        prop_assert!(seen.len() as u64 <= whole, "hyper saw {} of {whole}", seen.len());
    }
}

#[tokio::test]
async fn w5_chunk_extension_floods_are_cut() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

    let one_long = format!("{head}1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(300));
    assert_eq!(statuses(&host.talk(one_long.as_bytes()).await), [400]);

    let endless = format!("{head}1;{}", "a".repeat(100_000));
    assert_eq!(statuses(&host.talk(endless.as_bytes()).await), [400]);

    let many = format!("{head}{}0\r\n\r\n", "1;aaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(300));
    assert_eq!(statuses(&host.talk(many.as_bytes()).await), [400]);

    let trailers = format!("{head}0\r\n{}", "a: b\r\n".repeat(200));
    assert_eq!(statuses(&host.talk(trailers.as_bytes()).await), [400]);
    assert!(record.all().is_empty());
}

/// However a message goes on without an end, little of it is ever held.
#[test]
fn w5_little_is_held() {
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let endless = [
        ("GET / HTTP/1.1\r\nx: ".to_owned(), "y", LIMITS.max_header_bytes),
        ("GET / HTTP/1.1\r\n".to_owned(), "x: y\r\n", LIMITS.max_header_bytes),
        (format!("{chunked}1;"), "a", 256),
        (format!("{chunked}0"), "0", 256),
        (format!("{chunked}0\r\nx: "), "y", LIMITS.max_header_bytes),
    ];
    for (start, again, most) in endless {
        let mut framer = Framer::new(LIMITS);
        let mut held = Vec::new();
        let bytes = start.bytes().chain(again.bytes().cycle());
        let refused = bytes.take(200_000).any(|byte| {
            held.push(byte);
            match framer.step(&held) {
                Step::Release(count) => drop(held.drain(..count)),
                Step::More => {}
                Step::Refuse(_) => return true,
            }
            assert!(held.len() <= most, "{start:?}: {} held", held.len());
            false
        });
        assert!(refused, "{start:?}");
    }
}

#[tokio::test]
async fn w5_a_missing_final_crlf_is_no_end() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let mut raw = host.connect().await;
    raw.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n").await;
    raw.0.shutdown().await.unwrap();
    let answer = raw.read_for(Duration::from_millis(300)).await;
    assert!(record.all().is_empty(), "{answer}");
}

#[tokio::test]
async fn w6_an_early_answer_leaves_no_desync() {
    // Answers without reading the body, which has a request in it.
    let host = Host::start(ServeLimits::default(), |request: http::Request<weir_serve::Body>, _| async move {
        let mut response = http::Response::new(weir_serve::full(request.uri().path().to_owned()));
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        response
    });
    let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for expect in ["", "Expect: 100-continue\r\n"] {
        let bytes =
            format!("POST /outer HTTP/1.1\r\nHost: a\r\n{expect}Content-Length: {}\r\n\r\n{inner}", inner.len());
        let mut raw = host.connect().await;
        raw.send(bytes.as_bytes()).await;
        let answer = raw.read_for(Duration::from_millis(300)).await;
        assert_eq!(statuses(&answer), [401], "{answer}");
        assert!(!answer.contains("/smuggled"), "{answer}");
    }
}

#[tokio::test]
async fn w7_http_10_has_no_chunks_and_no_open_end() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let chunked = host.talk(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
    assert_eq!(statuses(&chunked), [400]);
    assert!(record.take().is_empty());

    // Without a length there is no body: what follows is not read as one, and the connection ends.
    let open = host.talk(b"POST / HTTP/1.0\r\nHost: a\r\n\r\nuntil the end").await;
    let seen = record.take();
    assert_eq!(statuses(&open), [200], "{open}");
    assert_eq!((seen.len(), seen[0].body.len()), (1, 0));
}
