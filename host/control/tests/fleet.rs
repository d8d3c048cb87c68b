//! What is served, as the console reads it: at once, as soon as it changes, one model of it.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use weir_cluster::{ModelState, Snapshot, SourceState};
use weir_core::UnixMillis;
use weir_fleet::{Board, Fleet};

use support::{ADMIN, World};

fn model(name: &str, status: &str) -> ModelState {
    ModelState {
        name: name.into(),
        aliases: vec![format!("publishers/ns/models/{name}")],
        source: SourceState { kind: "InferenceService".into(), namespace: Some("ns".into()), name: Some(name.into()) },
        status: status.into(),
        text: None,
        protocols: vec!["openai".into()],
        waiting: 0,
        versions: vec![],
    }
}

/// A world that shows two models, of which the first is ready when the switch is on.
fn world() -> (World, Arc<AtomicBool>) {
    let world = World::start(vec![]);
    let ready = Arc::new(AtomicBool::new(false));
    let read = ready.clone();
    world.plane.show(Board::new(move || {
        let status = if read.load(Ordering::SeqCst) { "ready" } else { "loading" };
        let models = vec![model("iris", status), model("llama", "ready")];
        Fleet::new("t2", UnixMillis(1), Snapshot { models })
    }));
    (world, ready)
}

async fn get(world: &World, query: &str, extra: Option<(header::HeaderName, &str)>) -> (u16, Value) {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {ADMIN}")).unwrap());
    if let Some((name, value)) = extra {
        headers.insert(name, HeaderValue::try_from(value).unwrap());
    }
    let (status, body) = world.send(Method::GET, &format!("/control/v1/fleet{query}"), headers, vec![]).await;
    (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn the_fleet_is_for_the_console_alone() {
    let (world, _) = world();
    let (status, _) = world.send(Method::GET, "/control/v1/fleet", HeaderMap::new(), vec![]).await;
    assert_eq!(status, 403);
    let (status, fleet) = get(&world, "", None).await;
    assert_eq!((status, &fleet["version"], &fleet["models"][1]["name"]), (200, &Value::from(1), &Value::from("llama")));
    let unknown = get(&world, "?modell=llama", None).await;
    assert_eq!(unknown.0, 400, "a key that is not known is not passed over");
    world.end().await;
}

#[tokio::test]
async fn a_plane_without_a_fleet_has_nothing_to_show() {
    let world = World::start(vec![]);
    assert_eq!(get(&world, "", None).await.0, 404);
    world.end().await;
}

#[tokio::test]
async fn one_model_is_asked_for_by_any_of_its_names() {
    let (world, _) = world();
    for name in ["llama", "publishers/ns/models/llama"] {
        let (_, fleet) = get(&world, &format!("?model={name}"), None).await;
        assert_eq!(fleet["models"].as_array().unwrap().len(), 1, "{fleet}");
        assert_eq!(fleet["models"][0]["name"], "llama");
    }
    assert_eq!(get(&world, "?model=gpt-5", None).await.1["models"], Value::Array(vec![]));
    world.end().await;
}

#[tokio::test]
async fn a_reader_that_waits_is_answered_when_something_changes() {
    let (world, ready) = world();
    let begun = Instant::now();
    let change = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        ready.store(true, Ordering::SeqCst);
    };
    let ((status, fleet), ()) = tokio::join!(get(&world, "?after=1&wait=20s", None), change);
    assert_eq!((status, &fleet["version"], &fleet["models"][0]["status"]), (200, &2.into(), &"ready".into()));
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(300) && waited < Duration::from_secs(5), "{waited:?}");

    let begun = Instant::now();
    assert_eq!(get(&world, "?after=2&wait=200ms", None).await.1["version"], 2, "nothing happened");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(get(&world, "?after=2&wait=soon", None).await.0, 400);
    world.end().await;
}

#[tokio::test]
async fn what_a_reader_has_is_not_sent_again() {
    let (world, ready) = world();
    assert_eq!(get(&world, "", None).await.0, 200);
    assert_eq!(get(&world, "", Some((header::IF_NONE_MATCH, "W/\"1\""))).await.0, 304);
    ready.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(150)).await;
    let (status, fleet) = get(&world, "", Some((header::IF_NONE_MATCH, "W/\"1\""))).await;
    assert_eq!((status, &fleet["version"]), (200, &2.into()));
    world.end().await;
}

#[tokio::test]
async fn only_so_many_wait_at_once() {
    let (world, ready) = world();
    assert_eq!(get(&world, "", None).await.0, 200);
    let all = futures::future::join_all((0..70).map(|_| get(&world, "?after=1&wait=2s", None)));
    let change = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        ready.store(true, Ordering::SeqCst);
    };
    let (answers, ()) = tokio::join!(all, change);
    let refused = answers.iter().filter(|(status, _)| *status == 429).count();
    assert_eq!(refused, 6, "64 wait");
    world.end().await;
}
