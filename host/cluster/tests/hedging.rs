//! Calls that are asked of a second server when the first takes long.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{CANCEL, Call, SOON, Tier, options};
use weir_cluster::{ClusterOptions, Hedge, HedgeAfter};
use weir_core::Pattern;
use weir_tests::upstream::{Script, Upstream};

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

fn short() -> Call {
    Call::new("POST", "/v1/chat/completions", r#"{"model":"llama","messages":[]}"#)
}

fn hedged(upstreams: &[&Upstream], after: HedgeAfter, percent: u32) -> ClusterOptions {
    let hedge = Hedge { after, percent, ..Hedge::of(vec![Pattern::new("ll*")]) };
    ClusterOptions { hedge: Some(hedge), ..options(upstreams) }
}

/// Answers at once, but for the first call it gets after each `every`, which hangs.
async fn sticks(every: usize) -> (Upstream, Arc<AtomicUsize>) {
    let hung = Arc::new(AtomicUsize::new(0));
    let (count, counted) = (AtomicUsize::new(0), hung.clone());
    let upstream = Upstream::start(move |seen| {
        if seen.line().1 == "/health" {
            return Script::json(200, "{}");
        }
        if count.fetch_add(1, Ordering::Relaxed) % every == every - 1 {
            counted.fetch_add(1, Ordering::Relaxed);
            return Script::default().stall();
        }
        Script::default().delay(ms(2)).send(OK)
    })
    .await;
    (upstream, hung)
}

#[tokio::test]
async fn a_call_that_hangs_is_answered_by_another_server_and_cancelled() {
    let (one, hung) = sticks(2).await;
    let (two, _) = sticks(usize::MAX).await;
    let tier = Tier::start(hedged(&[&one, &two], HedgeAfter::Time(ms(150)), 100));
    for _ in 0..12 {
        let begun = Instant::now();
        assert_eq!(tier.answer(&short()).await.0.status, 200);
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
    let hung = hung.load(Ordering::Relaxed);
    assert!(hung > 0);
    // Each that hung was dropped when the other answered: its connection is closed.
    let dropped = |one: &Upstream| one.closed().iter().filter(|closed| closed.by_peer).count() >= hung;
    one.wait_for(CANCEL, |one| dropped(one).then_some(())).await.unwrap();
    let lines = tier.log.lines(12).await;
    let rescued: Vec<_> = lines.iter().filter(|line| line["hedged"] == true).collect();
    assert!(rescued.len() >= hung, "{lines:?}");
    assert!(rescued.iter().any(|line| line["backend"].as_str().unwrap().starts_with(&two.origin())));
    assert!(tier.metrics().contains("weir_cluster_hedges_total{model=\"llama\",answered=\"second\"}"));
    for upstream in [&one, &two] {
        let gauge = format!("weir_cluster_in_flight{{endpoint=\"{}/openai/v1\"}} 0", upstream.origin());
        tier.metric(&gauge).await;
    }
}

#[tokio::test]
async fn after_the_95th_percentile_and_no_more_than_the_share() {
    let (one, hung_one) = sticks(25).await;
    let (two, hung_two) = sticks(25).await;
    let mut options = hedged(&[&one, &two], HedgeAfter::Percentile(95), 5);
    options.timeouts.first_byte = ms(400);
    options.health.eject_after = u32::MAX;
    let tier = Tier::start(options);
    for _ in 0..300 {
        assert_eq!(tier.answer(&short()).await.0.status, 200);
    }
    let calls = one.calls().len() + two.calls().len();
    let hung = hung_one.load(Ordering::Relaxed) + hung_two.load(Ordering::Relaxed);
    // A hedge for each hundred five; a retry for each that hung and was not hedged.
    assert!(calls <= 300 + 15 + hung, "{calls} calls, {hung} hung");
    let lines = tier.log.lines(300).await;
    let hedged = lines.iter().filter(|line| line["hedged"] == true).count();
    assert!((1..=15).contains(&hedged), "{hedged}");
    assert!(lines[..20].iter().all(|line| line["hedged"].is_null()), "not before enough is known");
}

#[tokio::test]
async fn streams_models_that_are_not_named_and_bodies_that_are_long_are_asked_once() {
    let hangs = || Upstream::start(|_| Script::default().delay(ms(150)).send(OK));
    let (one, two) = (hangs().await, hangs().await);
    let mut options = hedged(&[&one, &two], HedgeAfter::Time(ms(20)), 100);
    let other = weir_cluster::Model::new("other", vec![common::endpoint(&one), common::endpoint(&two)]);
    options.models.push(other);
    let tier = Tier::start(options);
    let long = format!(r#"{{"model":"llama","x":"{}"}}"#, "a".repeat(70_000));
    let calls = [
        Call::chat("llama"),
        Call::new("POST", "/v1/chat/completions", r#"{"model":"other"}"#),
        Call::new("POST", "/v1/chat/completions", long),
        Call::new("POST", "/v1/responses", r#"{"model":"llama"}"#),
    ];
    for call in &calls {
        assert_eq!(tier.answer(call).await.0.status, 200);
    }
    assert_eq!(one.calls().len() + two.calls().len(), calls.len());
    assert_eq!(tier.answer(&short()).await.0.status, 200);
    assert_eq!(one.calls().len() + two.calls().len(), calls.len() + 2, "this one may");
}

#[tokio::test]
async fn a_second_answer_that_is_bad_does_not_count_and_without_a_second_server_none_is_asked() {
    let slow = Upstream::start(|_| Script::default().delay(ms(200)).send(OK)).await;
    let bad = Upstream::start(|seen| match seen.line().1 {
        "/health" => Script::json(200, "{}"),
        _ => Script::default().delay(ms(30)).send("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"),
    })
    .await;
    let mut options = hedged(&[&slow, &bad], HedgeAfter::Time(ms(20)), 100);
    options.health.eject_after = u32::MAX;
    let tier = Tier::start(options);
    for _ in 0..6 {
        assert_eq!(tier.answer(&short()).await.0.status, 200);
    }
    let alone = Tier::start(hedged(&[&slow], HedgeAfter::Time(ms(20)), 100));
    let before = slow.calls().len();
    assert_eq!(alone.answer(&short()).await.0.status, 200);
    assert_eq!(slow.calls().len(), before + 1);
}

#[tokio::test]
async fn s1_a_client_that_leaves_cancels_both() {
    let hangs = || Upstream::start(|_| Script::default().stall());
    let (one, two) = (hangs().await, hangs().await);
    let tier = Tier::start(hedged(&[&one, &two], HedgeAfter::Time(ms(20)), 100));
    let client = tier.send(&short()).await;
    one.call(0, SOON).await.unwrap();
    two.call(0, SOON).await.unwrap();
    let left = Instant::now();
    client.reset().unwrap();
    for upstream in [&one, &two] {
        let closed = upstream.cancelled(SOON).await.unwrap();
        assert!(closed.at.saturating_duration_since(left) <= CANCEL);
    }
}
