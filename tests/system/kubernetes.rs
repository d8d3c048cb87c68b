//! Both tiers, with the models of a cluster: what its API server says is what is served, and goes on being served.
#![allow(missing_docs, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use weir_apiserver::{ApiServer, Running};
use weir_tests::chat::{self, exchange, whole_answer};
use weir_tests::kserve;
use weir_tests::upstream::Upstream;
use weir_tests::weir::{Built, KEY, OTHER_KEY, Setup, Weir, free_ports};

const NAMESPACE: &str = "models";
/// From the API server's event to the first call: what the data plane promises, and the busy machine that tests run on.
const SOON: Duration = Duration::from_secs(2);

/// An API server, and both tiers that watch it.
struct Scene {
    api: ApiServer,
    running: Option<Running>,
    weir: Weir,
}

impl Scene {
    async fn with(objects: impl IntoIterator<Item = Value>) -> Self {
        let api = api_server();
        objects.into_iter().for_each(|object| put(&api, object));
        let running = api.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (folder, kubeconfig) = kubeconfig(&running);
        let weir = start(folder, &kubeconfig);
        Self { api, running: Some(running), weir }
    }

    /// One whose API server cannot be reached; and where it is to be.
    async fn without() -> (Self, SocketAddr) {
        let api = api_server();
        let running = api.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, (folder, kubeconfig)) = (running.address(), kubeconfig(&running));
        drop(running);
        let weir = start(folder, &kubeconfig);
        (Self { api, running: None, weir }, address)
    }

    /// Asks a model, and gives the status and the body.
    async fn ask(&self, model: &str) -> (u16, Value) {
        ask(self.weir.edge, KEY, model).await
    }

    /// Asks until the status is this one.
    async fn until(&self, model: &str, status: u16) -> Value {
        let end = Instant::now() + SOON;
        loop {
            let (found, body) = self.ask(model).await;
            if found == status {
                return body;
            }
            assert!(Instant::now() < end, "{model} still answers {found}: {body}\n{}", self.weir.output());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn listed(&self, key: &str) -> Vec<String> {
        let edge = self.weir.edge;
        let request = format!("GET /v1/models HTTP/1.1\r\nhost: {edge}\r\nauthorization: Bearer {key}\r\n\r\n");
        let (head, body) = exchange(edge, request.as_bytes()).await.unwrap();
        assert_eq!(head.status, 200, "{body}");
        body["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn kubeconfig(running: &Running) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    running.write_kubeconfig(&kubeconfig).unwrap();
    (folder, kubeconfig)
}

fn start(folder: TempDir, kubeconfig: &Path) -> Weir {
    let setup = Setup {
        models: json!([{"names": ["*"], "targets": [{"backend": "cluster"}]}]),
        host_models: json!([]),
        host: json!({"kubernetes": {"kubeconfig": kubeconfig, "namespaces": [NAMESPACE]}}),
        ..Setup::default()
    };
    let built = Built::at(env!("CARGO_BIN_EXE_weir"));
    tokio::task::block_in_place(|| Weir::start_in(&built, &setup, folder, free_ports()))
}

async fn ask(edge: SocketAddr, key: &str, model: &str) -> (u16, Value) {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]}).to_string();
    let (head, answer) = exchange(edge, &chat::post(edge, key, "/v1/chat/completions", &body)).await.unwrap();
    (head.status, answer)
}

/// One that checks each object against KServe's own schemas, where they are at hand.
fn api_server() -> ApiServer {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/kserve/crds");
    ApiServer::with_schemas(&schemas).unwrap_or_else(|missing| {
        eprintln!("objects are not checked: {missing}");
        ApiServer::new()
    })
}

fn put(api: &ApiServer, object: Value) {
    api.put(object).unwrap();
}

fn service(name: &str) -> Value {
    kserve::service(NAMESPACE, name)
}

fn slice(model: &str, pod: &str, at: SocketAddr, terminating: bool) -> Value {
    kserve::slice(NAMESPACE, model, pod, at, terminating)
}

#[tokio::test(flavor = "multi_thread")]
async fn models_of_the_cluster_are_served_as_they_come_and_go() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let scene = Scene::with([service("qwen"), slice("qwen", "a", upstream.addr(), false)]).await;
    scene.until("qwen", 200).await;
    assert_eq!(scene.ask("llama").await.0, 404);

    put(&scene.api, service("llama"));
    put(&scene.api, slice("llama", "a", upstream.addr(), false));
    scene.until("llama", 200).await;
    assert_eq!(scene.ask("publishers/models/models/llama").await.0, 200, "the name that nothing collides with");
    let listed = scene.listed(KEY).await;
    assert!(["llama", "qwen"].iter().all(|name| listed.iter().any(|id| id == name)), "{listed:?}");
    assert!(scene.listed(OTHER_KEY).await.is_empty(), "another tenant's list");

    assert!(scene.api.delete("inferenceservices", NAMESPACE, "llama"));
    scene.until("llama", 404).await;
    assert_eq!(scene.ask("qwen").await.0, 200);
    scene.api.delete_namespace(NAMESPACE);
    scene.until("qwen", 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_known_and_not_ready_says_why() {
    let mut failing = service("failing");
    failing["status"] = json!({
        "deploymentMode": "Standard",
        "conditions": [{"type": "Ready", "status": "False", "reason": "RevisionFailed"}],
        "modelStatus": {
            "states": {"activeModelState": "", "targetModelState": "FailedToLoad"}, "transitionStatus": "BlockedByFailedLoad",
            "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "s3://secret-bucket/path: no such key"},
        },
    });
    let mut stopped = service("stopped");
    stopped["metadata"]["annotations"] = json!({"serving.kserve.io/stop": "true"});
    stopped["status"] = json!({"deploymentMode": "Standard", "conditions": [{"type": "Stopped", "status": "True"}]});
    let scene = Scene::with([failing, stopped]).await;
    for (model, word) in [("failing", "load"), ("stopped", "stopped")] {
        let (status, body) = scene.ask(model).await;
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status, 503, "{model}: {body}");
        assert!(message.contains(word), "{model}: {body}");
        assert!(!body.to_string().contains("secret-bucket"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_pods_that_end_finish_what_they_have_and_no_request_fails() {
    let (first, second) = (Upstream::start(|_| whole_answer()).await, Upstream::start(|_| whole_answer()).await);
    let scene = Scene::with([service("qwen"), slice("qwen", "a", first.addr(), false)]).await;
    scene.until("qwen", 200).await;
    let edge = scene.weir.edge;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load: Vec<_> = (0..4)
        .map(|_| {
            let stopped = stopped.clone();
            tokio::spawn(async move {
                let mut served = 0;
                while !*stopped.borrow() {
                    let (status, body) = ask(edge, KEY, "qwen").await;
                    assert_eq!(status, 200, "{body}");
                    served += 1;
                }
                served
            })
        })
        .collect();
    // Each pod in turn is replaced by the other: the new one is there before the old one ends.
    let pods = [("b", &second), ("a", &first)];
    for turn in 0..20 {
        let (comes, goes) = (pods[turn % 2], pods[(turn + 1) % 2]);
        put(&scene.api, slice("qwen", comes.0, comes.1.addr(), false));
        put(&scene.api, slice("qwen", goes.0, goes.1.addr(), true));
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(scene.api.delete("endpointslices", NAMESPACE, &format!("qwen-predictor-{}", goes.0)));
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    stop.send(true).unwrap();
    let mut served = 0;
    for client in load {
        served += client.await.unwrap();
    }
    assert!(served > 40, "{served}");
    assert!(!first.calls().is_empty() && !second.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn until_it_is_known_what_there_is_no_model_is_called_unknown() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let (mut scene, address) = Scene::without().await;
    let (status, body) = scene.ask("qwen").await;
    assert_eq!(status, 503, "{body}");
    assert!(body["error"]["message"].as_str().unwrap().contains("try again"), "{body}");

    put(&scene.api, service("qwen"));
    put(&scene.api, slice("qwen", "a", upstream.addr(), false));
    scene.running = Some(scene.api.listen(address).await.unwrap());
    let end = Instant::now() + Duration::from_secs(20);
    while scene.ask("llama").await.0 == 503 {
        assert!(Instant::now() < end, "{}", scene.weir.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((scene.ask("llama").await.0, scene.ask("qwen").await.0), (404, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_servers_death_changes_nothing_and_what_it_missed_is_caught_up_with() {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let mut scene = Scene::with([service("qwen"), slice("qwen", "a", upstream.addr(), false)]).await;
    scene.until("qwen", 200).await;
    let address = scene.running.as_ref().unwrap().address();
    drop(scene.running.take());
    for _ in 0..20 {
        assert_eq!(scene.ask("qwen").await.0, 200);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    put(&scene.api, service("llama"));
    put(&scene.api, slice("llama", "a", upstream.addr(), false));
    assert_eq!(scene.ask("llama").await.0, 404, "nobody told");
    scene.running = Some(scene.api.listen(address).await.unwrap());
    let end = Instant::now() + Duration::from_secs(20);
    while scene.ask("llama").await.0 != 200 {
        assert!(Instant::now() < end, "it is not caught up with");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
