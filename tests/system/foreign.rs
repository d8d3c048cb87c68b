//! Parts that are not Weir's own, in the whole of it: who calls, what was used and how it ended stay true whatever they do.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_compose::sha256;
use weir_tests::chat::{self, chunk, exchange, post, records, streams, text_chunk, whole_answer, whole_stream};
use weir_tests::raw::{ChunkedBody, RawClient};
use weir_tests::upstream::{Script, Upstream};
use weir_tests::weir::{Built, KEY, OTHER_KEY, Setup, Weir};

const CHAT: &str = "/v1/chat/completions";

/// A guest as an entry of a chain: granted nothing.
fn foreign(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/guests/{name}.wasm"));
    let bytes = std::fs::read(&file).expect("build the guests first: make guests");
    json!({"name": name.replace('_', "-"), "file": file, "sha256": sha256(&bytes), "network": []})
}

fn start(upstream: &Upstream, chain: &Value) -> Weir {
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.edge = json!({"chain": chain, "instances": {"compute": "300ms", "memory": "64MiB"}});
    start_with(&setup)
}

fn start_with(setup: &Setup) -> Weir {
    Weir::start(&Built::at(env!("CARGO_BIN_EXE_weir")), setup)
}

/// The same foreign part before the router, and where it stands closest to the answer.
fn places(name: &str) -> [Value; 2] {
    [
        json!(["auth", foreign(name), "router", "limiter", "translator"]),
        json!(["auth", "router", "limiter", foreign(name), "translator"]),
    ]
}

/// A request with these header lines besides.
fn with(request: &[u8], headers: &str) -> Vec<u8> {
    String::from_utf8_lossy(request).replacen("\r\n", &format!("\r\n{headers}\r\n"), 1).into_bytes()
}

async fn stream(weir: &Weir) -> ChunkedBody {
    let mut client = RawClient::connect(weir.edge).await.unwrap();
    client.send(chat::request(weir.edge, KEY, true)).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().status, 200);
    client.read_chunks().await.unwrap()
}

/// A stream that breaks off in its middle.
fn cut() -> Script {
    streams(&[chunk(&json!({"role": "assistant", "content": ""}), None), text_chunk("a "), text_chunk("wide ")]).fin()
}

/// Who is billed, with which key, how it ended, and the tokens in and out.
fn told(record: &Value) -> (&str, &str, &str, u64, u64) {
    let tokens = |kind: &str| record["usage"][kind].as_u64().unwrap();
    let [tenant, key, ending] = [&record["tenant"], &record["key"], &record["ending"]].map(|v| v.as_str().unwrap());
    (tenant, key, ending, tokens("input"), tokens("output"))
}

#[tokio::test]
async fn a_part_that_pretends_to_be_another_tenant_and_to_use_nothing_changes_nothing() {
    for chain in places("pretends_to_be_another") {
        let upstream = Upstream::start(|_| streams(&whole_stream()).last_chunk()).await;
        let weir = start(&upstream, &chain);
        for _ in 0..3 {
            let body = stream(&weir).await;
            assert_eq!(body.cut, None, "{chain}");
            assert!(String::from_utf8(body.bytes()).unwrap().contains("[DONE]"));
        }
        let records = records(weir.control, 3).await;
        for record in &records {
            assert_eq!(told(record), ("first", "test", "complete", 7, 4), "{chain}: {record:#}");
        }
        assert_eq!((records.len(), upstream.calls().len()), (3, 3), "nothing was tried again");
        // What the caller may use is decided by who calls, not by who the part says calls.
        let (head, _) = exchange(weir.edge, &chat::request(weir.edge, OTHER_KEY, false)).await.unwrap();
        assert_eq!(head.status, 403, "the tenant `other` has models of its own");
    }
}

#[tokio::test]
async fn a_cut_stream_stays_cut_and_is_settled_as_such_whoever_swallows_its_trailers() {
    for name in ["passes_the_stream_on", "swallows_trailers", "ends_before_it_began", "pretends_to_be_another"] {
        for chain in places(name) {
            let upstream = Upstream::start(|_| cut()).await;
            let weir = start(&upstream, &chain);
            for round in 0..5 {
                let body = stream(&weir).await;
                assert!(body.cut.is_some(), "{chain}, {round}: it looks whole");
                assert!(String::from_utf8(body.bytes()).unwrap().contains(r#""error""#), "{chain}: no error event");
            }
            for record in records(weir.control, 5).await {
                assert_eq!(told(&record).2, "truncated", "{chain}: {record:#}");
            }
        }
    }
}

#[tokio::test]
async fn a_part_that_refuses_has_the_last_word() {
    let [before, behind] = places("answers_itself");
    let upstream = Upstream::start(|_| whole_answer()).await;
    let weir = start(&upstream, &before);
    let (head, _) = exchange(weir.edge, &chat::request(weir.edge, KEY, false)).await.unwrap();
    assert_eq!((head.status, head.header("x-why")), (403, Some("policy")));
    assert!(!head.headers.iter().any(|(name, _)| name.starts_with("x-weir-")), "{head:?}");
    drop(weir);

    // Behind the limiter something was reserved by then. Nobody tells what was used, so the estimate counts.
    let weir = start(&upstream, &behind);
    let (head, _) = exchange(weir.edge, &chat::request(weir.edge, KEY, false)).await.unwrap();
    assert_eq!((head.status, head.header("x-why")), (403, Some("policy")));
    let record = records(weir.control, 1).await.remove(0);
    assert_eq!((told(&record).2, record["usage"]["estimated"].as_bool()), ("failed", Some(true)), "{record:#}");
    assert!(upstream.calls().is_empty());
}

#[tokio::test]
async fn a_token_that_is_spent_or_made_up_goes_no_further() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let weir = start(&upstream, &places("keeps_tokens_for_others")[0]);
    let ask = || chat::request(weir.edge, KEY, false);
    assert_eq!(exchange(weir.edge, &ask()).await.unwrap().0.status, 200);
    for _ in 0..3 {
        let (head, body) = exchange(weir.edge, &ask()).await.unwrap();
        assert_eq!((head.status, body["error"]["code"].as_str()), (500, Some("misconfigured")));
    }
    assert_eq!(upstream.calls().len(), 1);
    // What a guest prints gets into the log in its own time.
    let end = Instant::now() + Duration::from_secs(5);
    while !weir.output().contains("without a token, or with one that is spent") {
        assert!(Instant::now() < end, "{}", weir.output());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn t1_a_part_that_loops_or_traps_or_takes_all_memory_costs_its_own_request_only() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let weir = start(&upstream, &places("fails_when_asked")[0]);
    for (round, (what, status)) in [("loop", 503), ("trap", 500), ("allocate", 500)].into_iter().enumerate() {
        let ask = with(&chat::request(weir.edge, KEY, false), &format!("x-please: {what}"));
        let told = |error: std::io::Error| -> ! { panic!("{what}: {error}: {}", weir.output()) };
        let (head, _) = exchange(weir.edge, &ask).await.unwrap_or_else(|error| told(error));
        assert_eq!(head.status, status, "{what}");
        let after = exchange(weir.edge, &chat::request(weir.edge, KEY, false)).await;
        let (head, _) = after.unwrap_or_else(|error| told(error));
        assert_eq!(head.status, 200, "the request after {what}");
        // A trap ends what else the instance is doing. What it had not settled by then is left to its lease.
        assert_eq!(records(weir.control, round + 1).await.len(), round + 1);
    }
}

#[tokio::test]
async fn t1_what_was_reserved_when_a_part_trapped_is_held_until_its_lease_ends() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.edge = json!({"chain": places("fails_when_asked")[1]});
    setup.limits = json!([{"name": "tokens", "per": "key", "output_tokens": 1000, "every": "hour"}]);
    let weir = start_with(&setup);
    let ask = |tokens: u64| {
        let messages = json!([{"role": "user", "content": "How wide is the river?"}]);
        post(weir.edge, KEY, CHAT, &json!({"model": "sim", "messages": messages, "max_tokens": tokens}).to_string())
    };
    let trapped = exchange(weir.edge, &with(&ask(600), "x-please: trap")).await.unwrap();
    assert_eq!(trapped.0.status, 500);
    let (head, body) = exchange(weir.edge, &ask(600)).await.unwrap();
    assert_eq!((head.status, body["error"]["code"].as_str()), (429, Some("rate_limit_exceeded")), "{body}");
    let (head, _) = exchange(weir.edge, &ask(300)).await.unwrap();
    assert_eq!(head.status, 200, "what is left may be used");
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn without_a_limiter_a_cut_stream_stays_cut() {
    for chain in [
        json!(["auth", "router", "translator"]),
        json!(["auth", "router", foreign("swallows_trailers"), "translator"]),
        json!(["auth", foreign("ends_before_it_began"), "router", "translator"]),
    ] {
        let upstream = Upstream::start(|_| cut()).await;
        let weir = start(&upstream, &chain);
        let body = stream(&weir).await;
        assert!(body.cut.is_some(), "{chain}: it looks whole");
        assert!(String::from_utf8(body.bytes()).unwrap().contains(r#""error""#), "{chain}: no error event");
    }
}

#[tokio::test]
async fn without_a_router_nothing_is_sent_and_every_answer_is_whole() {
    let upstream = Upstream::start(|_| cut()).await;
    for chain in [json!(["auth", "limiter", "translator"]), json!(["auth", "translator"])] {
        let weir = start(&upstream, &chain);
        let (head, body) = exchange(weir.edge, &chat::request(weir.edge, KEY, true)).await.unwrap();
        assert_eq!((head.status, body["error"]["code"].as_str()), (500, Some("misconfigured")), "{chain}");
    }
    assert!(upstream.calls().is_empty());
}
