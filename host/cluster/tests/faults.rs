//! Servers that fail, hang, are not there, are full; and how they come back.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Call, SOON, Tier, endpoint, options, within};
use serde_json::Value;
use weir_cluster::{EndpointOptions, Model};
use weir_tests::upstream::{Script, Upstream};

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

async fn ok() -> Upstream {
    Upstream::start(|_| Script::json(200, r#"{"ok":true}"#)).await
}

async fn failing(status: u16) -> Upstream {
    Upstream::start(move |_| Script::json(status, r#"{"error":"it"}"#)).await
}

fn code(body: &str) -> String {
    let error: Value = serde_json::from_str(body).unwrap();
    error["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn r1_a_failing_server_is_put_aside_and_no_client_sees_it() {
    let (bad, good, other) = (failing(503).await, ok().await, ok().await);
    let mut options = options(&[&bad, &good, &other]);
    options.health.eject_for = Duration::from_secs(60);
    let tier = Tier::start(options);
    for _ in 0..100 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
    assert_eq!(bad.calls().len(), 3, "as many as it takes to put it aside");
    tier.metric("weir_cluster_retries_total{model=\"llama\",reason=\"status_5xx\"} 3").await;
    let line = format!("weir_cluster_ejections_total{{endpoint=\"{}/openai/v1\"}} 1", bad.origin());
    tier.metric(&line).await;
    let snapshot = tier.cluster.snapshot();
    let well: Vec<bool> = snapshot.endpoints().map(|endpoint| endpoint.standing.is_well()).collect();
    assert_eq!(well.iter().filter(|well| **well).count(), 2);
}

#[tokio::test]
async fn r2_a_storm_is_retried_within_its_budget_and_the_servers_own_answer_is_passed_on() {
    let (one, two) = (failing(500).await, failing(500).await);
    let mut options = options(&[&one, &two]);
    options.health.eject_after = u32::MAX;
    options.retry.per_second = 1;
    let tier = Tier::start(options);
    let begun = Instant::now();
    for _ in 0..100 {
        let (head, body) = tier.answer(&Call::chat("llama")).await;
        assert_eq!(head.status, 500);
        assert!(body.contains(r#""message":"it""#), "the server's own words, as the dialect has them: {body}");
    }
    let calls = one.calls().len() + two.calls().len();
    let most = 100 + 20 + 1 + usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    assert!((115..=most).contains(&calls), "{calls} of {most}");
}

#[tokio::test]
async fn r4_a_failure_before_the_first_byte_goes_to_another_server_once() {
    for (what, script) in [
        ("reset", Script::default().reset()),
        ("fin", Script::default().fin()),
        ("half a head", Script::default().send("HTTP/1.1 200 OK\r\ncontent-").fin()),
        ("no HTTP", Script::default().send("SSH-2.0-x\r\n\r\n").stall()),
        ("status", Script::json(502, "{}")),
        ("429", Script::json(429, "{}")),
    ] {
        let bad = Upstream::start(move |_| script.clone()).await;
        let good = ok().await;
        let mut options = options(&[&bad, &good]);
        options.health.eject_after = u32::MAX;
        options.retry.per_second = 1000;
        let tier = Tier::start(options);
        for _ in 0..12 {
            assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200, "{what}");
        }
        assert!(!bad.calls().is_empty(), "{what}");
        assert_eq!(good.calls().len(), 12, "{what}");
    }
}

#[tokio::test]
async fn r4_a_request_that_is_wrong_is_not_tried_again() {
    let (one, two) = (failing(400).await, failing(400).await);
    let tier = Tier::before(&[&one, &two]);
    assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 400);
    assert_eq!(one.calls().len() + two.calls().len(), 1);
}

#[tokio::test]
async fn r4_a_connection_that_was_closed_is_replaced_even_where_there_is_one_server() {
    let first = AtomicBool::new(true);
    let upstream = Upstream::start(move |seen| {
        if seen.line().1 != "/health" && first.swap(false, Ordering::Relaxed) {
            Script::default().fin()
        } else {
            Script::json(200, "{}")
        }
    })
    .await;
    let tier = Tier::before(&[&upstream]);
    for _ in 0..3 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
}

#[tokio::test]
async fn r5_refused_and_unanswered_connections_are_told_apart_and_bounded() {
    let mut gone = ok().await;
    gone.stop().await;
    let tier = Tier::before(&[&gone]);
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, code(&body).as_str()), (502, "upstream_connect"));

    // A listener whose queue is full answers no handshake: what a black hole looks like from here.
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(0).unwrap();
    let hole = full.local_addr().unwrap();
    let _taken = [tokio::net::TcpStream::connect(hole).await.unwrap()];
    let mut options = options(&[]);
    let endpoint = EndpointOptions::new(format!("http://{hole}").parse().unwrap(), "/v1");
    options.models[0].versions[0].endpoints.push(endpoint);
    options.client.connect_timeout = ms(700);
    let tier = Tier::start(options);
    let begun = Instant::now();
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, code(&body).as_str()), (502, "upstream_connect"));
    assert!((ms(650)..ms(1500)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn r5_a_server_that_is_gone_spills_after_a_few_tries_and_others_take_over() {
    let (mut gone, good) = (ok().await, ok().await);
    gone.stop().await;
    let alone = Tier::before(&[&gone]);
    for _ in 0..3 {
        assert_eq!(alone.answer(&Call::chat("llama")).await.0.status, 502);
    }
    let (head, body) = alone.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, head.header("x-weir-spill")), (503, Some("unavailable")), "{body}");

    let tier = Tier::before(&[&gone, &good]);
    for _ in 0..20 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
}

#[tokio::test]
async fn r5_a_server_that_hangs_is_left_for_another_in_time() {
    let (hangs, good) = (Upstream::start(|_| Script::default().stall()).await, ok().await);
    let mut options = options(&[&hangs, &good]);
    options.timeouts.first_byte = ms(200);
    options.health.eject_for = Duration::from_secs(60);
    let tier = Tier::start(options);
    while hangs.calls().len() < 3 {
        let begun = Instant::now();
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
        assert!(begun.elapsed() < ms(900), "{:?}", begun.elapsed());
    }
    for _ in 0..10 {
        assert_eq!(tier.answer(&Call::chat("llama").due(ms(2000))).await.0.status, 200);
    }
    assert_eq!(hangs.calls().len(), 3, "it is put aside");
    tier.metric("weir_cluster_retries_total{model=\"llama\",reason=\"timeout\"} 3").await;
    hangs.cancelled(SOON).await.unwrap();
}

#[tokio::test]
async fn r5_where_the_deadline_has_passed_nothing_is_tried_again() {
    let hangs = || Upstream::start(|_| Script::default().stall());
    let (one, two) = (hangs().await, hangs().await);
    let tier = Tier::before(&[&one, &two]);
    let begun = Instant::now();
    let (head, body) = tier.answer(&Call::chat("llama").due(ms(300))).await;
    assert_eq!((head.status, code(&body).as_str()), (504, "upstream_timeout"));
    assert!((ms(250)..ms(900)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(one.calls().len() + two.calls().len(), 1);
}

#[tokio::test]
async fn r7_a_server_that_comes_back_gets_its_share_again() {
    let slow = || Upstream::start(|_| Script::default().delay(ms(50)).send(OK));
    let (mut flaky, steady) = (slow().await, slow().await);
    let mut options = options(&[&flaky, &steady]);
    options.health.every = ms(50);
    options.health.slow_start = ms(300);
    let tier = Tier::start(options);
    flaky.stop().await;
    let down = format!("weir_cluster_endpoint_up{{endpoint=\"{}/openai/v1\"}} 0", flaky.origin());
    tier.metric(&down).await;
    let before = flaky.calls().len();
    for _ in 0..20 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200, "nobody sees that it is down");
    }
    assert_eq!(flaky.calls().len(), before);

    flaky.restart();
    tier.metric(&down.replace("} 0", "} 1")).await;
    tokio::time::sleep(ms(350)).await;
    let start = flaky.calls().len();
    for _ in 0..10 {
        // At once, so that load decides and not chance.
        let calls: Vec<Call> = (0..8).map(|_| Call::chat("llama")).collect();
        let answers = futures::future::join_all(calls.iter().map(|call| tier.answer(call))).await;
        assert!(answers.iter().all(|(head, _)| head.status == 200));
    }
    let share = flaky.calls().len() - start;
    assert!(share >= 32, "80 % of its half of 80: {share}");
}

#[tokio::test]
async fn r7_a_server_that_failed_is_tried_by_one_request() {
    let (flaky, steady) = (failing(500).await, ok().await);
    let mut options = options(&[&flaky, &steady]);
    options.health.eject_for = ms(200);
    options.health.slow_start = ms(1);
    let tier = Tier::start(options);
    while flaky.calls().len() < 3 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
    flaky.answer_with(|_| Script::json(200, "{}"));
    tokio::time::sleep(ms(220)).await;
    for _ in 0..50 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
    assert!(flaky.calls().len() > 3 + 10, "{}", flaky.calls().len());
}

#[tokio::test]
async fn a_saturated_model_spills_when_its_queue_is_full_or_the_wait_is_over() {
    let upstream = Upstream::start(|_| Script::default().stall()).await;
    let mut options = options(&[&upstream]);
    options.models[0].versions[0].endpoints[0].max_in_flight = 2;
    options.queue.length = 1;
    options.queue.wait = ms(400);
    let tier = Tier::start(options);
    let _one = tier.ask("llama").await;
    let _two = tier.ask("llama").await;
    upstream.call(1, SOON).await.unwrap();
    let begun = Instant::now();
    let mut waits = tier.ask("llama").await;
    tier.metric("weir_cluster_queued{model=\"llama\"} 1").await;

    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, head.header("x-weir-spill")), (503, Some("saturated")), "{body}");
    assert_eq!(head.header("retry-after"), Some("1"));
    assert!(begun.elapsed() < ms(350), "at once where the queue is full");

    let head = within(waits.read_head()).await.unwrap();
    assert_eq!((head.status, head.header("x-weir-spill")), (503, Some("saturated")));
    assert!((ms(380)..ms(900)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(upstream.calls().len(), 2);
}

#[tokio::test]
async fn the_wait_in_the_queue_ends_with_the_callers_deadline() {
    let upstream = Upstream::start(|_| Script::default().stall()).await;
    let mut options = options(&[&upstream]);
    options.models[0].versions[0].endpoints[0].max_in_flight = 1;
    let tier = Tier::start(options);
    let _one = tier.ask("llama").await;
    upstream.call(0, SOON).await.unwrap();
    let begun = Instant::now();
    let (head, _) = tier.answer(&Call::chat("llama").due(ms(300))).await;
    assert_eq!((head.status, head.header("x-weir-spill")), (503, Some("saturated")));
    assert!((ms(250)..ms(900)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_waits_is_served_when_there_is_room() {
    let upstream = Upstream::start(|_| {
        Script::default()
            .delay(ms(100))
            .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
    })
    .await;
    let mut options = options(&[&upstream]);
    options.models[0].versions[0].endpoints[0].max_in_flight = 2;
    let tier = Tier::start(options);
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(tier.ask("llama").await);
    }
    for client in &mut clients {
        assert_eq!(within(client.read_head()).await.unwrap().status, 200);
    }
    assert_eq!(upstream.calls().len(), 10);
    let gauge = format!("weir_cluster_in_flight{{endpoint=\"{}/openai/v1\"}} 0", upstream.origin());
    tier.metric(&gauge).await;
}

#[tokio::test]
async fn a_model_without_endpoints_is_unavailable() {
    let tier = Tier::before(&[]);
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, head.header("x-weir-spill")), (503, Some("unavailable")));
    assert_eq!(code(&body), "no_backend_available");
}

#[tokio::test]
async fn g2_reloads_under_load_drop_no_request_and_old_streams_finish() {
    let old = Upstream::start(|_| Script::event_stream().event("0").delay(ms(700)).event("1").last_chunk()).await;
    let new = ok().await;
    let tier = Tier::before(&[&old]);
    let mut stream = tier.ask("llama").await;
    within(stream.read_head()).await.unwrap();
    let model = |upstream: &Upstream| Model::new("llama", vec![endpoint(upstream)]);
    for _ in 0..100 {
        tier.cluster.reload(&[model(&new)]).unwrap();
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
    assert_eq!(old.calls().len(), 1);
    assert_eq!(tier.cluster.snapshot().endpoints().count(), 1);
    let body = within(stream.read_chunks()).await.unwrap();
    assert_eq!((body.bytes().as_slice(), body.cut), (&b"data: 0\n\ndata: 1\n\n"[..], None));
}
