//! Starting, stopping, reloading, and the other side's sudden death: rows L1, L2 and G2, and the control plane gone.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use serde_json::json;
use weir_tests::chat::{self, exchange, streams, whole_answer, whole_stream};
use weir_tests::raw::{Next, RawClient};
use weir_tests::upstream::{Script, Upstream};
use weir_tests::weir::{Built, KEY, Setup, Weir, free_ports};

fn built() -> Built {
    Built::at(env!("CARGO_BIN_EXE_weir"))
}

/// A stream that takes about `length`, in 20 steps.
fn slow_stream(length: Duration) -> Script {
    let pause = length / 20;
    let begun = Script::event_stream().event(&whole_stream()[0]);
    let talking = (0..20).fold(begun, |script, _| script.event(&chat::text_chunk("on ")).delay(pause));
    whole_stream()[5..].iter().fold(talking, |script, event| script.event(event)).last_chunk()
}

#[tokio::test]
async fn l1_streams_finish_when_weir_is_asked_to_stop() {
    let upstream = Upstream::start(|_| slow_stream(Duration::from_secs(2))).await;
    let mut weir = Weir::start(&built(), &Setup::both_tiers(&upstream.origin()));
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = RawClient::connect(weir.edge).await.unwrap();
        client.send(chat::request(weir.edge, KEY, true)).await.unwrap();
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.read_head().await.unwrap().status, 200);
    }
    weir.terminate();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(RawClient::connect(weir.edge).await.is_err(), "new connections are still accepted");
    for mut client in clients {
        let body = client.read_chunks().await.unwrap();
        assert_eq!(body.cut, None, "a stream was cut");
        assert!(body.bytes().ends_with(b"data: [DONE]\n\n"));
    }
    assert_eq!(weir.wait(Duration::from_secs(10)), Some(0));
}

#[tokio::test]
async fn l1_streams_that_outlast_the_grace_end_with_an_error_event() {
    let upstream = Upstream::start(|_| slow_stream(Duration::from_secs(30))).await;
    let connections = json!({"connections": {"grace": "1s"}});
    let setup = Setup { edge: connections.clone(), host: connections, ..Setup::both_tiers(&upstream.origin()) };
    let mut weir = Weir::start(&built(), &setup);
    let mut client = RawClient::connect(weir.edge).await.unwrap();
    client.send(chat::request(weir.edge, KEY, true)).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().status, 200);
    weir.terminate();
    let body = client.read_chunks().await.unwrap();
    let text = String::from_utf8(body.bytes()).unwrap();
    assert!(body.cut.is_some() && text.contains("\"error\""), "{:?} {text}", body.cut);
    weir.wait(Duration::from_secs(10));
}

#[tokio::test]
async fn l2_when_tier_two_is_killed_in_mid_stream_the_client_is_told_within_a_second() {
    let upstream = Upstream::start(|_| slow_stream(Duration::from_secs(20))).await;
    let ports = free_ports();
    let both = Setup::both_tiers(&upstream.origin());
    let start = |command| {
        Weir::start_in(&built(), &Setup { command, ..both.clone() }, tempfile::TempDir::new().unwrap(), ports)
    };
    let (tier_two, tier_one) = (start("host"), start("edge"));

    let mut client = RawClient::connect(tier_one.edge).await.unwrap();
    client.send(chat::request(tier_one.edge, KEY, true)).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().status, 200);
    assert!(matches!(client.next_chunk().await.unwrap(), Next::Chunk(_)));
    tier_two.signal("KILL");
    let killed = Instant::now();
    let body = client.read_chunks().await.unwrap();
    let text = String::from_utf8(body.bytes()).unwrap();
    assert!(body.cut.is_some() && text.contains("\"error\"") && !text.contains("[DONE]"), "{text}");
    assert!(killed.elapsed() <= Duration::from_secs(1), "{:?}", killed.elapsed());

    // And a new call is answered with an error, soon.
    let (head, _) = exchange(tier_one.edge, &chat::request(tier_one.edge, KEY, false)).await.unwrap();
    assert!(head.status >= 500, "{head:?}");
}

#[tokio::test]
async fn without_the_control_plane_limits_are_kept_locally_and_the_answer_says_so() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.limits = json!([{"name": "few", "per": "key", "requests": 1000, "every": "minute"}]);
    let ports = free_ports();
    let start = |command| {
        Weir::start_in(&built(), &Setup { command, ..setup.clone() }, tempfile::TempDir::new().unwrap(), ports)
    };
    let whole = start("up");
    let (head, _) = exchange(whole.edge, &chat::request(whole.edge, KEY, false)).await.unwrap();
    assert_eq!((head.status, head.header("x-weir-degraded")), (200, None));
    drop(whole);

    let alone = start("edge");
    for _ in 0..8 {
        let start = Instant::now();
        let (head, body) = exchange(alone.edge, &chat::request(alone.edge, KEY, false)).await.unwrap();
        assert_eq!((head.status, head.header("x-weir-degraded")), (200, Some("limiter")), "{body}");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn g2_a_hundred_reloads_under_load_drop_no_request() {
    let upstream = Upstream::start(|_| streams(&whole_stream()).last_chunk()).await;
    let weir = Weir::start(&built(), &Setup::in_front_of(&upstream.origin()));
    let file = weir.folder.path().join("weir.yaml");
    let original = std::fs::read_to_string(&file).unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (edge, stop) = (weir.edge, stop.clone());
            tokio::spawn(async move {
                let mut done = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let mut client = RawClient::connect(edge).await.unwrap();
                    client.send(chat::request(edge, KEY, true)).await.unwrap();
                    assert_eq!(client.read_head().await.unwrap().status, 200);
                    assert_eq!(client.read_chunks().await.unwrap().cut, None);
                    done += 1;
                }
                done
            })
        })
        .collect();
    for round in 0..100 {
        // Every tenth is a bad one: the running configuration stays.
        let text = if round % 10 == 9 { "tenants: [nonsense".to_owned() } else { format!("{original}\n# {round}\n") };
        std::fs::write(&file, text).unwrap();
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for client in clients {
        assert!(client.await.unwrap() > 10);
    }
    // The last one was a bad one.
    let end = Instant::now() + Duration::from_secs(10);
    while !weir.output().contains("the running configuration is kept") {
        assert!(Instant::now() < end, "the bad configuration was not reported:\n{}", weir.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_reload_takes_effect() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.models = json!([{"name": "other-name", "targets": [{"backend": "upstream"}]}]);
    let weir = Weir::start(&built(), &setup);
    let ask = async || exchange(weir.edge, &chat::request(weir.edge, KEY, false)).await.unwrap().0.status;
    assert_eq!(ask().await, 404);
    let file = weir.folder.path().join("weir.yaml");
    let changed = std::fs::read_to_string(&file).unwrap().replace("other-name", "sim");
    std::fs::write(&file, changed).unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while ask().await != 200 {
        assert!(Instant::now() < end, "the change has not taken effect within 10 s:\n{}", weir.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
