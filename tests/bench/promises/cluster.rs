//! A cluster of a thousand services, as the stand-in API server tells it, and tier two in front of it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use weir_apiserver::{ApiServer, Running};
use weir_tests::chat::{exchange, signed_post};
use weir_tests::upstream::{Script, Upstream};
use weir_tests::weir::{Built, Setup, Weir, free_ports};

use crate::process::Memory;

const SERVICES: usize = 1_000;
/// Pods of each service, in one slice.
const PODS: usize = 5;
/// How many of the services are called, and changed; the servers of the others are nowhere.
pub(crate) const CALLED: usize = 10;

/// The processes, and two model servers between which models move.
pub(crate) struct Cluster {
    api: ApiServer,
    weir: Weir,
    servers: [Upstream; 2],
    _running: Running,
}

impl Cluster {
    /// Starts them, and waits until each model that is called answers.
    pub(crate) async fn start(built: &Built) -> Self {
        let servers = [server("first").await, server("second").await];
        let api = ApiServer::new();
        for number in 0..SERVICES {
            put(&api, service(number));
            let home = if number < CALLED { vec![servers[0].addr()] } else { nowhere(number) };
            put(&api, slice(number, &home));
            for pod in 0..PODS {
                put(&api, self::pod(number, pod));
            }
        }
        let running = api.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("loopback can be listened on");
        let folder = TempDir::new().expect("a folder for temporary files");
        let kubeconfig = folder.path().join("kubeconfig");
        running.write_kubeconfig(&kubeconfig).expect("the kubeconfig can be written");
        let setup = Setup {
            command: "host",
            host_models: json!([]),
            host: json!({"kubernetes": {"kubeconfig": kubeconfig}}),
            ..Setup::default()
        };
        // It waits for the process, which needs the API server on this runtime's other threads.
        let weir = tokio::task::block_in_place(|| Weir::start_in(built, &setup, folder, free_ports()));
        let cluster = Self { api, weir, servers, _running: running };
        cluster.wait_until_served().await;
        cluster
    }

    /// Waits for the first picture: all services come with it at once.
    async fn wait_until_served(&self) {
        for _ in 0..600 {
            let (head, _) = exchange(self.address(), &self.request(0)).await.expect("it answers");
            if head.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the cluster is not served within 30 s:\n{}", self.weir.output());
    }

    /// Where tier two takes calls.
    pub(crate) fn address(&self) -> SocketAddr {
        self.weir.host
    }

    pub(crate) fn pid(&self) -> u32 {
        self.weir.pid()
    }

    /// Tier two's resident set.
    pub(crate) fn memory(&self) -> Memory {
        Memory::of(self.pid())
    }

    /// The largest that it has been.
    pub(crate) fn most_memory(&self) -> Memory {
        Memory::most_of(self.pid())
    }

    /// A call of a service's model, signed.
    pub(crate) fn request(&self, service: usize) -> Vec<u8> {
        let body = json!({"model": name(service), "messages": [{"role": "user", "content": "Tell me of rivers."}]});
        signed_post(self.address(), &body.to_string())
    }

    /// Has a service's one server be the first of the two, or the second: one event of one slice.
    pub(crate) fn move_to(&self, service: usize, server: usize) {
        put(&self.api, slice(service, &[self.servers[server].addr()]));
    }
}

/// What a model server says who is called so.
pub(crate) fn says(server: usize) -> &'static [u8] {
    [b"\"first\"".as_slice(), b"\"second\""][server]
}

async fn server(name: &'static str) -> Upstream {
    let body = json!({
        "id": name, "object": "chat.completion", "created": 1, "model": "any",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Wide."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    });
    Upstream::start(move |_| Script::json(200, &body.to_string())).await
}

fn put(api: &ApiServer, object: Value) {
    api.put(object).expect("the object is one");
}

fn name(service: usize) -> String {
    format!("model-{service}")
}

fn namespace(service: usize) -> String {
    format!("team-{}", service % 20)
}

fn nowhere(service: usize) -> Vec<SocketAddr> {
    (0..PODS).map(|pod| SocketAddr::from((pod_address(service, pod), 8080))).collect()
}

fn pod_address(service: usize, pod: usize) -> [u8; 4] {
    let [.., high, low] = u32::try_from(service * PODS + pod).unwrap_or_default().to_be_bytes();
    [10, 1, high, low]
}

fn service(number: usize) -> Value {
    json!({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {"name": name(number), "namespace": namespace(number)},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "huggingface"}, "storageUri": "hf://example/model"}}},
        "status": {
            "deploymentMode": "Standard", "clusterServingRuntimeName": "kserve-huggingfaceserver",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "PredictorReady", "status": "True"}],
            "modelStatus": {"states": {"activeModelState": "Loaded", "targetModelState": "Loaded"}, "transitionStatus": "UpToDate"},
        },
    })
}

/// Where the pods of a service are; all of them are ready.
fn slice(service: usize, servers: &[SocketAddr]) -> Value {
    let predictor = format!("{}-predictor", name(service));
    let endpoint = |(pod, server): (usize, &SocketAddr)| {
        json!({
            "addresses": [server.ip().to_string()], "nodeName": format!("node-{}", pod % 7),
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "targetRef": {"kind": "Pod", "name": format!("{predictor}-{pod}"), "namespace": namespace(service)},
        })
    };
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{predictor}-x7k2p"), "namespace": namespace(service), "labels": {"kubernetes.io/service-name": predictor}},
        "ports": [{"name": "http", "port": servers[0].port(), "protocol": "TCP"}],
        "endpoints": servers.iter().enumerate().map(endpoint).collect::<Vec<_>>(),
    })
}

/// A pod, with as much about it as one of a real cluster has.
fn pod(service: usize, number: usize) -> Value {
    let (model, [a, b, c, d]) = (name(service), pod_address(service, number));
    let environment: Vec<_> =
        (0..12).map(|n| json!({"name": format!("SETTING_{n}"), "value": "as its owner wants"})).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{model}-predictor-{number}"), "namespace": namespace(service),
            "labels": {"app": format!("isvc.{model}-predictor"), "component": "predictor", "pod-template-hash": "6f7d8c9b5", "serving.kserve.io/inferenceservice": model},
            "annotations": {"internal.serving.kserve.io/storage-initializer-sourceuri": "hf://example/model", "prometheus.kserve.io/port": "8080"},
        },
        "spec": {"containers": [{
            "name": "kserve-container", "image": "kserve/huggingfaceserver:v0.17.0", "env": environment,
            "args": [format!("--model_name={model}"), "--model_dir=/mnt/models"],
            "ports": [{"containerPort": 8080, "protocol": "TCP"}],
            "resources": {"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}},
        }]},
        "status": {
            "phase": "Running", "podIP": format!("{a}.{b}.{c}.{d}"), "hostIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
        },
    })
}
