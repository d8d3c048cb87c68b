//! Tier two alone, before what KServe runs: what it tells of what it found at a stand-in API server, and how it starts,
//! is reloaded and stays ready without one. How the models are called through both tiers stands in `kubernetes.rs`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_apiserver::{ApiServer, Running};
use weir_tests::chat::{exchange, signed_post, whole_answer};
use weir_tests::kserve;
use weir_tests::raw::RawClient;
use weir_tests::upstream::Upstream;
use weir_tests::weir::{ADMIN_KEY, Built, Setup, Weir};

/// A cluster: an API server, and one model server that stands for every pod.
struct Cluster {
    api: ApiServer,
    running: Running,
    pods: Upstream,
}

impl Cluster {
    async fn start() -> Self {
        let api = ApiServer::new();
        let running = api.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { api, running, pods: Upstream::start(|_| whole_answer()).await }
    }

    /// An `InferenceService`, and its only pod.
    fn serve(&self, namespace: &str, name: &str) {
        self.api.put(kserve::service(namespace, name)).unwrap();
        self.api.put(kserve::slice(namespace, name, "x", self.pods.addr(), false)).unwrap();
    }

    /// Tier two in front of it.
    fn front(&self) -> Weir {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        self.running.write_kubeconfig(&kubeconfig).unwrap();
        let setup = Setup {
            command: "host",
            host_models: json!([]),
            host: json!({"kubernetes": {"kubeconfig": kubeconfig}}),
            ..Setup::default()
        };
        Weir::start_in(&built(), &setup, folder, weir_tests::weir::free_ports())
    }
}

fn built() -> Built {
    Built::at(env!("CARGO_BIN_EXE_weir"))
}

async fn status_of(at: SocketAddr, path: &str) -> u16 {
    let mut client = RawClient::connect(at).await.unwrap();
    client.send(format!("GET {path} HTTP/1.1\r\nhost: {at}\r\n\r\n")).await.unwrap();
    client.read_head().await.unwrap().status
}

async fn until<T>(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = holds().await {
            return found;
        }
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_ready(weir: &Weir) {
    until("ready", Duration::from_secs(30), async || (status_of(weir.host, "/readyz").await == 200).then_some(()))
        .await;
}

async fn ask(weir: &Weir, model: &str) -> (u16, Value) {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "How wide is the river?"}]}).to_string();
    let (head, answer) = exchange(weir.host, &signed_post(weir.host, &body)).await.unwrap();
    (head.status, answer)
}

fn fleet(weir: &Weir, arguments: &[&str], key: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["fleet", "--control", &format!("http://{}", weir.control)])
        .args(arguments)
        .env("WEIR_ADMIN_KEY", key)
        .output()
        .unwrap()
}

fn document(weir: &Weir) -> Value {
    let output = fleet(weir, &["--json"], ADMIN_KEY);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_says_what_was_found_and_where() {
    let cluster = Cluster::start().await;
    cluster.serve("models", "llama");
    cluster.serve("research", "llama");
    let weir = cluster.front();
    until_ready(&weir).await;
    let document = document(&weir);
    assert_eq!(document["host"], "test-host");
    let found: Vec<_> = document["models"].as_array().unwrap().iter().map(|model| model["name"].clone()).collect();
    assert_eq!(found, ["llama", "publishers/research/models/llama"], "the second by namespace has lost the name");
    let endpoint = &document["models"][0]["versions"][0]["endpoints"][0];
    assert_eq!(endpoint["origin"], cluster.pods.origin());
    assert_eq!(document["collisions"][0]["name"], "llama");
    assert_eq!(document["collisions"][0]["lost_by"]["namespace"], "research");
    assert_eq!(document["discovery"]["complete"], true);

    let table = fleet(&weir, &["--model", "llama"], ADMIN_KEY);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains("isvc models/llama") && text.contains("1/1") && !text.contains('\x1b'), "{text}");
    let none = fleet(&weir, &["--model", "gpt-5"], ADMIN_KEY);
    assert_eq!(none.status.code(), Some(1));

    let refused = fleet(&weir, &[], "weir-not-the-key");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("host.admin_key"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_stays_when_the_api_server_goes() {
    let cluster = Cluster::start().await;
    cluster.serve("models", "llama");
    let weir = cluster.front();
    until_ready(&weir).await;
    let Cluster { running, .. } = cluster;
    drop(running);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ask(&weir, "llama").await.0, 200);
    assert_eq!(status_of(weir.host, "/readyz").await, 200, "an API server that is away takes no replica out");
    let watches = document(&weir)["discovery"]["watches"].clone();
    let troubled = watches.as_array().unwrap().iter().filter(|watch| watch["problem"].is_string()).count();
    assert!(troubled > 0, "{watches}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cluster_what_the_file_lists_is_served_and_nothing_is_pretended() {
    let cluster = Cluster::start().await;
    let origin = cluster.pods.origin();
    let listed = json!([{"name": "house", "endpoints": [{"url": format!("{origin}/v1")}]}]);
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    cluster.running.write_kubeconfig(&kubeconfig).unwrap();
    let Cluster { running, pods: _pods, .. } = cluster;
    drop(running);
    let setup = Setup {
        command: "host",
        host_models: listed,
        host: json!({"kubernetes": {"kubeconfig": kubeconfig}}),
        ..Setup::default()
    };
    let weir = Weir::start_in(&built(), &setup, folder, weir_tests::weir::free_ports());
    assert_eq!(status_of(weir.host, "/readyz").await, 503, "it may still come");
    assert_eq!(ask(&weir, "house").await.0, 200, "what is known is served");
    until_ready(&weir).await;
    assert!(weir.output().contains("without the cluster"), "{}", weir.output());
    assert_eq!(document(&weir)["discovery"]["complete"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_a_reload_keeps_what_was_found_and_takes_what_is_new() {
    let cluster = Cluster::start().await;
    cluster.serve("models", "llama");
    let weir = cluster.front();
    until_ready(&weir).await;
    let lists = || document(&weir)["discovery"]["watches"][0]["relists"].clone();
    let path = weir.folder.path().join("weir.yaml");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let house = json!({"name": "house", "endpoints": [{"url": format!("{}/v1", cluster.pods.origin())}]});
    config["host"]["models"] = json!([house]);
    std::fs::write(&path, config.to_string()).unwrap();
    until("the file's model", Duration::from_secs(10), async || (ask(&weir, "house").await.0 == 200).then_some(()))
        .await;
    assert_eq!(ask(&weir, "llama").await.0, 200);
    assert_eq!(lists(), 0, "nothing was asked anew");
}
