//! Objects of any shape: whatever stands where, an object with a name can be read, and a catalog can be made.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::world::World;

/// The kinds that are watched.
const KINDS: [(&str, &str); 10] = [
    ("serving.kserve.io/v1beta1", "InferenceService"),
    ("serving.kserve.io/v1alpha2", "LLMInferenceService"),
    ("serving.kserve.io/v1alpha1", "InferenceGraph"),
    ("inference.networking.k8s.io/v1", "InferencePool"),
    ("llm-d.ai/v1alpha2", "InferenceObjective"),
    ("llm-d.ai/v1alpha2", "InferenceModelRewrite"),
    ("inference.networking.x-k8s.io/v1alpha2", "InferenceObjective"),
    ("inference.networking.x-k8s.io/v1alpha2", "InferenceModelRewrite"),
    ("v1", "Pod"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
];

/// Fields that are read, and one that is not.
#[rustfmt::skip]
const FIELDS: [&str; 64] = [
    "spec", "status", "predictor", "transformer", "explainer", "canary", "trafficPercent", "name", "model", "modelFormat",
    "protocolVersion", "runtime", "args", "command", "containers", "initContainers", "ports", "containerPort", "port",
    "readinessProbe", "httpGet", "scheme", "minReplicas", "conditions", "type", "reason", "message", "address", "url",
    "CACerts", "components", "restUrl", "grpcUrl", "latestReadyRevision", "traffic", "percent", "revisionName", "modelStatus",
    "states", "targetModelState", "transitionStatus", "lastFailureInfo", "deploymentMode", "canaryStatuses", "replicas",
    "router", "route", "group", "weight", "scheduler", "pool", "ref", "lora", "adapters", "selector", "matchLabels",
    "targetPorts", "number", "poolRef", "rules", "matches", "targets", "modelRewrite", "fromTheFuture",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["True", "Knative", "http://a", "10.0.0.1", "--model_name=x", "Exact"])
            .prop_map(Value::from),
        Just(Value::from("x".repeat(2_000))),
    ];
    leaf.prop_recursive(6, 32, 5, |inner| {
        let field = prop::sample::select(FIELDS.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(field, inner, 0..6)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    let field = || prop_oneof![4 => value(), 1 => Just(json!({}))];
    (prop::sample::select(KINDS.to_vec()), field(), field(), field(), field()).prop_map(|((api, kind), spec, status, labels, list)| {
        let metadata = json!({"name": "a", "namespace": "n", "labels": labels, "annotations": list, "creationTimestamp": spec});
        json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec, "status": status, "endpoints": list, "ports": list})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_object_with_a_name_can_be_read_whatever_else_it_holds(objects in prop::collection::vec(object(), 1..4)) {
        // Panics where one cannot be read.
        let catalog = World::with(objects).catalog();
        for model in &catalog.models {
            prop_assert!(model.detail.as_ref().is_none_or(|detail| detail.len() < 2_000));
        }
        for problem in &catalog.problems {
            prop_assert!(problem.to_string().len() < 4_000);
        }
    }
}
