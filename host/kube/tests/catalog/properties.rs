//! Whatever objects there are, and in whatever order: no panic, one catalog, each name once.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_kube::catalog::Objects;

use super::shown::shown;
use super::world::World;

const CASES: u32 = 192;

/// Names that meet.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "c", "a-predictor", "a-inference-pool", "v2"]).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
        1 => prop::sample::select(vec!["publishers/n/models/a", "publishers/n/models/b", "..", "x/../y"]).prop_map(str::to_owned),
    ]
}

/// A name that an object may have.
fn own() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "a-inference-pool", "b-inference-pool"]).prop_map(str::to_owned)
}

/// Something of any type.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        name().prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"type": "Ready", "status": "True"}, {"name": "a"}, 3])),
    ]
}

/// Now and then something else than what belongs there.
fn mostly(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![9 => value, 1 => anything()].boxed()
}

fn metadata() -> impl Strategy<Value = Value> {
    let stop = prop::option::weighted(0.1, Just("true"));
    let created = prop::sample::select(vec!["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", ""]);
    let label = prop::sample::select(vec!["a", "b"]);
    (own(), prop::sample::select(vec!["n", "m"]), created, stop, label, prop::bool::weighted(0.1)).prop_map(
        |(name, namespace, created, stop, label, ending)| {
            json!({"name": name, "namespace": namespace, "creationTimestamp": created,
                "deletionTimestamp": ending.then_some("2026-01-03T00:00:00Z"),
                "annotations": {"serving.kserve.io/stop": stop},
                "labels": {"app.kubernetes.io/name": label, "kserve.io/component": "workload",
                    "kubernetes.io/service-name": format!("{label}-predictor")}})
        },
    )
}

fn conditions() -> impl Strategy<Value = Value> {
    let status = prop::sample::select(vec!["True", "False", "Unknown", "Maybe"]);
    (status, name()).prop_map(|(status, reason)| json!([{"type": "Ready", "status": status, "reason": reason}]))
}

fn address() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["10.0.0.1", "10.0.0.2", "fd00::1", "nonsense"]).prop_map(Value::from)
}

fn spec() -> impl Strategy<Value = (&'static str, &'static str, Value, Value)> {
    let url = || prop::sample::select(vec!["http://a.n.svc", "grpc://x:1", "https://h", "::", ""]);
    let service = (mostly(name().prop_map(Value::from)), any::<i64>(), url(), conditions(), any::<bool>()).prop_map(
        |(name, percent, url, conditions, knative)| {
            ("serving.kserve.io/v1beta1", "InferenceService",
                json!({"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "args": [format!("--model_name={name}")]}},
                    "canary": [{"predictor": {"name": name}, "trafficPercent": percent}, {"predictor": {"name": name}}]}),
                json!({"deploymentMode": if knative { "Knative" } else { "Standard" }, "conditions": conditions,
                    "address": {"url": url}, "components": {"predictor": {"restUrl": url, "traffic": [{"percent": percent}]}}}))
        },
    );
    let llm = (mostly(name().prop_map(Value::from)), prop::option::of(name()), any::<i64>(), mostly(name().prop_map(Value::from)), conditions())
        .prop_map(|(name, group, weight, adapter, conditions)| {
            ("serving.kserve.io/v1alpha2", "LLMInferenceService",
                json!({"model": {"name": name, "lora": {"adapters": [{"name": adapter}]}}, "router": {"route": {"group": group, "weight": weight}}}),
                json!({"conditions": conditions}))
        });
    let pool =
        (mostly(Just(json!([{"number": 8000}, {"number": 0}]))), prop::bool::ANY).prop_map(|(ports, selects)| {
            let labels = if selects { json!({"app.kubernetes.io/name": "a"}) } else { json!({}) };
            (
                "inference.networking.k8s.io/v1",
                "InferencePool",
                json!({"selector": {"matchLabels": labels}, "targetPorts": ports}),
                json!({}),
            )
        });
    let rewrite = (own(), name(), mostly(name().prop_map(Value::from)), any::<bool>()).prop_map(|(pool, name, target, older)| {
        let api = if older { "inference.networking.x-k8s.io/v1alpha2" } else { "llm-d.ai/v1alpha2" };
        (api, "InferenceModelRewrite", json!({"poolRef": {"name": pool}, "rules": [
            {"matches": [{"model": {"value": name}}], "targets": [{"modelRewrite": target}, {"modelRewrite": target}]}]}), json!({}))
    });
    let graph = (url(), conditions()).prop_map(|(url, conditions)| {
        ("serving.kserve.io/v1alpha1", "InferenceGraph", json!({}), json!({"url": url, "conditions": conditions}))
    });
    let pod = (mostly(address()), conditions(), name()).prop_map(|(address, conditions, name)| {
        (
            "v1",
            "Pod",
            json!({"containers": [{"ports": [{"containerPort": 8000}], "args": ["--served-model-name", name]}]}),
            json!({"podIP": address, "conditions": conditions}),
        )
    });
    prop_oneof![service, llm, pool, rewrite, graph, pod]
}

fn slice() -> impl Strategy<Value = Value> {
    (metadata(), mostly(address()), any::<Option<bool>>(), any::<Option<bool>>(), any::<u16>()).prop_map(
        |(metadata, address, ready, terminating, port)| {
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
                "endpoints": [{"addresses": [address], "conditions": {"ready": ready, "terminating": terminating},
                    "targetRef": {"kind": "Pod", "name": "a"}}],
                "ports": [{"name": "http", "port": port}, {"name": "grpc", "port": 9000}]})
        },
    )
}

fn object() -> impl Strategy<Value = Value> {
    let any = (metadata(), spec()).prop_map(|(metadata, (api, kind, spec, status))| {
        json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec, "status": status})
    });
    prop_oneof![5 => any, 1 => slice()]
}

/// Each object once, as in a cluster.
fn cluster() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(object(), 0..24).prop_map(|objects| {
        let mut seen = HashSet::new();
        let id =
            |object: &Value| format!("{}{}{}", object["apiVersion"], object["kind"], object["metadata"]["namespace"]);
        objects.into_iter().filter(|object| seen.insert(id(object) + &object["metadata"]["name"].to_string())).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn the_order_of_the_objects_does_not_matter((objects, shuffled) in cluster().prop_flat_map(|objects| (Just(objects.clone()), Just(objects).prop_shuffle()))) {
        let catalog = World::with(objects).catalog();
        prop_assert_eq!(shown(&catalog), shown(&World::with(shuffled).catalog()));
    }

    #[test]
    fn each_name_stands_for_one_model(objects in cluster()) {
        let world = World::with(objects);
        let catalog = world.catalog();
        let mut names = HashSet::new();
        for model in &catalog.models {
            for name in model.aliases.iter().chain([&model.name]) {
                prop_assert!(names.insert(name), "{} twice", name);
            }
            let mut versions = HashSet::new();
            prop_assert!(!model.versions.is_empty());
            for version in &model.versions {
                prop_assert!(versions.insert(&version.name), "version {} twice", version.name);
                let mut origins = HashSet::new();
                prop_assert!(version.endpoints.iter().all(|endpoint| origins.insert(endpoint.origin.to_string())));
            }
        }
        // Nothing is lost without a word: each object that is a model has one, or somebody is told.
        let Objects { inference_services, llm_inference_services, .. } = &world.objects;
        prop_assert!(catalog.models.len() + catalog.problems.len() >= inference_services.len().max(usize::from(!llm_inference_services.is_empty())));
    }

    #[test]
    fn taken_names_stay_with_the_file(objects in cluster()) {
        let mut world = World::with(objects);
        world.settings.file_names = ["a".to_owned(), "publishers/n/models/a".to_owned()].into();
        for model in world.catalog().models {
            let names: Vec<_> = model.aliases.iter().chain([&model.name]).collect();
            prop_assert!(!names.iter().any(|name| world.settings.file_names.contains(*name)));
        }
    }
}
