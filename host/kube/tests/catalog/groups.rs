//! `LLMInferenceService`s, their pods, groups and pools.

use serde_json::{Value, json};
use weir_cluster::{Role, Status, Trust};
use weir_kube::catalog::Fault;

use super::world::{World, addresses};

/// An `LLMInferenceService`.
pub(crate) fn llm(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService",
        "metadata": {"name": name, "namespace": "ml", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": spec})
}

/// A pod of one, ready.
pub(crate) fn pod(service: &str, address: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("{service}-{address}"), "namespace": "ml",
            "labels": {"app.kubernetes.io/name": service, "kserve.io/component": "workload", "llm-d.ai/role": "both"}},
        "spec": {"containers": [{"name": "main", "ports": [{"containerPort": 8000}]}]},
        "status": {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}]}})
}

/// The pool that KServe makes for one.
pub(crate) fn pool(service: &str, ports: &[u16]) -> Value {
    let ports: Vec<_> = ports.iter().map(|port| json!({"number": port})).collect();
    json!({"apiVersion": "inference.networking.k8s.io/v1", "kind": "InferencePool",
        "metadata": {"name": format!("{service}-inference-pool"), "namespace": "ml"},
        "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": service}}, "targetPorts": ports}})
}

#[test]
fn pods_are_found_by_kserves_labels_and_called_by_their_part() {
    let mut prefill = pod("qwen", "10.0.0.2");
    prefill["metadata"]["labels"]["llm-d.ai/role"] = "prefill".into();
    let mut ending = pod("qwen", "10.0.0.3");
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let mut starting = pod("qwen", "10.0.0.4");
    starting["status"]["conditions"] = json!([]);
    let mut scheduler = pod("qwen", "10.0.0.5");
    scheduler["metadata"]["labels"]["kserve.io/component"] = "router".into();
    let mut elsewhere = pod("qwen", "10.0.0.6");
    elsewhere["metadata"]["namespace"] = "other".into();
    let world =
        World::with([llm("qwen", json!({})), pod("qwen", "10.0.0.1"), prefill, ending, starting, scheduler, elsewhere]);
    let model = world.model("qwen");
    assert_eq!(addresses(&model), ["http://10.0.0.1:8000", "http://10.0.0.2:8000", "http://10.0.0.3:8000"]);
    let parts: Vec<_> = model.endpoints().map(|endpoint| (endpoint.role, endpoint.draining)).collect();
    assert_eq!(parts, [(Role::Whole, false), (Role::Prefill, false), (Role::Whole, true)]);
    assert_eq!(model.paths, [("ml".to_owned(), "qwen".to_owned())]);
    assert!(model.protocols.openai);
}

#[test]
fn servers_that_only_read_prompts_do_not_make_a_model_ready() {
    let mut prefill = pod("qwen", "10.0.0.2");
    prefill["metadata"]["labels"]["llm-d.ai/role"] = "prefill".into();
    assert!(matches!(World::with([llm("qwen", json!({})), prefill]).model("qwen").status, Status::NotReady(_)));
}

#[test]
fn a_pool_says_which_pods_and_every_port_is_a_server() {
    let world = World::with([llm("qwen", json!({})), pool("qwen", &[8000, 8001]), pod("qwen", "10.0.0.1")]);
    assert_eq!(addresses(&world.model("qwen")), ["http://10.0.0.1:8000", "http://10.0.0.1:8001"]);
    assert_eq!(world.catalog().models.len(), 1, "its pool is no model of its own");
}

#[test]
fn a_pool_that_selects_nothing_is_not_every_pod() {
    let mut empty = pool("qwen", &[8000]);
    empty["spec"]["selector"] = json!({});
    let catalog = World::with([empty, pod("qwen", "10.0.0.1")]).catalog();
    assert!(catalog.models.is_empty());
    assert_eq!(catalog.problems[0].fault, Fault::SelectsNothing);
}

#[test]
fn a_state_for_each_way_of_not_serving() {
    let status = |objects: Vec<Value>| World::with(objects).model("qwen").status;
    assert_eq!(status(vec![llm("qwen", json!({"replicas": 0}))]), Status::AtZero);
    let mut starting = pod("qwen", "10.0.0.4");
    starting["status"]["conditions"] = json!([]);
    assert_eq!(status(vec![llm("qwen", json!({})), starting]), Status::Loading);
    let mut stopped = llm("qwen", json!({}));
    stopped["metadata"]["annotations"] = json!({"serving.kserve.io/stop": "true"});
    assert_eq!(status(vec![stopped, pod("qwen", "10.0.0.1")]), Status::Stopped);
    let mut failing = llm("qwen", json!({}));
    failing["status"] = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "PresetsInvalid"}]});
    assert_eq!(status(vec![failing]), Status::NotReady("PresetsInvalid".into()));
}

#[test]
fn members_of_a_group_are_versions_by_weight() {
    let member = |name: &str, weight: i64| {
        llm(name, json!({"model": {"name": "chat"}, "router": {"route": {"group": "g", "weight": weight}}}))
    };
    let world =
        World::with([member("green", 10), member("blue", 90), pod("blue", "10.0.0.1"), pod("green", "10.0.0.2")]);
    let model = world.model("chat");
    let versions: Vec<_> = model.versions.iter().map(|version| (version.name.as_str(), version.weight)).collect();
    assert_eq!(versions, [("blue", 90), ("green", 10)]);
    assert_eq!(model.paths.len(), 2);
    assert!(world.catalog().collisions.is_empty());
}

#[test]
fn a_stopped_member_leaves_its_calls_to_the_others() {
    let member =
        |name: &str| llm(name, json!({"model": {"name": "chat"}, "router": {"route": {"group": "g", "weight": 50}}}));
    let mut stopped = member("green");
    stopped["metadata"]["annotations"] = json!({"serving.kserve.io/stop": "true"});
    let model = World::with([stopped, member("blue"), pod("blue", "10.0.0.1"), pod("green", "10.0.0.2")]).model("chat");
    assert_eq!(model.status, Status::Ready);
    assert_eq!(model.versions.iter().map(|version| version.weight).collect::<Vec<_>>(), [50, 0]);
    assert_eq!(addresses(&model), ["http://10.0.0.1:8000"]);
}

#[test]
fn one_model_with_weights_in_a_namespace_is_a_group() {
    let member = |name: &str| llm(name, json!({"model": {"name": "chat"}, "router": {"route": {"weight": 1}}}));
    assert_eq!(World::with([member("a"), member("b")]).model("chat").versions.len(), 2);
}

#[test]
fn a_member_that_is_another_model_is_said() {
    let member =
        |name: &str, model: &str| llm(name, json!({"model": {"name": model}, "router": {"route": {"group": "g"}}}));
    let world = World::with([member("a", "chat"), member("b", "talk"), pod("b", "10.0.0.1")]);
    let model = world.model("chat");
    assert!(model.aliases.contains(&"talk".to_owned()));
    assert_eq!(model.versions[1].served_as.as_deref(), Some("talk"));
    assert!(matches!(world.catalog().problems[0].fault, Fault::OtherModel { .. }));
}

#[test]
fn a_request_is_left_as_it_is_where_the_servers_know_every_name() {
    let served = |names: &[&str]| {
        let mut pod = pod("qwen", "10.0.0.1");
        let script = format!(
            "eval \"exec vllm serve /mnt/models \\\n --served-model-name {} \\\n --port 8000\"",
            names.join(" ")
        );
        pod["spec"]["containers"][0]["command"] = json!(["/bin/bash", "-c", script, "--"]);
        World::with([llm("qwen", json!({"model": {"name": "Qwen/Q"}})), pod]).model("Qwen/Q").versions[0]
            .served_as
            .clone()
    };
    assert_eq!(served(&["\"Qwen/Q\"", "\"publishers/ml/models/Qwen/Q\""]), None);
    assert_eq!(served(&["Qwen/Q"]).as_deref(), Some("Qwen/Q"));
    assert_eq!(served(&["other"]).as_deref(), Some("other"));
}

#[test]
fn what_all_servers_know_is_what_counts_while_one_is_replaced() {
    let with = |address: &str, name: &str| {
        let mut pod = pod("qwen", address);
        pod["spec"]["containers"][0]["args"] = json!(["--served-model-name", "qwen", name]);
        pod
    };
    let model =
        World::with([llm("qwen", json!({})), with("10.0.0.1", "publishers/ml/models/qwen"), with("10.0.0.2", "x")])
            .model("qwen");
    assert_eq!(model.versions[0].served_as.as_deref(), Some("qwen"));
}

#[test]
fn tls_needs_somebody_to_trust() {
    let mut tls = pod("qwen", "10.0.0.1");
    tls["spec"]["containers"][0]["readinessProbe"] = json!({"httpGet": {"scheme": "HTTPS", "port": 8000}});
    let mut world = World::with([llm("qwen", json!({})), tls]);
    let endpoint = world.model("qwen").endpoints().next().unwrap().clone();
    assert_eq!((endpoint.origin.to_string().as_str(), endpoint.trust), ("https://10.0.0.1:8000", Trust::Client));
    assert_eq!(world.catalog().problems[0].fault, Fault::NoAuthority);
    world.settings.authorities.all = Some(b"PEM".as_slice().into());
    let trust = world.model("qwen").endpoints().next().unwrap().trust.clone();
    let name = Some("qwen-kserve-workload-svc.ml.svc".to_owned());
    assert_eq!(trust, Trust::Authorities { pem: b"PEM".as_slice().into(), server_name: name });
    assert!(world.catalog().problems.is_empty());
}

#[test]
fn the_sidecar_of_a_decode_pod_takes_its_calls() {
    let mut decode = pod("qwen", "10.0.0.1");
    decode["spec"] = json!({"containers": [{"name": "main", "ports": [{"containerPort": 8001}]}],
        "initContainers": [{"name": "llm-d-routing-sidecar", "ports": [{"containerPort": 8000}], "command": ["/app/pd-sidecar", "--secure-proxy=true"]}]});
    let model = World::with([llm("qwen", json!({})), decode]).model("qwen");
    assert_eq!(addresses(&model), ["https://10.0.0.1:8000"]);
}

#[test]
fn a_pool_of_nobody_is_a_model_by_its_own_name() {
    let mut served = pod("vllm", "10.0.0.1");
    served["spec"]["containers"][0]["args"] = json!(["--served-model-name=llama"]);
    let mut own = pool("vllm", &[8000]);
    own["spec"]["appProtocol"] = "kubernetes.io/h2c".into();
    let model = World::with([own, served]).model("vllm-inference-pool");
    assert_eq!(model.aliases, ["llama", "publishers/ml/models/vllm-inference-pool"]);
    assert_eq!(model.versions[0].served_as.as_deref(), Some("llama"));
    assert!(model.endpoints().next().unwrap().h2c);
}

#[test]
fn an_address_that_passes_from_pod_to_pod_is_one_server() {
    let mut ending = pod("qwen", "10.0.0.1");
    ending["metadata"]["name"] = "older".into();
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let model = World::with([llm("qwen", json!({})), ending, pod("qwen", "10.0.0.1")]).model("qwen");
    assert_eq!(model.endpoints().map(|endpoint| endpoint.draining).collect::<Vec<_>>(), [false]);
}
