//! What a real API server said, byte for byte: after each recorded list and watch the store is what the scenario of the
//! recording left behind.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use weir_apiserver::{Recorded, Replay, recordings};
use weir_kube::objects::{
    EndpointSlice, InExtensionGroup, InferenceGraph, InferenceModelRewrite, InferenceObjective, InferencePool,
    InferenceService, LlmInferenceService, Metadata, Pod, Resource,
};
use weir_kube::watch::{
    ConnectOptions, FailureKind, Kube, Need, Store, WatchState, WatchStatus, Watches, WatchesOptions,
};

use support::{hasty, held};

/// Recorded exchanges of one kind, replayed on a socket.
struct Played<T> {
    replay: Replay,
    watches: Watches,
    store: Store<T>,
}

impl<T: Resource> Played<T> {
    /// Replays these exchanges, and the discovery documents of the kind.
    async fn of(names: &[&str], piece: usize) -> Option<Self> {
        let Some(folder) = recordings() else {
            eprintln!("skipped: no recordings beside the workspace");
            return None;
        };
        let custom = T::GROUP.contains('.') && T::GROUP != "discovery.k8s.io";
        let discovery = custom.then(|| format!("discovery/{}-{}", T::GROUP, T::VERSIONS[0]));
        let names = discovery.into_iter().chain(names.iter().map(ToString::to_string));
        let exchanges: Vec<Recorded> = names.map(|name| Recorded::read(&folder, &name).unwrap()).collect();
        // A namespace's recording is watched as that namespace.
        let namespace = exchanges.last().unwrap().route().split("/namespaces/").nth(1);
        let namespace = namespace.and_then(|rest| rest.split('/').next()).map(str::to_owned);
        let replay = Replay::listen(exchanges, piece).await.unwrap();
        let kube = connect(&format!("http://{}", replay.address())).await;
        let options = WatchesOptions { namespaces: namespace.into_iter().collect(), limits: hasty() };
        let mut watches = Watches::new(&kube, options);
        let store = watches.add(Need::Required, None);
        Some(Self { replay, watches, store })
    }

    /// Waits until all that was recorded was served, and what follows is a silent watch.
    async fn over(&self) {
        self.until(|| self.replay.left() == 0).await;
        let silent =
            || self.replay.asked().last().is_some_and(|(path, found)| path.contains("watch=true") && found.is_none());
        self.until(silent).await;
        self.until(|| self.status().state == WatchState::Watching).await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:#?} {:#?}", self.replay.asked(), self.status());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn status(&self) -> WatchStatus {
        self.watches.status().remove(0)
    }

    /// What the store holds, name and resource version.
    fn held(&self) -> BTreeMap<String, String> {
        held(&self.store)
            .into_iter()
            .map(|(name, version)| (name.rsplit('/').next().unwrap().to_owned(), version))
            .collect()
    }
}

async fn connect(server: &str) -> Kube {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let config = format!(
        "{{apiVersion: v1, kind: Config, current-context: a, clusters: [{{name: a, cluster: {{server: \"{server}\"}}}}], \
         users: [{{name: a, user: {{token: controller-token}}}}], contexts: [{{name: a, context: {{cluster: a, user: a}}}}]}}"
    );
    std::fs::write(&path, config).unwrap();
    Kube::connect(&ConnectOptions { kubeconfig: Some(path), context: None }).await.unwrap()
}

/// What the scenario left of the objects in a list: the versions it gave them, without those it deleted.
fn expected(list: &str, kind: &str, deleted: &[&str]) -> BTreeMap<String, String> {
    let folder = recordings().unwrap();
    let mut objects: BTreeMap<String, String> = Recorded::read(&folder, list).unwrap().items();
    let scenario: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(folder.join("scenario.json")).unwrap()).unwrap();
    for step in scenario.iter().filter(|step| step["kind"] == kind) {
        let text = |field: &str| step[field].as_str().unwrap().to_owned();
        objects.insert(text("name"), text("resourceVersion"));
    }
    deleted.iter().for_each(|name| assert!(objects.remove(*name).is_some(), "{name} was there"));
    objects
}

/// Plays a list and a watch, in pieces of several sizes, and compares.
async fn list_and_watch<T: Resource>(list: &str, watch: &str, kind: &str, deleted: &[&str]) {
    for piece in [usize::MAX, 1_000, 7] {
        let Some(played) = Played::<T>::of(&[list, watch], piece).await else { return };
        played.over().await;
        assert_eq!(played.held(), expected(list, kind, deleted), "{watch} in pieces of {piece}");
        let status = played.status();
        assert_eq!((status.relists, status.skipped), (0, 0), "{status:?}");
        assert!(status.failures.is_empty(), "{status:?}");
        let (resumed, _) = played.replay.asked().pop().unwrap();
        let version = bookmarked(watch);
        assert!(resumed.ends_with(&format!("resourceVersion={version}")), "{resumed} goes on at {version}");
    }
}

/// The resource version of a recording's last bookmark.
fn bookmarked(watch: &str) -> String {
    let events = std::fs::read_to_string(recordings().unwrap().join(format!("{watch}.events.jsonl"))).unwrap();
    let last: serde_json::Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "BOOKMARK", "the recording ends with a bookmark");
    last["object"]["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn inference_services() {
    let deleted = ["late-arrival", "paused"];
    list_and_watch::<InferenceService>(
        "list/inferenceservices",
        "watch/inferenceservices",
        "InferenceService",
        &deleted,
    )
    .await;
}

#[tokio::test]
async fn inference_services_with_a_bookmark_each_minute() {
    let deleted = ["late-arrival", "paused"];
    list_and_watch::<InferenceService>("list/inferenceservices", "watch/long-bookmarks", "InferenceService", &deleted)
        .await;
}

#[tokio::test]
async fn llm_inference_services() {
    list_and_watch::<LlmInferenceService>(
        "list/llminferenceservices-v1alpha2",
        "watch/llminferenceservices-v1alpha2",
        "LLMInferenceService",
        &["llama-v1alpha1"],
    )
    .await;
}

#[tokio::test]
async fn inference_pools() {
    // The status of one pool was changed between the list and the watch, and not by the scenario.
    let Some(played) = Played::<InferencePool>::of(&["list/inferencepools", "watch/inferencepools"], usize::MAX).await
    else {
        return;
    };
    played.over().await;
    let expected = expected("list/inferencepools", "InferencePool", &["spare-pool", "llama-v1alpha1-inference-pool"]);
    assert_eq!(played.held(), expected);
}

#[tokio::test]
async fn endpoint_slices() {
    list_and_watch::<EndpointSlice>(
        "list/endpointslices",
        "watch/endpointslices",
        "EndpointSlice",
        &["llama-v1alpha1-kserve-workload-svc-k9d2m"],
    )
    .await;
}

#[tokio::test]
async fn pods() {
    list_and_watch::<Pod>("list/pods", "watch/pods", "Pod", &["qwen-7b-kserve-6f7d8c9b5-b22zq"]).await;
}

#[tokio::test]
async fn graphs_objectives_and_rewrites() {
    list_and_watch::<InferenceGraph>("list/inferencegraphs", "watch/inferencegraphs", "InferenceGraph", &[]).await;
    list_and_watch::<InferenceObjective>(
        "list/inferenceobjectives",
        "watch/inferenceobjectives",
        "InferenceObjective",
        &["temp"],
    )
    .await;
    list_and_watch::<InferenceModelRewrite>(
        "list/inferencemodelrewrites",
        "watch/inferencemodelrewrites",
        "InferenceModelRewrite",
        &["temp"],
    )
    .await;
}

#[tokio::test]
async fn pages_of_a_list() {
    let pages = ["list/inferenceservices-page1", "list/inferenceservices-page2", "list/inferenceservices-page3"];
    let Some(played) = Played::<InferenceService>::of(&pages, 100).await else { return };
    played.until(|| played.status().state == WatchState::Watching).await;
    assert_eq!(played.held(), Recorded::read(&recordings().unwrap(), "list/inferenceservices").unwrap().items());
    let (second, _) = played.replay.asked().into_iter().find(|(path, _)| path.contains("continue=")).unwrap();
    assert!(second.contains("continue=ey"), "{second}");
}

#[tokio::test]
async fn a_page_in_gzip() {
    let Some(played) = Played::<Pod>::of(&["list/pods-gzip"], 100).await else { return };
    played.until(|| played.status().state == WatchState::Watching).await;
    assert!(played.store.len() > 10, "{}", played.store.len());
}

#[tokio::test]
async fn a_list_of_nothing() {
    let Some(played) = Played::<InferenceService>::of(&["list/inferenceservices-empty-namespace"], 100).await else {
        return;
    };
    played.until(|| played.status().state == WatchState::Watching).await;
    assert!(played.store.is_empty() && played.watches.is_complete());
}

#[tokio::test]
async fn cut_by_kill() {
    let Some(played) = Played::<InferenceService>::of(&["gone/relist-after-410", "watch/cut-by-kill"], 100).await
    else {
        return;
    };
    played.over().await;
    let status = played.status();
    assert_eq!((status.failures[&FailureKind::Cut], status.relists, status.events), (1, 0, 1), "{status:?}");
}

#[tokio::test]
async fn cut_by_a_graceful_shutdown() {
    let Some(played) =
        Played::<InferenceService>::of(&["gone/relist-after-410", "watch/cut-by-graceful-shutdown"], 100).await
    else {
        return;
    };
    played.over().await;
    let status = played.status();
    assert!(status.failures.is_empty() && status.relists == 0 && status.events == 1, "{status:?}");
}

#[tokio::test]
async fn a_resource_version_too_old() {
    for watch in ["gone/watch-too-old-error-event", "gone/watch-rv1-error-event", "gone/nocache-watch-too-old"] {
        let names = ["list/inferenceservices", watch, "gone/relist-after-410", "gone/watch-resumed"];
        let Some(played) = Played::<InferenceService>::of(&names, 100).await else { return };
        played.over().await;
        let status = played.status();
        assert_eq!((status.failures[&FailureKind::Expired], status.relists), (1, 1), "{watch}: {status:?}");
        assert_eq!(played.held(), Recorded::read(&recordings().unwrap(), "gone/relist-after-410").unwrap().items());
    }
}

#[tokio::test]
async fn a_continue_too_old() {
    let names = ["list/inferenceservices-page1", "gone/list-continue-expired-410", "list/inferenceservices"];
    let Some(played) = Played::<InferenceService>::of(&names, 100).await else { return };
    played.until(|| played.status().state == WatchState::Watching).await;
    assert_eq!(played.held(), Recorded::read(&recordings().unwrap(), "list/inferenceservices").unwrap().items());
    assert_eq!(played.status().failures[&FailureKind::Expired], 1);
}

#[tokio::test]
async fn a_server_that_starts() {
    let names = [
        "startup/list-403-1",
        "startup/list-503-5",
        "startup/list-429-6",
        "startup/list-429-7",
        "list/inferenceservices",
        "watch/inferenceservices",
    ];
    let Some(played) = Played::<InferenceService>::of(&names, 100).await else { return };
    played.over().await;
    assert_eq!(counted(&played.status()), [("forbidden", 1), ("throttled", 2), ("server", 1)]);
    assert_eq!(played.held(), expected("list/inferenceservices", "InferenceService", &["late-arrival", "paused"]));

    let names = ["list/inferencepools", "startup/watch-503-3", "startup/watch-429-7", "startup/watch-429-8"];
    let Some(played) = Played::<InferencePool>::of(&names, 100).await else { return };
    played.over().await;
    assert_eq!(counted(&played.status()), [("throttled", 2), ("server", 1)]);
    assert_eq!(played.status().relists, 0);
}

fn counted(status: &WatchStatus) -> Vec<(&'static str, u64)> {
    status.failures.iter().map(|(kind, count)| (kind.as_str(), *count)).collect()
}

/// A kind of which Weir knows nothing.
#[derive(Clone, serde::Deserialize)]
struct TrainedModel {
    metadata: Metadata,
}

impl Resource for TrainedModel {
    const GROUP: &'static str = "serving.kserve.io";
    const VERSIONS: &'static [&'static str] = &["v1alpha1"];
    const PLURAL: &'static str = "trainedmodels";
    const KIND: &'static str = "TrainedModel";

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

#[tokio::test]
async fn a_definition_that_is_deleted() {
    let names = ["list/trainedmodels-empty", "watch/crd-deleted"];
    let Some(played) = Played::<TrainedModel>::of(&names, 100).await else { return };
    played.over().await;
    assert!(played.store.is_empty());
    assert_eq!(played.status().events, 2, "added and deleted");

    let Some(played) = Played::<TrainedModel>::of(&["errors/404-crd-deleted"], 100).await else { return };
    played.until(|| played.status().state == WatchState::Absent).await;
    assert_eq!(played.status().problem.unwrap(), "absent: 404 Not Found: 404 page not found");
    assert!(played.watches.is_complete());
}

#[tokio::test]
async fn pods_that_enter_and_leave_a_selector() {
    let Some(played) = Played::<Pod>::of(&["list/pods", "watch/pods-label-selector"], 100).await else { return };
    played.over().await;
    let (held, expected) = (played.held(), expected("list/pods", "Pod", &["qwen-7b-kserve-6f7d8c9b5-b22zq"]));
    let selected = |names: &BTreeMap<String, String>| {
        names.clone().into_iter().filter(|(name, _)| name.starts_with("qwen-7b-kserve-6")).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(selected(&held), selected(&expected));
    assert!(selected(&held).contains_key("qwen-7b-kserve-6f7d8c9b5-new99"), "{held:?}");
}

#[tokio::test]
async fn refusals_that_were_recorded() {
    let names = [
        "errors/401-bad-token",
        "errors/403-list",
        "errors/504-resource-version-too-large",
        "errors/400-bad-continue",
        "list/inferenceservices",
        "errors/401-watch",
        "errors/403-watch",
        "errors/500-watch-bad-resource-version",
        "watch/inferenceservices",
    ];
    let Some(played) = Played::<InferenceService>::of(&names, 100).await else { return };
    played.over().await;
    let status = played.status();
    assert_eq!(counted(&status), [("unauthorized", 2), ("forbidden", 2), ("server", 2), ("refused", 1)]);
    assert_eq!(status.relists, 0);
    assert_eq!(played.held(), expected("list/inferenceservices", "InferenceService", &["late-arrival", "paused"]));
}

#[tokio::test]
async fn the_old_group_of_objectives() {
    list_and_watch::<InExtensionGroup<InferenceObjective>>(
        "list/x-inferenceobjectives",
        "watch/x-inferenceobjectives",
        "InferenceObjective",
        &["temp"],
    )
    .await;
}
