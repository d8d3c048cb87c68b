//! What the tests share: a stand-in API server within the process, and objects for it.
#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::ServiceExt;
use weir_apiserver::ApiServer;
use weir_kube::objects::{Pod, Resource};
use weir_kube::watch::{Kube, Need, Store, WatchLimits, WatchStatus, Watches, WatchesOptions};

/// Over a client that calls the server within the process: time may stand still.
pub fn kube(server: &ApiServer) -> Kube {
    let service = server.service().map_request(|mut request: http::Request<Body>| {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer controller-token"));
        request
    });
    Kube::over(kube::Client::new(service, "default"), "within the process")
}

/// Watches of everything, everywhere.
pub fn watches(server: &ApiServer) -> Watches {
    Watches::new(&kube(server), WatchesOptions::default())
}

/// One kind that is watched everywhere.
pub struct One<T> {
    pub server: ApiServer,
    pub watches: Watches,
    pub store: Store<T>,
}

impl<T: Resource> One<T> {
    /// Watched, and listed for the first time.
    pub async fn watching(server: ApiServer) -> Self {
        let mut watches = watches(&server);
        let store = watches.add(Need::Required, None);
        let one = Self { server, watches, store };
        one.until("the first list", || one.status().state == weir_kube::watch::WatchState::Watching).await;
        one
    }

    pub fn status(&self) -> WatchStatus {
        self.watches.status().remove(0)
    }

    /// The names, as `namespace/name`.
    pub fn names(&self) -> Vec<String> {
        names(&self.store)
    }

    /// Waits until something holds, within ten minutes of test time.
    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        let mut step = Duration::from_millis(1);
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(600), "never: {what}; {:#?}", self.watches.status());
            sleep(step).await;
            step = (step * 5 / 4).min(Duration::from_millis(500));
        }
    }

    /// Waits until the store says what the server says.
    pub async fn until_equal(&self) {
        self.until("the store is what the server has", || held(&self.store) == had::<T>(&self.server)).await;
    }
}

pub fn names<T: Resource>(store: &Store<T>) -> Vec<String> {
    store.objects().iter().map(|object| object.metadata().object_ref().to_string()).collect()
}

/// What a store holds, with resource versions.
pub fn held<T: Resource>(store: &Store<T>) -> Vec<(String, String)> {
    let of = |object: &Arc<T>| {
        let metadata = object.metadata();
        (metadata.object_ref().to_string(), metadata.resource_version.to_string())
    };
    store.objects().iter().map(of).collect()
}

/// What the server has.
pub fn had<T: Resource>(server: &ApiServer) -> Vec<(String, String)> {
    server.objects(T::GROUP, T::PLURAL)
}

pub fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": { "app": "vllm" } },
        "spec": { "containers": [{ "name": "main", "ports": [{ "containerPort": 8000 }] }] },
        "status": { "phase": "Running", "podIP": "10.0.0.1" },
    })
}

pub fn service(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "predictor": { "model": { "modelFormat": { "name": "sklearn" }, "storageUri": "gs://models/iris" } } },
    })
}

/// A server with three pods.
pub fn three_pods() -> ApiServer {
    let server = ApiServer::new();
    for name in ["a", "b", "c"] {
        server.put(pod("models", name)).unwrap();
    }
    server
}

pub async fn watching_three_pods() -> One<Pod> {
    let one = One::watching(three_pods()).await;
    assert_eq!(one.names(), ["models/a", "models/b", "models/c"]);
    one
}

/// Limits, where a test waits in real time.
pub fn hasty() -> WatchLimits {
    WatchLimits { first_pause: Duration::from_millis(20), ..WatchLimits::default() }
}
