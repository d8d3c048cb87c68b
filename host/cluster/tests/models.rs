//! Versions, states, reloads: what discovery tells, and what becomes of it.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Call, SOON, Tier, endpoint, options, within};
use weir_cluster::{ClusterOptions, Model, Role, Standing, Status, Version, Watched};
use weir_tests::upstream::{Script, Upstream};

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

async fn ok() -> Upstream {
    Upstream::start(|_| Script::json(200, "{}")).await
}

fn version(name: &str, weight: u32, upstream: &Upstream) -> Version {
    Version { name: name.into(), weight, served_as: None, endpoints: vec![endpoint(upstream)] }
}

#[tokio::test]
async fn calls_are_divided_by_weight_and_each_version_gets_its_own_name_for_the_model() {
    let (stable, canary) = (ok().await, ok().await);
    let mut options = options(&[]);
    let renamed = Version { served_as: Some("llama-v2".into()), ..version("v2", 30, &canary) };
    options.models[0].versions = vec![version("v1", 70, &stable), renamed];
    let tier = Tier::start(options);
    for _ in 0..200 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
    let share = canary.calls().len();
    assert!((35..=85).contains(&share), "30 % of 200: {share}");
    assert!(canary.calls()[0].body.starts_with(br#"{"model":"llama-v2""#));
    assert!(stable.calls()[0].body.starts_with(br#"{"model":"llama""#));
    let snapshot = tier.cluster.snapshot();
    let versions: Vec<_> = snapshot.models[0].versions.iter().map(|v| (v.name.as_str(), v.weight, v.share)).collect();
    assert_eq!(versions, [("v1", 70, 0.7), ("v2", 30, 0.3)]);
    assert!(snapshot.endpoints().all(|endpoint| endpoint.latency_ms.is_some()));
}

#[tokio::test]
async fn a_retry_goes_to_another_version_in_its_own_words() {
    let bad = Upstream::start(|_| Script::json(500, "{}")).await;
    let good = ok().await;
    let mut options = options(&[]);
    let renamed = Version { served_as: Some("llama-v2".into()), ..version("v2", 1, &good) };
    options.models[0].versions = vec![version("v1", 99, &bad), renamed];
    options.retry.per_second = 1000;
    let tier = Tier::start(options);
    for _ in 0..10 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
    assert!(
        !bad.calls().is_empty() && good.calls().iter().all(|call| call.body.starts_with(br#"{"model":"llama-v2""#))
    );
}

#[tokio::test]
async fn a_model_that_is_not_ready_says_why_and_is_served_as_long_as_somebody_answers() {
    let upstream = ok().await;
    let tier = Tier::start(ClusterOptions::default());
    let model = |status: Status, endpoints| Model { status, ..Model::new("m", endpoints) };
    for (status, retry_after, spill) in [
        (Status::Loading, Some("5"), "unavailable"),
        (Status::NotReady("no node has room".into()), Some("1"), "unavailable"),
        (Status::Failed("no such file".into()), None, "unavailable"),
        (Status::Stopped, None, "unavailable"),
        (Status::AtZero, None, "asleep"),
    ] {
        tier.cluster.reload(&[model(status.clone(), vec![])]).unwrap();
        let (head, body) = tier.answer(&Call::chat("m")).await;
        assert_eq!((head.status, head.header("retry-after")), (503, retry_after), "{status:?}: {body}");
        assert_eq!(head.header("x-weir-spill"), Some(spill));
        if let Some(text) = status.text() {
            assert!(body.contains(text), "{body}");
        }
        assert_eq!(tier.cluster.snapshot().models[0].status, status.word());
        tier.cluster.reload(&[model(status, vec![endpoint(&upstream)])]).unwrap();
        assert_eq!(tier.answer(&Call::chat("m")).await.0.status, 200);
    }
}

#[tokio::test]
async fn while_models_are_being_looked_for_one_that_is_not_there_is_not_called_unknown() {
    let upstream = ok().await;
    let tier = Tier::before(&[&upstream]);
    let told = async |call: Call| {
        let (head, body) = tier.answer(&call).await;
        (head.status, head.header("retry-after").map(str::to_owned), body.contains("not known yet"))
    };
    let of_a_service = || Call::new("POST", "/team/qwen/v1/chat/completions", r#"{"model":"other"}"#);
    let calls = || [Call::chat("other"), Call::new("GET", "/v1/models/other", ""), of_a_service()];
    tier.cluster.reload_in_part(&[Model::new("llama", vec![endpoint(&upstream)])]).unwrap();
    for call in calls() {
        assert_eq!(told(call).await, (503, Some("1".into()), true));
    }
    assert_eq!(told(Call::chat("llama")).await.0, 200);
    tier.cluster.reload(&[Model::new("llama", vec![endpoint(&upstream)])]).unwrap();
    for call in calls() {
        assert_eq!(told(call).await, (404, None, false));
    }
}

#[tokio::test]
async fn l1_an_endpoint_that_drains_ends_its_streams_and_gets_nothing_new_and_one_for_prefill_never_does() {
    let old = Upstream::start(|_| Script::event_stream().event("0").delay(ms(4_000)).event("1").last_chunk()).await;
    let (new, prefill) = (ok().await, ok().await);
    let tier = Tier::before(&[&old]);
    let mut stream = tier.ask("llama").await;
    within(stream.read_head()).await.unwrap();
    let mut leaving = endpoint(&old);
    leaving.draining = true;
    let mut reads = endpoint(&prefill);
    reads.role = Role::Prefill;
    tier.cluster.reload(&[Model::new("llama", vec![leaving, endpoint(&new), reads])]).unwrap();
    for _ in 0..10 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
    assert_eq!((old.calls().len(), new.calls().len(), prefill.calls().len()), (1, 10, 0));
    let snapshot = tier.cluster.snapshot();
    let states: Vec<_> = snapshot.endpoints().map(|e| (e.standing, e.role.as_str(), e.in_flight)).collect();
    assert_eq!(states[0], (Standing::Draining, "whole", 1));
    assert_eq!(states[2], (Standing::Well, "prefill", 0));
    let body = within(stream.read_chunks()).await.unwrap();
    assert_eq!((body.bytes().as_slice(), body.cut), (&b"data: 0\n\ndata: 1\n\n"[..], None));
}

#[tokio::test]
async fn an_endpoint_that_leaves_loses_its_idle_connections_and_its_series() {
    let (old, new) = (ok().await, ok().await);
    let tier = Tier::before(&[&old]);
    assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    assert!(tier.metrics().contains(&old.origin()));
    let before = old.closed().len();
    tier.cluster.reload(&[Model::new("other", vec![endpoint(&new)])]).unwrap();
    old.wait_for(ms(250), |old| (old.closed().len() > before).then_some(())).await.unwrap();
    let text = tier.metrics();
    assert!(!text.contains(&old.origin()) && !text.contains("llama"), "{text}");
    assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 404);
}

/// Clients that call as fast as they can until told to stop: how many answers there were, and how many were not 200.
fn load(tier: &Arc<Tier>, clients: usize, model: impl Fn(usize) -> String + Clone + Send + 'static) -> Load {
    let (stop, answers, bad) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::default());
    let load = Load { stop, answers, bad, clients: Vec::new() };
    let clients = (0..clients).map(|client| {
        let (tier, model) = (tier.clone(), model.clone());
        let (stop, answers, bad) = (load.stop.clone(), load.answers.clone(), load.bad.clone());
        tokio::spawn(async move {
            let mut turn = client;
            while !stop.load(Ordering::Relaxed) {
                let (head, body) = tier.answer(&Call::chat(&model(turn))).await;
                answers.fetch_add(1, Ordering::Relaxed);
                if head.status != 200 {
                    println!("{}: {body}", head.status);
                    bad.fetch_add(1, Ordering::Relaxed);
                }
                turn += 1;
            }
        })
    });
    Load { clients: clients.collect(), ..load }
}

struct Load {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
    bad: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    async fn end(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
        (self.answers.load(Ordering::Relaxed), self.bad.load(Ordering::Relaxed))
    }
}

/// How many models; the unoptimized build gets fewer, or its test would take minutes. `cargo bench` has all of them, too.
const MODELS: usize = if cfg!(debug_assertions) { 100 } else { 1_000 };
const CHANGES: usize = if cfg!(debug_assertions) { 200 } else { 1_000 };

/// A thousand models of five endpoints each. Two servers answer; the rest of the addresses are never called, since the
/// version that they belong to has no weight.
fn thousand(servers: &[&Upstream], change: usize) -> Vec<Model> {
    let listed = |model: usize| {
        let mut listed = endpoint(servers[(model + change) % 2]);
        listed.watched = Watched::Elsewhere;
        let spare = (0..4).map(|at| {
            let address = format!("http://10.{}.{}.{at}:8080", model / 250, model % 250);
            let mut spare = weir_cluster::EndpointOptions::new(address.parse().unwrap(), "/v1");
            spare.watched = Watched::Elsewhere;
            spare
        });
        let served = Version { name: "served".into(), weight: 1, served_as: None, endpoints: vec![listed] };
        let next = Version { name: "next".into(), weight: 0, served_as: None, endpoints: spare.collect() };
        Model { versions: vec![served, next], ..Model::new(format!("m{model}"), vec![]) }
    };
    (0..MODELS).map(listed).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g2_a_thousand_changes_among_a_thousand_models_under_load_fail_no_request() {
    let (one, two) = (ok().await, ok().await);
    let both = [&one, &two];
    let models = [thousand(&both, 0), thousand(&both, 1)];
    let mut current = models[0].clone();
    let tier = Arc::new(Tier::start(ClusterOptions { models: current.clone(), ..ClusterOptions::default() }));
    let load = load(&tier, 4, |turn| format!("m{}", turn % MODELS));
    let mut longest = Duration::ZERO;
    for change in 0..CHANGES {
        // One model at a time moves to the other server, comes, or goes; none that is called goes.
        let (moved, side) = (change % MODELS, (change / MODELS + 1) % 2);
        current[moved] = models[side][moved].clone();
        let listed = if change % 2 == 0 {
            let mut listed = current.clone();
            listed.push(Model::new(format!("extra{change}"), vec![endpoint(&one)]));
            listed
        } else {
            current.clone()
        };
        let begun = Instant::now();
        tier.cluster.reload(&listed).unwrap();
        longest = longest.max(begun.elapsed());
        if change % 50 == 0 {
            // It is in force: the next call goes to the other server.
            let now = both[(moved + side) % 2];
            let before = now.calls().len();
            assert_eq!(tier.answer(&Call::chat(&format!("m{moved}"))).await.0.status, 200);
            assert!(now.calls().len() > before);
        }
        tokio::time::sleep(ms(1)).await;
    }
    let (answers, bad) = load.end().await;
    println!("{answers} answers beside {CHANGES} changes, the longest of which took {longest:?}");
    assert_eq!(bad, 0, "of {answers}");
    assert!(answers > 50, "{answers}");
    if !cfg!(debug_assertions) {
        assert!(longest < ms(100), "{longest:?}");
    }
    assert!(!tier.metrics().contains("extra"), "what went has left nothing");
    let snapshot = tier.cluster.snapshot();
    assert_eq!((snapshot.models.len(), snapshot.endpoints().count()), (MODELS, 5 * MODELS));
}

#[tokio::test]
async fn a_change_takes_effect_with_the_next_request_and_keeps_what_did_not_change() {
    let (one, two) = (ok().await, ok().await);
    let tier = Tier::before(&[&one]);
    // The one check at the start may need a connection of its own beside the call's.
    one.wait_for(SOON, |one| (one.requests().len() > one.calls().len()).then_some(())).await.unwrap();
    assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    let first = one.connections();
    for turn in 0..20 {
        let model = Model::new("llama", vec![endpoint(&one)]);
        let other = Model::new(format!("other{turn}"), vec![endpoint(&two)]);
        tier.cluster.reload(&[model, other]).unwrap();
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
        assert_eq!(tier.answer(&Call::chat(&format!("other{turn}"))).await.0.status, 200);
    }
    assert_eq!(one.connections(), first, "its connection has lived through it all");
}
