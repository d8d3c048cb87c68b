//! `InferenceService`s and graphs.

use serde_json::{Value, json};
use weir_cluster::{Protocols, Status};

use super::world::{World, addresses};

/// An `InferenceService` in Standard mode.
pub(crate) fn standard(name: &str, spec: Value, status: Value) -> Value {
    let mut service = json!({"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "ml", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": spec, "status": status});
    if service["status"]["deploymentMode"].is_null() {
        service["status"]["deploymentMode"] = "Standard".into();
    }
    service
}

/// A slice of a service with these addresses: ready, or with conditions of their own.
pub(crate) fn slice(service: &str, port: u16, endpoints: &[(&str, Value)]) -> Value {
    let endpoint = |(address, conditions): &(&str, Value)| {
        json!({"addresses": [address], "conditions": conditions,
            "targetRef": {"kind": "Pod", "name": format!("{service}-{address}")}})
    };
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{service}-x"), "namespace": "ml", "labels": {"kubernetes.io/service-name": service}},
        "endpoints": endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": service, "port": port, "protocol": "TCP"}]})
}

fn sklearn() -> Value {
    json!({"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}})
}

fn ready() -> Value {
    json!({"conditions": [{"type": "Ready", "status": "True"}]})
}

fn failing(reason: &str) -> Value {
    json!({"conditions": [{"type": "Ready", "status": "False", "reason": reason, "message": "at gs://bucket/x"}]})
}

fn up() -> Value {
    json!({"ready": true})
}

#[test]
fn pods_are_called_directly_and_those_that_end_are_drained() {
    let ending = json!({"ready": false, "serving": true, "terminating": true});
    let gone = json!({"ready": false, "serving": false, "terminating": true});
    let world = World::with([
        standard("iris", sklearn(), ready()),
        slice(
            "iris-predictor",
            8080,
            &[("10.0.0.2", up()), ("10.0.0.1", ending), ("10.0.0.3", json!({"ready": false})), ("10.0.0.4", gone)],
        ),
    ]);
    let model = world.model("iris");
    assert_eq!(addresses(&model), ["http://10.0.0.1:8080", "http://10.0.0.2:8080"]);
    assert_eq!(model.endpoints().map(|endpoint| endpoint.draining).collect::<Vec<_>>(), [true, false]);
    assert_eq!(model.endpoints().next().unwrap().grpc.as_ref().unwrap().to_string(), "http://10.0.0.1:8081");
    assert_eq!(model.status, Status::Ready);
    assert_eq!(model.protocols, Protocols { v1: true, v2: true, grpc: true, ..Protocols::NONE });
}

#[test]
fn what_serves_goes_on_serving_whatever_its_object_says() {
    let world = World::with([
        standard("iris", sklearn(), failing("RevisionFailed")),
        slice("iris-predictor", 8080, &[("10.0.0.1", up())]),
    ]);
    let model = world.model("iris");
    assert_eq!(model.status, Status::Ready);
    assert_eq!(model.detail.as_deref(), Some("Ready: at gs://bucket/x"));
}

#[test]
fn a_model_without_a_server_says_why() {
    let empty = || slice("iris-predictor", 8080, &[]);
    let status =
        |spec: Value, status: Value| World::with([standard("iris", spec, status), empty()]).model("iris").status;
    assert_eq!(
        status(sklearn(), failing("MinimumReplicasUnavailable")),
        Status::NotReady("MinimumReplicasUnavailable".into())
    );
    let mut sleeping = sklearn();
    sleeping["predictor"]["minReplicas"] = 0.into();
    assert_eq!(status(sleeping, ready()), Status::AtZero);
    let loading = json!({"modelStatus": {"states": {"targetModelState": "Loading"}}});
    assert_eq!(status(sklearn(), loading), Status::Loading);
    let failed = json!({"modelStatus": {"transitionStatus": "BlockedByFailedLoad",
        "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "gs://bucket/x"}}});
    assert_eq!(status(sklearn(), failed), Status::Failed("ModelLoadFailed".into()));
}

#[test]
fn an_owners_stop_is_stronger_than_pods_that_still_run() {
    let mut stopped = standard("iris", sklearn(), ready());
    stopped["metadata"]["annotations"] = json!({"serving.kserve.io/stop": "true"});
    let world = World::with([stopped, slice("iris-predictor", 8080, &[("10.0.0.1", up())])]);
    assert_eq!(world.model("iris").status, Status::Stopped);
}

#[test]
fn a_service_that_starts_again_serves_before_its_controller_says_so() {
    let status = json!({"conditions": [{"type": "Stopped", "status": "True"}]});
    let pods = |endpoints: &[(&str, Value)]| slice("iris-predictor", 8080, endpoints);
    let service = || standard("iris", sklearn(), status.clone());
    assert_eq!(World::with([service(), pods(&[])]).model("iris").status, Status::Stopped);
    assert_eq!(World::with([service(), pods(&[("10.0.0.1", up())])]).model("iris").status, Status::Ready);
}

#[test]
fn knative_is_called_at_its_route_whatever_slices_there_are() {
    let status = json!({"deploymentMode": "Serverless", "address": {"url": "http://iris.ml.svc.cluster.local/v1/models/iris:predict"},
        "components": {"predictor": {"latestReadyRevision": "iris-1", "traffic": [
            {"revisionName": "iris-2", "percent": 10}, {"revisionName": "iris-1", "percent": 90}]}},
        "conditions": [{"type": "Ready", "status": "False", "reason": "RevisionFailed"}]});
    let mut status_new = status.clone();
    let world =
        World::with([standard("iris", sklearn(), status), slice("iris-predictor", 8012, &[("10.0.0.1", up())])]);
    let model = world.model("iris");
    assert_eq!(addresses(&model), ["http://iris.ml.svc.cluster.local"]);
    assert_eq!(model.status, Status::Ready, "the last good revision serves");
    status_new["components"] = json!({});
    assert_eq!(
        World::with([standard("iris", sklearn(), status_new.clone())]).model("iris").status,
        Status::NotReady("RevisionFailed".into())
    );
    status_new["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    status_new["components"] =
        json!({"predictor": {"traffic": [{"revisionName": "b", "percent": 10}, {"revisionName": "a", "percent": 90}]}});
    let model = World::with([standard("iris", sklearn(), status_new)]).model("iris");
    assert_eq!(model.detail.as_deref(), Some("Knative divides the calls: a 90 %, b 10 %"));
}

#[test]
fn a_route_speaks_grpc_alone_or_none_of_it() {
    let at = |spec: Value| {
        let status = json!({"deploymentMode": "Knative", "address": {"url": "http://a.ml.svc"}, "conditions": [{"type": "Ready", "status": "True"}]});
        let model = World::with([standard("a", spec, status)]).model("a");
        let endpoint = model.endpoints().next().unwrap();
        (model.protocols, endpoint.h2c)
    };
    let rest = Protocols { v1: true, v2: true, ..Protocols::NONE };
    let grpc = Protocols { grpc: true, ..Protocols::NONE };
    assert_eq!(at(sklearn()), (rest, false));
    assert_eq!(at(json!({"predictor": {"triton": {"protocolVersion": "grpc-v2"}}})), (grpc, true));
    assert_eq!(
        at(json!({"predictor": {"containers": [{"ports": [{"name": "h2c", "containerPort": 8081}]}]}})),
        (grpc, true)
    );
    assert_eq!(at(json!({"predictor": {"triton": {"protocolVersion": "grpc-v2"}}, "transformer": {}})), (rest, false));
}

#[test]
fn canaries_are_versions_with_services_of_their_own() {
    let mut spec = sklearn();
    spec["canary"] = json!([{"predictor": {"name": "v2"}, "trafficPercent": 25}, {"predictor": {"name": "v3"}, "trafficPercent": 90}]);
    let world = World::with([
        standard("iris", spec, ready()),
        slice("iris-predictor", 8080, &[("10.0.0.1", up())]),
        slice("iris-predictor-v2", 8080, &[("10.0.0.2", up())]),
        slice("iris-v3-predictor", 8080, &[("10.0.0.3", up())]),
    ]);
    let model = world.model("iris");
    let versions: Vec<_> =
        model.versions.iter().map(|version| (version.name.as_str(), version.weight, version.endpoints.len())).collect();
    assert_eq!(versions, [("", 0, 1), ("v2", 25, 1), ("v3", 75, 1)], "no more than the whole");
}

#[test]
fn a_predictor_that_was_a_canary_keeps_its_service() {
    let mut spec = sklearn();
    spec["predictor"]["name"] = "v2".into();
    let world = World::with([standard("iris", spec, ready()), slice("iris-predictor-v2", 8080, &[("10.0.0.2", up())])]);
    assert_eq!(addresses(&world.model("iris")), ["http://10.0.0.2:8080"]);
}

#[test]
fn a_transformer_takes_the_calls_and_an_explainer_the_questions() {
    let mut spec = sklearn();
    spec["transformer"] = json!({"containers": [{"args": ["--model_name=shape"]}]});
    spec["explainer"] = json!({"containers": [{}]});
    let world = World::with([
        standard("iris", spec, ready()),
        slice("iris-predictor", 8080, &[("10.0.0.1", up())]),
        slice("iris-transformer", 8080, &[("10.0.0.2", up())]),
        slice("iris-explainer", 8080, &[("10.0.0.3", up())]),
    ]);
    let model = world.model("iris");
    assert_eq!(addresses(&model), ["http://10.0.0.2:8080"]);
    assert_eq!(model.explainers[0].origin.to_string(), "http://10.0.0.3:8080");
    assert_eq!(model.versions[0].served_as.as_deref(), Some("shape"));
}

#[test]
fn ports_are_what_their_names_say() {
    let mut both = slice("t-predictor", 0, &[("10.0.0.1", up())]);
    both["ports"] = json!([{"name": "metrics", "port": 8002}, {"name": "grpc-port", "port": 9000}, {"name": "http1", "port": 8000},
        {"name": "https", "port": 8443}, {"name": "other", "port": 7000, "protocol": "UDP"}]);
    let triton = || standard("t", json!({"predictor": {"triton": {}}}), ready());
    let model = World::with([triton(), both.clone()]).model("t");
    let endpoint = model.endpoints().next().unwrap();
    assert_eq!(endpoint.origin.to_string(), "http://10.0.0.1:8000");
    assert_eq!(endpoint.grpc.as_ref().unwrap().to_string(), "http://10.0.0.1:9000");
    both["ports"] = json!([{"name": "h2c", "port": 9000}]);
    let model = World::with([triton(), both]).model("t");
    assert_eq!(model.protocols, Protocols { grpc: true, ..Protocols::NONE });
    let endpoint = model.endpoints().next().unwrap();
    assert!(endpoint.h2c && endpoint.origin.to_string() == "http://10.0.0.1:9000" && endpoint.grpc.is_none());
}

#[test]
fn the_name_that_servers_know_is_the_one_they_were_started_with() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "iris-predictor-10.0.0.1", "namespace": "ml"},
        "spec": {"containers": [{"name": "kserve-container", "args": ["--model_name=flower"]}]}});
    let world =
        World::with([standard("iris", sklearn(), ready()), slice("iris-predictor", 8080, &[("10.0.0.1", up())]), pod]);
    let model = world.model("iris");
    assert_eq!(model.versions[0].served_as.as_deref(), Some("flower"));
    assert_eq!(model.aliases, ["flower", "publishers/ml/models/iris"]);
}

#[test]
fn model_mesh_has_an_address_for_each_protocol() {
    let status = json!({"deploymentMode": "ModelMesh", "conditions": [{"type": "Ready", "status": "True"}],
        "components": {"predictor": {"restUrl": "http://modelmesh-serving.ml:8008", "grpcUrl": "grpc://modelmesh-serving.ml:8033"}}});
    let model = World::with([standard("iris", sklearn(), status)]).model("iris");
    assert_eq!(addresses(&model), ["http://modelmesh-serving.ml:8008"]);
    assert_eq!(
        model.endpoints().next().unwrap().grpc.as_ref().unwrap().to_string(),
        "http://modelmesh-serving.ml:8033"
    );
    assert_eq!(model.protocols, Protocols { v2: true, grpc: true, ..Protocols::NONE });
}

#[test]
fn an_address_that_is_none_is_a_problem() {
    for url in [
        "ftp://a",
        "http://",
        "nonsense",
        "http://u@h",
        "http://h:99999",
        "http://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]",
        "http://0.0.0.0:80",
    ] {
        let status = json!({"deploymentMode": "Knative", "address": {"url": url}, "conditions": [{"type": "Ready", "status": "True"}]});
        let catalog = World::with([standard("iris", sklearn(), status)]).catalog();
        assert_eq!(catalog.problems.len(), 1, "{url}");
        assert!(matches!(catalog.models[0].status, Status::NotReady(_)), "{url}");
    }
}

#[test]
fn without_slices_the_address_of_the_status_is_called() {
    let mut status = ready();
    status["address"] = json!({"url": "https://iris-predictor.ml.svc.cluster.local", "CACerts": "PEM"});
    let model = World::with([standard("iris", sklearn(), status)]).model("iris");
    assert_eq!(addresses(&model), ["https://iris-predictor.ml.svc.cluster.local"]);
    assert_ne!(model.endpoints().next().unwrap().trust, weir_cluster::Trust::Client);
}

#[test]
fn a_graph_is_one_model_behind_its_router() {
    let graph = json!({"apiVersion": "serving.kserve.io/v1alpha1", "kind": "InferenceGraph", "metadata": {"name": "g", "namespace": "ml"},
        "status": {"url": "http://g-ml.example.com", "conditions": [{"type": "Ready", "status": "True"}]}});
    let model = World::with([graph.clone()]).model("g");
    assert_eq!(addresses(&model), ["http://g.ml.svc.cluster.local"]);
    assert_eq!(model.protocols, Protocols { graph: true, ..Protocols::NONE });
    let model = World::with([graph, slice("g", 8080, &[("10.0.0.9", up())])]).model("g");
    assert_eq!(addresses(&model), ["http://10.0.0.9:8080"]);
}
