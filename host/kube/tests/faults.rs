//! Whatever the API server does, the store is what it has, or what it had.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use weir_apiserver::{ApiServer, Interruption, Refusal, Verb};
use weir_kube::objects::{InferenceService, LlmInferenceService, Pod};
use weir_kube::watch::{FailureKind, Need, WatchState, Watches, WatchesOptions};

use support::{One, kube, names, pod, service, three_pods, watches, watching_three_pods};

/// Changes something behind a fault, and waits until it is known.
async fn goes_on(one: &One<Pod>) {
    one.server.put(pod("models", "d")).unwrap();
    one.server.delete("pods", "models", "b");
    one.until_equal().await;
    assert_eq!(one.names(), ["models/a", "models/c", "models/d"]);
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_known_at_once() {
    let one = watching_three_pods().await;
    let mut changes = one.watches.changes();
    assert!(changes.next().await, "the first picture");
    let begun = Instant::now();
    one.server.put(pod("models", "d")).unwrap();
    assert!(changes.next().await);
    assert!(begun.elapsed() <= Duration::from_millis(20), "{:?}", begun.elapsed());
    assert_eq!(one.names().len(), 4);
    one.server.delete("pods", "models", "a");
    one.until_equal().await;
    let status = one.status();
    assert_eq!((status.events, status.objects, status.reconnects, status.relists), (2, 3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages() {
    let server = ApiServer::new();
    for n in 0..1_201 {
        server.put(pod("models", &format!("pod-{n:04}"))).unwrap();
    }
    let one = One::<Pod>::watching(server).await;
    assert_eq!(one.store.len(), 1_201);
    let lists = one.server.asked().iter().filter(|asked| asked.query.starts_with("limit=500")).count();
    assert_eq!(lists, 3);
}

#[tokio::test(start_paused = true)]
async fn a_continue_that_expires_begins_the_list_anew() {
    let server = ApiServer::new();
    for n in 0..600 {
        server.put(pod("models", &format!("pod-{n:04}"))).unwrap();
    }
    // The first page is the answer to the first list; the second finds the history gone.
    server.refuse(Refusal::status(410).of("pods", Verb::List).skip(1));
    let one = One::<Pod>::watching(server).await;
    one.until_equal().await;
    assert_eq!(one.status().failures[&FailureKind::Expired], 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_goes_on_where_it_was() {
    let one = watching_three_pods().await;
    one.server.interrupt("pods", Interruption::End);
    goes_on(&one).await;
    assert_eq!((one.status().reconnects, one.status().relists), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_goes_on_where_it_was() {
    let one = watching_three_pods().await;
    one.server.interrupt("pods", Interruption::Kill);
    goes_on(&one).await;
    let status = one.status();
    assert_eq!((status.reconnects, status.relists, status.failures[&FailureKind::Cut]), (1, 0, 1));
    assert_eq!(status.problem, None, "well again");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_cut_again_and_again_is_never_long_behind() {
    let one = watching_three_pods().await;
    for _ in 0..20 {
        sleep(Duration::from_secs(30)).await;
        one.server.interrupt("pods", Interruption::Kill);
    }
    let begun = Instant::now();
    goes_on(&one).await;
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    assert_eq!((one.status().reconnects, one.status().relists), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_each_watch_at_once_is_not_flooded() {
    let one = watching_three_pods().await;
    let before = one.server.asked().len();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(600) {
        one.server.interrupt("pods", Interruption::End);
        sleep(Duration::from_millis(100)).await;
    }
    let asked = one.server.asked().len() - before;
    assert!(asked < 60, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_within_an_event_loses_nothing() {
    let one = watching_three_pods().await;
    one.server.interrupt("pods", Interruption::HalfClose);
    goes_on(&one).await;
    assert_eq!((one.status().reconnects, one.status().relists, one.status().skipped), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_noticed_and_goes_on_where_it_was() {
    let one = watching_three_pods().await;
    one.server.interrupt("pods", Interruption::Silence);
    sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    goes_on(&one).await;
    assert!(begun.elapsed() <= Duration::from_secs(76), "{:?}", begun.elapsed());
    let status = one.status();
    assert_eq!((status.reconnects, status.relists, status.failures[&FailureKind::Silent]), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_is_not_a_silent_one() {
    let one = watching_three_pods().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3_600) {
        assert!(one.watches.age() <= Duration::from_secs(61), "{:?}", one.watches.age());
        sleep(Duration::from_secs(1)).await;
    }
    let status = one.status();
    assert!((12..=16).contains(&status.reconnects), "each watch lasts four to five minutes: {}", status.reconnects);
    assert!(status.failures.is_empty() && status.relists == 0, "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn history_that_is_gone_is_listed_anew() {
    let one = watching_three_pods().await;
    one.server.refuse(Refusal::status(503).of("pods", Verb::Watch).times(3));
    one.server.interrupt("pods", Interruption::End);
    sleep(Duration::from_millis(1)).await;
    one.server.put(pod("models", "d")).unwrap();
    one.server.delete("pods", "models", "b");
    one.server.compact();
    one.until_equal().await;
    let status = one.status();
    assert_eq!(status.relists, 1);
    assert_eq!((status.failures[&FailureKind::Server], status.failures[&FailureKind::Expired]), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_410_as_an_answer_or_within_a_stream_is_listed_anew() {
    let one = watching_three_pods().await;
    one.server.interrupt("pods", Interruption::Error(410));
    goes_on(&one).await;
    assert_eq!(one.status().relists, 1);
    one.server.refuse(Refusal::status(410).of("pods", Verb::Watch));
    one.server.interrupt("pods", Interruption::End);
    one.until("listed again", || one.status().relists == 2).await;
    one.until_equal().await;
}

#[tokio::test(start_paused = true)]
async fn another_error_within_a_stream_goes_on_where_it_was() {
    let one = watching_three_pods().await;
    one.server.interrupt("pods", Interruption::Error(500));
    goes_on(&one).await;
    assert_eq!((one.status().reconnects, one.status().relists), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn garbage_in_a_stream_loses_nothing() {
    let one = watching_three_pods().await;
    for garbage in
        ["<html>gateway</html>\n", "{\"type\":\"ADDED\"}\n", "\u{0}\n", "{\"type\":\"MODIFIED\",\"object\":7,\n"]
    {
        one.server.interrupt("pods", Interruption::Send(garbage.into()));
        sleep(Duration::from_secs(90)).await;
    }
    goes_on(&one).await;
    assert_eq!((one.status().failures[&FailureKind::Malformed], one.status().relists), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn an_event_without_end_is_not_held() {
    let one = watching_three_pods().await;
    one.server.interrupt("pods", Interruption::Send("x".repeat(9 << 20)));
    goes_on(&one).await;
    assert_eq!(one.status().failures[&FailureKind::Malformed], 1);
}

#[tokio::test(start_paused = true)]
async fn events_that_come_twice_or_late_change_nothing() {
    let one = watching_three_pods().await;
    let mut changes = one.watches.changes();
    assert!(changes.next().await);
    one.server.put(pod("models", "d")).unwrap();
    assert!(changes.next().await);
    (0..5).for_each(|_| one.server.interrupt("pods", Interruption::Repeat));
    // As it was before: an older version of one that is there, and of one that is gone.
    one.server.delete("pods", "models", "b");
    one.until_equal().await;
    assert!(changes.next().await);
    for name in ["a", "b"] {
        let mut old = pod("models", name);
        old["metadata"]["resourceVersion"] = "50".into();
        old["metadata"]["uid"] = "another".into();
        let event = format!("{}\n", json!({ "type": "MODIFIED", "object": old }));
        one.server.interrupt("pods", Interruption::Send(event));
    }
    let nothing = tokio::time::timeout(Duration::from_secs(30), changes.next()).await;
    assert!(nothing.is_err(), "nothing has changed");
    assert_eq!(support::held(&one.store), support::had::<Pod>(&one.server));
}

#[tokio::test(start_paused = true)]
async fn events_in_pieces_are_whole() {
    let one = watching_three_pods().await;
    one.server.interrupt("pods", Interruption::Slowly(1));
    goes_on(&one).await;
    assert_eq!((one.status().reconnects, one.status().skipped), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_stops_no_other() {
    let one = watching_three_pods().await;
    let nameless = json!({ "type": "ADDED", "object": { "metadata": { "resourceVersion": "7" } } });
    one.server.interrupt("pods", Interruption::Send(format!("{nameless}\n")));
    goes_on(&one).await;
    assert_eq!((one.status().skipped, one.status().reconnects), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_tried_again_when_they_say() {
    let server = three_pods();
    server.refuse(Refusal::status(429).retry_after(7).of("pods", Verb::List));
    let begun = Instant::now();
    let one = One::<Pod>::watching(server).await;
    assert!((7.0..8.0).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    assert_eq!(one.status().failures[&FailureKind::Throttled], 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_picture_outlives_the_api_server() {
    let one = watching_three_pods().await;
    one.server.refuse(Refusal::status(500).times(u32::MAX));
    one.server.interrupt("*", Interruption::Kill);
    let before = one.server.asked().len();
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(one.store.len(), 3);
    assert!(one.watches.is_complete());
    assert!(one.watches.age() >= Duration::from_secs(3_599), "{:?}", one.watches.age());
    let tries = one.server.asked().len() - before;
    assert!((120..300).contains(&tries), "at most one try each 15 s, at least one each 30 s: {tries}");
    one.server.relent();
    goes_on(&one).await;
    assert!(one.watches.age() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_for_a_while_costs_nothing() {
    let one = watching_three_pods().await;
    one.server.tokens([]);
    one.server.interrupt("pods", Interruption::End);
    sleep(Duration::from_secs(120)).await;
    assert_eq!(one.store.len(), 3);
    assert!(one.status().failures[&FailureKind::Unauthorized] > 3);
    one.server.tokens(["controller-token"]);
    goes_on(&one).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_given_up() {
    let server = three_pods();
    server.refuse(Refusal::hang().of("pods", Verb::List));
    let begun = Instant::now();
    let one = One::<Pod>::watching(server).await;
    assert!(begun.elapsed() <= Duration::from_secs(61), "{:?}", begun.elapsed());
    assert_eq!(one.status().failures[&FailureKind::Timeout], 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_no_list_is_read_again() {
    let server = three_pods();
    for body in
        ["<html>", "{}", "{\"metadata\":{},\"items\":[]}", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":{}}"]
    {
        server.refuse(Refusal::status(200).body(body).of("pods", Verb::List));
    }
    let one = One::<Pod>::watching(server).await;
    assert_eq!((one.store.len(), one.status().failures[&FailureKind::Malformed]), (3, 4));
}

#[tokio::test(start_paused = true)]
async fn a_resource_version_of_another_life_is_given_up() {
    let one = watching_three_pods().await;
    // The server's memory is restored from an older one: what it has is behind where we are.
    one.server.interrupt(
        "pods",
        Interruption::Send(
            "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"99999999\"}}}\n".into(),
        ),
    );
    sleep(Duration::from_millis(1)).await;
    one.server.interrupt("pods", Interruption::End);
    sleep(Duration::from_millis(500)).await;
    one.server.put(pod("models", "d")).unwrap();
    let begun = Instant::now();
    one.until_equal().await;
    assert!(begun.elapsed() < Duration::from_secs(4 * 75), "{:?}", begun.elapsed());
    assert_eq!(one.status().relists, 1);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_disappears_takes_its_objects_along() {
    let one = watching_three_pods().await;
    one.server.put(pod("others", "x")).unwrap();
    one.until_equal().await;
    one.server.delete_namespace("models");
    one.until_equal().await;
    assert_eq!(one.names(), ["others/x"]);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_installed_is_found_when_it_comes() {
    let server = ApiServer::new();
    server.serve("inferenceservices", &[]);
    let mut watches = watches(&server);
    let store = watches.add::<InferenceService>(Need::Required, None);
    let mut changes = watches.changes();
    assert!(changes.next().await, "the picture is complete without it");
    assert_eq!(watches.status()[0].state, WatchState::Absent);
    assert!(watches.age() < Duration::from_secs(1));

    sleep(Duration::from_secs(300)).await;
    let asked = server.asked().len();
    assert!((8..=14).contains(&asked), "looked for each 30 s: {asked}");
    server.serve("inferenceservices", &["v1beta1"]);
    server.put(service("models", "iris")).unwrap();
    let begun = Instant::now();
    assert!(changes.next().await);
    assert!(begun.elapsed() <= Duration::from_secs(31));
    assert_eq!(names(&store), ["models/iris"]);
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_is_deleted_takes_its_objects_along() {
    let server = ApiServer::new();
    server.put(service("models", "iris")).unwrap();
    let one = One::<InferenceService>::watching(server).await;
    one.server.serve("inferenceservices", &[]);
    one.until("they are gone", || one.store.is_empty() && one.status().state == WatchState::Absent).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forgets_a_kind_for_a_moment_is_not_believed() {
    let server = ApiServer::new();
    server.put(service("models", "iris")).unwrap();
    let one = One::<InferenceService>::watching(server).await;
    for verb in [Verb::List, Verb::Watch] {
        one.server.refuse(Refusal::status(404).body("404 page not found\n").of("inferenceservices", verb).times(2));
    }
    one.server.interrupt("inferenceservices", Interruption::End);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        assert_eq!(one.store.len(), 1, "after {:?}", begun.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(one.status().state, WatchState::Watching);
}

#[tokio::test(start_paused = true)]
async fn the_best_version_is_read_and_a_better_one_noticed() {
    let server = ApiServer::new();
    server.serve("llminferenceservices", &["v1alpha1"]);
    server
        .put(json!({
            "apiVersion": "serving.kserve.io/v1alpha1", "kind": "LLMInferenceService",
            "metadata": { "name": "qwen", "namespace": "models" }, "spec": { "model": { "uri": "hf://qwen" } },
        }))
        .unwrap();
    let one = One::<LlmInferenceService>::watching(server).await;
    assert_eq!(one.status().version, Some("v1alpha1"));
    one.server.serve("llminferenceservices", &["v1alpha2", "v1alpha1"]);
    let begun = Instant::now();
    one.until("the better version", || one.status().version == Some("v1alpha2")).await;
    assert!(begun.elapsed() <= Duration::from_secs(480), "{:?}", begun.elapsed());
    assert_eq!(one.names(), ["models/qwen"]);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_merely_welcome_may_be_forbidden() {
    let server = three_pods();
    server.put(service("models", "iris")).unwrap();
    server.refuse(Refusal::status(403).of("inferenceservices", Verb::List).times(u32::MAX));
    let mut both = watches(&server);
    both.add::<Pod>(Need::Required, None);
    both.add::<InferenceService>(Need::Welcome, None);
    let mut changes = both.changes();
    assert!(tokio::time::timeout(Duration::from_secs(10), changes.next()).await.unwrap());

    let mut required = watches(&server);
    required.add::<InferenceService>(Need::Required, None);
    sleep(Duration::from_secs(600)).await;
    assert!(!required.is_complete(), "an error of the operator's that should be seen");
    assert!(required.age() >= Duration::from_secs(599));
    assert!(both.age() <= Duration::from_secs(61), "what was never there does not age");
    assert!(both.status()[1].problem.as_deref().unwrap().starts_with("forbidden: "));
}

#[tokio::test(start_paused = true)]
async fn namespaces_are_watched_each_for_itself() {
    let server = three_pods();
    for namespace in ["others", "hidden"] {
        server.put(pod(namespace, "x")).unwrap();
    }
    let options = WatchesOptions {
        namespaces: ["others", "models", "others"].map(String::from).into(),
        ..WatchesOptions::default()
    };
    let mut watches = Watches::new(&kube(&server), options);
    let store = watches.add::<Pod>(Need::Required, None);
    assert!(watches.changes().next().await);
    assert_eq!(names(&store), ["models/a", "models/b", "models/c", "others/x"]);
    assert!(server.asked().iter().all(|asked| asked.path.starts_with("/api/v1/namespaces/")));
    // A list of one namespace leaves those of the others alone.
    server.delete("pods", "models", "a");
    server.compact();
    server.interrupt("pods", Interruption::Error(410));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(names(&store), ["models/b", "models/c", "others/x"]);
    let counted: Vec<_> =
        watches.status().into_iter().map(|status| (status.namespace.unwrap(), status.objects)).collect();
    assert_eq!(counted, [("models".to_owned(), 2), ("others".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_label_selector_selects() {
    let server = three_pods();
    let mut other = pod("models", "d");
    other["metadata"]["labels"] = json!({ "app": "other" });
    server.put(other.clone()).unwrap();
    let mut watches = watches(&server);
    let store = watches.add::<Pod>(Need::Required, Some("app in (vllm,sglang)"));
    let mut changes = watches.changes();
    assert!(changes.next().await);
    assert_eq!(names(&store).len(), 3);
    other["metadata"]["labels"] = json!({ "app": "sglang" });
    server.put(other.clone()).unwrap();
    assert!(changes.next().await);
    assert_eq!(names(&store).len(), 4);
    other["metadata"]["labels"] = json!({});
    server.put(other).unwrap();
    assert!(changes.next().await);
    assert_eq!(names(&store).len(), 3, "what leaves the selector is gone");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_before_the_picture_is_complete() {
    let server = three_pods();
    server.put(service("models", "iris")).unwrap();
    server.refuse(Refusal::status(503).of("pods", Verb::List).times(8));
    let mut watches = watches(&server);
    let services = watches.add::<InferenceService>(Need::Required, None);
    let pods = watches.add::<Pod>(Need::Required, None);
    let mut changes = watches.changes();
    assert!(changes.next().await);
    assert_eq!((services.len(), pods.len()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_watches() {
    let one = watching_three_pods().await;
    let mut changes = one.watches.changes();
    assert!(changes.next().await);
    let server = one.server.clone();
    assert_eq!(server.watches(), 1);
    drop(one.watches);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.watches(), 0, "the connection is closed");
}
