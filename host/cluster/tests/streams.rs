//! What becomes of a stream: passed on as it comes, cancelled when nobody wants it, kept alive, never ended clean when it
//! was cut.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{CANCEL, Call, SOON, Tier, options, within};
use weir_tests::raw::{Cut, Next};
use weir_tests::upstream::{Script, Upstream};

const HEARTBEAT: &[u8] = b": heartbeat\n\n";

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

/// How long it took from `since` until the server saw its connection closed.
async fn cancelled_after(upstream: &Upstream, since: Instant) -> Duration {
    let closed = upstream.cancelled(SOON).await.expect("the server sees that its connection is closed");
    closed.at.saturating_duration_since(since)
}

#[tokio::test]
async fn s12_each_frame_is_passed_on_when_it_comes() {
    let upstream = Upstream::start(|_| {
        (0..5).fold(Script::event_stream(), |script, n| script.event(&n.to_string()).delay(ms(50))).last_chunk()
    })
    .await;
    let tier = Tier::before(&[&upstream]);
    let mut client = tier.ask("llama").await;
    let head = within(client.read_head()).await.unwrap();
    assert_eq!(head.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let body = within(client.read_chunks()).await.unwrap();
    assert_eq!(body.cut, None);
    let events: Vec<_> = body.chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.data).into_owned()).collect();
    assert_eq!(events, ["data: 0\n\n", "data: 1\n\n", "data: 2\n\n", "data: 3\n\n", "data: 4\n\n"]);
    for pair in body.chunks.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap >= ms(20), "not held back and merged: {gap:?}");
    }
    let lines = tier.log.lines(1).await;
    assert_eq!((&lines[0]["ending"], &lines[0]["bytes"]), (&"complete".into(), &45.into()));
}

#[tokio::test]
async fn s1_a_client_that_leaves_before_the_answer_cancels_it() {
    for reset in [true, false] {
        let upstream = Upstream::start(|_| Script::default().stall()).await;
        let tier = Tier::before(&[&upstream]);
        let client = tier.ask("llama").await;
        upstream.call(0, SOON).await.unwrap();
        let left = Instant::now();
        if reset {
            client.reset().unwrap();
        } else {
            client.fin();
        }
        let took = cancelled_after(&upstream, left).await;
        assert!(took <= CANCEL, "reset: {reset}: {took:?}");
        assert_eq!(tier.log.lines(1).await[0]["ending"], "client-gone");
        tier.metric("weir_cluster_cancels_total{model=\"llama\"} 1").await;
        tier.metric("weir_cluster_requests_total{model=\"llama\",status=\"499\"} 1").await;
    }
}

#[tokio::test]
async fn s1_a_client_that_leaves_between_head_and_first_event_cancels_it() {
    let upstream = Upstream::start(|_| Script::event_stream().stall()).await;
    // Before the first comment the caller has nothing, and after it the head.
    for heartbeat in [Duration::from_secs(15), ms(50)] {
        let mut options = options(&[&upstream]);
        options.heartbeat = heartbeat;
        let tier = Tier::start(options);
        let mut client = tier.ask("llama").await;
        upstream.call(0, SOON).await.unwrap();
        if heartbeat < SOON {
            within(client.read_head()).await.unwrap();
        }
        let before = upstream.closed().len();
        let left = Instant::now();
        client.reset().unwrap();
        let gone = |upstream: &Upstream| upstream.closed().get(before).copied();
        let closed = upstream.wait_for(SOON, gone).await.unwrap();
        let took = closed.at.saturating_duration_since(left);
        assert!(took <= CANCEL, "{took:?}");
    }
}

#[tokio::test]
async fn s2_a_client_that_leaves_in_mid_stream_cancels_it() {
    for (reset, busy) in [(true, true), (true, false), (false, true), (false, false)] {
        let upstream = Upstream::start(move |_| {
            let begun = Script::event_stream().event("0").event("1");
            if busy {
                (2..2000).fold(begun, |script, n| script.delay(ms(10)).event(&n.to_string()))
            } else {
                begun.stall()
            }
        })
        .await;
        let tier = Tier::before(&[&upstream]);
        let mut client = tier.ask("llama").await;
        within(client.read_head()).await.unwrap();
        assert!(matches!(within(client.next_chunk()).await.unwrap(), Next::Chunk(_)));
        assert!(matches!(within(client.next_chunk()).await.unwrap(), Next::Chunk(_)));
        let left = Instant::now();
        if reset {
            client.reset().unwrap();
        } else {
            client.fin();
        }
        let took = cancelled_after(&upstream, left).await;
        assert!(took <= CANCEL, "reset: {reset}, busy: {busy}: {took:?}");
        assert_eq!(tier.log.lines(1).await[0]["ending"], "client-gone");
    }
}

#[tokio::test]
async fn s1_a_client_that_leaves_the_queue_frees_its_place_and_calls_nobody() {
    let upstream = Upstream::start(|_| Script::default().stall()).await;
    let mut options = options(&[&upstream]);
    options.models[0].versions[0].endpoints[0].max_in_flight = 1;
    let tier = Tier::start(options);
    let _first = tier.ask("llama").await;
    upstream.call(0, SOON).await.unwrap();
    let second = tier.ask("llama").await;
    tier.metric("weir_cluster_queued{model=\"llama\"} 1").await;
    second.reset().unwrap();
    tier.metric("weir_cluster_queued{model=\"llama\"} 0").await;
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn s3_a_server_that_dies_in_mid_stream_never_ends_the_answer_clean() {
    let event = "data: {\"choices\":[]}\n\n";
    for (what, script) in [
        ("reset", Script::event_stream().event("0").reset()),
        ("fin without the last chunk", Script::event_stream().event("0").fin()),
        ("fin within a chunk", Script::event_stream().event("0").send("40\r\ndata: half").fin()),
        ("broken framing", Script::event_stream().event("0").send("no size\r\n").stall()),
        ("a body shorter than its length", {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";
            Script::default().send(head).send(event).fin()
        }),
    ] {
        let upstream = Upstream::start(move |_| script.clone()).await;
        let tier = Tier::before(&[&upstream]);
        let mut client = tier.ask("llama").await;
        let head = within(client.read_head()).await.unwrap();
        assert_eq!(head.status, 200, "{what}");
        let body = within(client.read_body(&head)).await;
        assert!(body.is_err(), "{what}: {body:?}");
        assert_eq!(upstream.calls().len(), 1, "{what}: r4, nothing is tried again");
        assert_eq!(tier.log.lines(1).await[0]["ending"], "truncated", "{what}");
        tier.metric("weir_cluster_truncated_total{model=\"llama\"} 1").await;
    }
}

#[tokio::test]
async fn r4_a_stream_that_dies_before_its_first_byte_goes_to_another_server() {
    for (what, script) in [
        ("reset", Script::event_stream().delay(ms(20)).reset()),
        ("fin", Script::event_stream().delay(ms(20)).fin()),
        ("an end without an event", Script::event_stream().last_chunk()),
        ("broken framing", Script::event_stream().send("no size\r\n").stall()),
        ("silence", Script::event_stream().stall()),
    ] {
        let dies = Upstream::start(move |_| script.clone()).await;
        let spare = Upstream::start(|_| Script::event_stream().event("0").last_chunk()).await;
        let mut options = options(&[&dies, &spare]);
        options.health.eject_after = u32::MAX;
        options.retry.per_second = 1000;
        options.timeouts.first_byte = ms(200);
        let tier = Tier::start(options);
        for _ in 0..8 {
            let (head, body) = tier.answer(&Call::chat("llama")).await;
            assert_eq!((head.status, body.as_str()), (200, "data: 0\n\n"), "{what}");
        }
        assert!(!dies.calls().is_empty(), "{what}");
        assert_eq!(spare.calls().len(), 8, "{what}");
    }
}

#[tokio::test]
async fn s3_a_stream_that_dies_before_its_first_byte_is_an_error_where_nobody_else_has_the_model() {
    for (script, status) in [
        (Script::event_stream().reset(), 502),
        (Script::event_stream().last_chunk(), 502),
        (Script::event_stream().stall(), 504),
    ] {
        let upstream = Upstream::start(move |_| script.clone()).await;
        let mut options = options(&[&upstream]);
        options.timeouts.first_byte = ms(200);
        let tier = Tier::start(options);
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, status);
        assert_eq!(upstream.calls().len(), 1, "the same server is not asked again");
    }
}

#[tokio::test]
async fn r4_after_the_first_byte_no_other_server_is_tried() {
    let dies = Upstream::start(|_| Script::event_stream().event("0").reset()).await;
    let spare = Upstream::start(|_| Script::json(200, "{}")).await;
    let mut options = options(&[&dies, &spare]);
    options.health.eject_after = u32::MAX;
    let tier = Tier::start(options);
    let mut broken = 0;
    for _ in 0..20 {
        let mut client = tier.ask("llama").await;
        let head = within(client.read_head()).await.unwrap();
        broken += usize::from(within(client.read_body(&head)).await.is_err());
    }
    assert_eq!(broken, dies.calls().len());
    assert_eq!(dies.calls().len() + spare.calls().len(), 20, "as many calls as requests");
    assert!(broken > 0);
}

#[tokio::test]
async fn s10_a_silent_stream_gets_comments_between_events_from_the_start() {
    let upstream = Upstream::start(|_| {
        Script::event_stream()
            .delay(ms(350))
            .chunk("data: fir")
            .delay(ms(250))
            .chunk("st\n\n")
            .delay(ms(150))
            .chunk("data: second\r\n\r\n")
            .delay(ms(150))
            .last_chunk()
    })
    .await;
    let mut options = options(&[&upstream]);
    options.heartbeat = ms(100);
    let tier = Tier::start(options);
    let sent = Instant::now();
    let mut client = tier.ask("llama").await;
    within(client.read_head()).await.unwrap();
    let body = within(client.read_chunks()).await.unwrap();
    assert_eq!(body.cut, None);
    let text = String::from_utf8(body.bytes()).unwrap();
    let beats = text.matches(": heartbeat\n\n").count();
    assert!((5..=6).contains(&beats), "three before the first event, one after each: {text:?}");
    let (before, _) = text.split_once("data: fir").unwrap();
    assert!(before.len() >= 3 * HEARTBEAT.len(), "{text:?}");
    assert!(text.contains("data: first\n\n"), "none within an event: {text:?}");
    assert_eq!(text.replace(": heartbeat\n\n", ""), "data: first\n\ndata: second\r\n\r\n");
    let first = body.chunks[0].at - sent;
    assert!((ms(80)..ms(250)).contains(&first), "{first:?}");
    tier.metric(&format!("weir_cluster_heartbeats_total {beats}")).await;
}

#[tokio::test]
async fn s10_only_event_streams_get_comments_and_a_stated_length_does_not_cut_them() {
    let upstream = Upstream::start(|seen| match seen.line().1 {
        "/openai/v1/embeddings" => Script::default()
            .send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"a\"")
            .delay(ms(200))
            .send(":10}"),
        _ => Script::default()
            .send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\n")
            .delay(ms(200))
            .send("data: 1\n\n"),
    })
    .await;
    let mut options = options(&[&upstream]);
    options.heartbeat = ms(50);
    let tier = Tier::start(options);
    let (head, body) = tier.answer(&Call::new("POST", "/v1/embeddings", r#"{"model":"llama"}"#)).await;
    assert_eq!((head.header("content-length"), body.as_str()), (Some("8"), r#"{"a":10}"#));
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!(head.header("content-length"), None);
    assert!(body.starts_with(": heartbeat\n\n") && body.ends_with("data: 1\n\n"), "{body:?}");
    let lines = tier.log.lines(2).await;
    assert_eq!((&lines[0]["ending"], &lines[1]["ending"]), (&"complete".into(), &"complete".into()));
}

#[tokio::test]
async fn s10_no_status_is_committed_before_the_server_has_answered() {
    let upstream = Upstream::start(|_| {
        Script::default()
            .delay(ms(300))
            .send("HTTP/1.1 422 Unprocessable Entity\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\r\n")
            .send(r#"{"error":{"message":"no"}}"#)
    })
    .await;
    let mut options = options(&[&upstream]);
    options.heartbeat = ms(50);
    let tier = Tier::start(options);
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, body.as_str()), (422, r#"{"error":{"message":"no"}}"#));
}

#[tokio::test]
async fn s10_silence_for_too_long_ends_the_stream_as_broken() {
    for (what, script) in
        [("after an event", Script::event_stream().event("0").stall()), ("before any", Script::event_stream().stall())]
    {
        let upstream = Upstream::start(move |_| script.clone()).await;
        let mut options = options(&[&upstream]);
        options.heartbeat = ms(50);
        options.timeouts.first_byte = ms(300);
        options.timeouts.idle = ms(300);
        let tier = Tier::start(options);
        let begun = Instant::now();
        let mut client = tier.ask("llama").await;
        within(client.read_head()).await.unwrap();
        let body = within(client.read_chunks()).await.unwrap();
        assert!(body.cut.is_some(), "{what}");
        assert!((ms(280)..ms(900)).contains(&begun.elapsed()), "{what}: {:?}", begun.elapsed());
        assert!(body.bytes().ends_with(HEARTBEAT), "{what}: it was kept alive until then");
        upstream.cancelled(SOON).await.unwrap();
    }
}

#[tokio::test]
async fn l1_a_graceful_stop_lets_live_streams_finish_and_cuts_the_rest() {
    let upstream = Upstream::start(|seen| {
        let begun = Script::event_stream().event("0");
        if seen.line().1.ends_with("completions") && seen.body.ends_with(b"hi\"}]}") {
            begun.delay(ms(600)).event("1").last_chunk()
        } else {
            begun.stall()
        }
    })
    .await;
    let tier = Tier::before(&[&upstream]);
    let mut finishing = Vec::new();
    for _ in 0..20 {
        let mut client = tier.ask("llama").await;
        within(client.read_head()).await.unwrap();
        finishing.push(client);
    }
    let mut endless = tier.send(&Call::new("POST", "/v1/completions", r#"{"model":"llama"}"#)).await;
    within(endless.read_head()).await.unwrap();

    tier.cluster.drain();
    tier.trigger.drain(ms(1500));
    for mut client in finishing {
        let body = within(client.read_chunks()).await.unwrap();
        assert_eq!(body.cut, None);
        assert_eq!(body.bytes(), b"data: 0\n\ndata: 1\n\n");
    }
    let body = within(endless.read_chunks()).await.unwrap();
    assert!(matches!(body.cut, Some(Cut::Fin | Cut::Reset)), "what is cut is not ended clean");
    assert_eq!(within(tier.server).await.unwrap().cut, 1);
    upstream.cancelled(SOON).await.unwrap();
}
