//! Streams through tier one, with a model server that misbehaves: rows S1 to S4 and R4, and the settlement of each
//! way out.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_tests::chat::{self, exchange, records, streams, whole_answer, whole_stream};
use weir_tests::raw::{Next, RawClient};
use weir_tests::upstream::{Script, Upstream};
use weir_tests::weir::{Built, KEY, Setup, Weir};

/// How soon a call upstream is broken off when its client has left (DESIGN.md, section 3).
const CANCEL: Duration = Duration::from_millis(250);

fn built() -> Built {
    Built::at(env!("CARGO_BIN_EXE_weir"))
}

fn outcome(record: &Value) -> (&str, u64, u64) {
    let tokens = |kind: &str| record["usage"][kind].as_u64().unwrap();
    (record["ending"].as_str().unwrap(), tokens("input"), tokens("output"))
}

async fn ask(weir: &Weir, stream: bool) -> RawClient {
    let mut client = RawClient::connect(weir.edge).await.unwrap();
    client.send(chat::request(weir.edge, KEY, stream)).await.unwrap();
    client
}

#[tokio::test]
async fn a_whole_stream_passes_byte_for_byte_and_is_settled() {
    let upstream = Upstream::start(|_| streams(&whole_stream()).last_chunk()).await;
    let weir = Weir::start(&built(), &Setup::in_front_of(&upstream.origin()));
    let mut client = ask(&weir, true).await;
    let head = client.read_head().await.unwrap();
    assert_eq!((head.status, head.header("content-type").unwrap().starts_with("text/event-stream")), (200, true));
    assert!(head.header("x-request-id").is_some());
    assert!(!head.headers.iter().any(|(name, _)| name.starts_with("x-weir-")), "{head:?}");
    let body = client.read_chunks().await.unwrap();
    assert_eq!(body.cut, None);

    // The client did not ask for usage: all but that event, as it was.
    let mut events = whole_stream();
    events.remove(events.len() - 2);
    let expected: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    assert_eq!(String::from_utf8(body.bytes()).unwrap(), expected);
    let sent: Value = serde_json::from_slice(&upstream.calls()[0].body).unwrap();
    assert_eq!(sent["stream_options"]["include_usage"], true);
    assert_eq!(upstream.calls()[0].header("content-length").unwrap(), upstream.calls()[0].body.len().to_string());

    let records = records(weir.control, 1).await;
    assert_eq!((records.len(), outcome(&records[0])), (1, ("complete", 7, 4)));
}

#[tokio::test]
async fn a_whole_answer_is_settled() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let weir = Weir::start(&built(), &Setup::in_front_of(&upstream.origin()));
    let (head, body) = exchange(weir.edge, &chat::request(weir.edge, KEY, false)).await.unwrap();
    assert_eq!((head.status, body["usage"]["total_tokens"].as_u64()), (200, Some(11)));
    assert_eq!(outcome(&records(weir.control, 1).await[0]), ("complete", 7, 4));
}

#[tokio::test]
async fn s1_a_client_that_leaves_before_the_first_event_ends_the_call() {
    let upstream = Upstream::start(|_| Script::default().stall()).await;
    let weir = Weir::start(&built(), &Setup::in_front_of(&upstream.origin()));
    for reset in [true, false] {
        let client = ask(&weir, true).await;
        let before = upstream.closed().len();
        upstream.wait_for(Duration::from_secs(5), |u| (u.calls().len() > before).then_some(())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let left = Instant::now();
        if reset {
            client.reset().unwrap();
        } else {
            client.fin();
        }
        let closed = upstream.wait_for(Duration::from_secs(5), |u| u.closed().get(before).copied()).await.unwrap();
        assert!(closed.by_peer);
        assert!(closed.at - left <= CANCEL, "{:?} after the client left", closed.at - left);
    }
    let records = records(weir.control, 2).await;
    assert_eq!(records.len(), 2);
    for record in &records {
        assert_eq!(outcome(record).0, "client-gone");
    }
}

/// After the backend's head, and its heartbeats, but before the first event: and in the middle of a whole answer.
#[tokio::test]
async fn s1_a_client_that_leaves_between_head_and_first_event_is_not_taken_for_a_failure() {
    let upstream = Upstream::start(|seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        if body["stream"] == true {
            Script::event_stream().chunk(": heartbeat\n\n").stall()
        } else {
            Script::default()
                .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{")
                .stall()
        }
    })
    .await;
    let weir = Weir::start(&built(), &Setup::in_front_of(&upstream.origin()));
    for (round, stream) in [true, false].into_iter().enumerate() {
        let client = ask(&weir, stream).await;
        upstream.call(round, Duration::from_secs(5)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let left = Instant::now();
        client.fin();
        let closed = upstream.wait_for(Duration::from_secs(5), |u| u.closed().get(round).copied()).await.unwrap();
        assert!(closed.by_peer && closed.at - left <= CANCEL, "{:?} after the client left", closed.at - left);
    }
    let records = records(weir.control, 2).await;
    assert_eq!(upstream.calls().len(), 2, "tried again for a client that had left");
    for record in &records {
        let (ending, input, _) = outcome(record);
        assert_eq!((records.len(), ending, input > 0), (2, "client-gone", true), "{record:#}");
    }
}

#[tokio::test]
async fn s2_a_client_that_leaves_in_mid_stream_ends_the_call_and_pays_what_it_got() {
    let upstream = Upstream::start(|_| streams(&whole_stream()[..3]).stall()).await;
    let weir = Weir::start(&built(), &Setup::in_front_of(&upstream.origin()));
    let mut client = ask(&weir, true).await;
    client.read_head().await.unwrap();
    for _ in 0..3 {
        assert!(matches!(client.next_chunk().await.unwrap(), Next::Chunk(_)));
    }
    let left = Instant::now();
    client.reset().unwrap();
    let closed = upstream.cancelled(Duration::from_secs(5)).await.unwrap();
    assert!(closed.at - left <= CANCEL, "{:?} after the client left", closed.at - left);
    let record = &records(weir.control, 1).await[0];
    let (ending, _, output) = outcome(record);
    assert_eq!((ending, record["usage"]["estimated"].as_bool()), ("client-gone", Some(true)));
    assert!((1..=4).contains(&output), "{record:#}");
}

/// Cut after each event, by RST, by FIN without the last chunk, and by a body that ends well but too early.
#[tokio::test]
async fn s3_s4_a_stream_that_is_cut_is_told_and_aborted_wherever_it_was_cut() {
    let upstream = Upstream::start(|_| Script::default()).await;
    let weir = Weir::start(&built(), &Setup::in_front_of(&upstream.origin()));
    let events = whole_stream();
    let mut expected = 0;
    for cut_after in 2..events.len() {
        for how in ["reset", "fin", "end"] {
            let part = streams(&events[..cut_after]).delay(Duration::from_millis(5));
            let script = match how {
                "reset" => part.reset(),
                "fin" => part.fin(),
                _ => part.last_chunk(),
            };
            upstream.answer_with(move |_| script.clone());
            let mut client = ask(&weir, true).await;
            assert_eq!(client.read_head().await.unwrap().status, 200);
            let body = client.read_chunks().await.unwrap();
            let text = String::from_utf8(body.bytes()).unwrap();
            let what = format!("{how} after {cut_after} events: {text}");
            assert!(body.cut.is_some(), "not aborted, {what}");
            assert!(!text.contains("[DONE]"), "ended as if whole, {what}");
            let last = text.trim_end().rsplit("\n\n").next().unwrap().trim_start_matches("data: ");
            let error: Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}, {what}"));
            assert_eq!(error["error"]["code"], "upstream_truncated", "{what}");
            expected += 1;
        }
    }
    let records = records(weir.control, expected).await;
    assert_eq!(records.len(), expected);
    for record in &records {
        assert_eq!(outcome(record).0, "truncated", "{record:#}");
    }
}

#[tokio::test]
async fn r4_a_failure_before_the_first_event_goes_elsewhere_and_one_after_it_does_not() {
    let (first, second) =
        (Upstream::start(|_| Script::json(500, "{}")).await, Upstream::start(|_| whole_answer()).await);
    let backend = |upstream: &Upstream| json!({"type": "openai", "url": format!("{}/v1", upstream.origin()), "network": "private"});
    let setup = Setup {
        models: json!([{"name": "sim", "targets": [
            {"backend": "first", "priority": 0}, {"backend": "second", "priority": 1}]}]),
        backends: json!({"first": backend(&first), "second": backend(&second)}),
        ..Setup::default()
    };
    let weir = Weir::start(&built(), &setup);
    let (head, _) = exchange(weir.edge, &chat::request(weir.edge, KEY, false)).await.unwrap();
    assert_eq!(head.status, 200);
    let attempts = records(weir.control, 2).await;
    let by_attempt = |n: u64| attempts.iter().find(|r| r["attempt"] == n).unwrap();
    assert_eq!(outcome(by_attempt(1)).0, "failed");
    assert_eq!(outcome(by_attempt(2)), ("complete", 7, 4));
    assert_eq!(by_attempt(1)["request"], by_attempt(2)["request"]);

    first.answer_with(|_| streams(&whole_stream()[..3]).reset());
    let before = second.calls().len();
    let mut client = ask(&weir, true).await;
    client.read_head().await.unwrap();
    assert!(client.read_chunks().await.unwrap().cut.is_some());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(second.calls().len(), before, "tried again after the first event");
}

#[tokio::test]
async fn a_backend_that_refuses_connections_hangs_or_says_no_is_told_apart() {
    let mut upstream = Upstream::start(|_| Script::default().stall()).await;
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.backends["upstream"]["timeouts"] = json!({"first_event": "300ms"});
    let weir = Weir::start(&built(), &setup);
    let request = chat::request(weir.edge, KEY, true);
    let code = async || {
        let (head, body) = exchange(weir.edge, &request).await.unwrap();
        (head.status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(code().await, (504, "upstream_timeout".into()));
    upstream.answer_with(|_| Script::json(401, r#"{"error":{"message":"bad key sk-canary"}}"#));
    assert_eq!(code().await, (502, "upstream_auth".into()));
    upstream.answer_with(|_| Script::json(302, "{}"));
    assert_eq!(code().await, (502, "upstream_redirect".into()));
    upstream.answer_with(|_| {
        Script::json(
            400,
            r#"{"error":{"message":"too hot","param":"temperature","type":"invalid_request_error","code":null}}"#,
        )
    });
    let (head, body) = exchange(weir.edge, &request).await.unwrap();
    assert_eq!((head.status, body["error"]["param"].as_str()), (400, Some("temperature")));
    upstream.stop().await;
    assert_eq!(code().await, (502, "upstream_connect".into()));

    let endings: Vec<_> = records(weir.control, 5).await.iter().map(|r| outcome(r).0.to_owned()).collect();
    assert_eq!(endings, ["failed", "failed", "failed", "refused", "failed"]);
}

#[tokio::test]
async fn s10_a_silent_backend_is_bridged_by_heartbeats_and_then_told_as_an_error() {
    let upstream = Upstream::start(|_| streams(&whole_stream()[..2]).stall()).await;
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.backends["upstream"]["timeouts"] = json!({"idle": "1700ms", "heartbeat": "500ms"});
    let weir = Weir::start(&built(), &setup);
    let mut client = ask(&weir, true).await;
    assert_eq!(client.read_head().await.unwrap().status, 200);
    let body = client.read_chunks().await.unwrap();
    assert!(body.cut.is_some(), "a stream that fell silent does not end in order");
    let text = String::from_utf8(body.bytes()).unwrap();
    // At 500, 1000 and 1500 ms; a busy machine may be late for one.
    let beats = text.matches(": ping\n\n").count();
    assert!((2..=3).contains(&beats), "{beats} heartbeats in {text}");
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.contains("upstream_timeout") && !text.contains("[DONE]"), "{text}");
    assert_eq!(outcome(&records(weir.control, 1).await[0]).0, "truncated");
}
