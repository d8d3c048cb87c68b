//! What it costs to make a catalog anew: 1 000 services of Standard mode, 100 language models, and 5 000 pods.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use weir_kube::catalog::{Catalog, Objects, Settings};
use weir_kube::objects::Resource;

fn main_benchmark(criterion: &mut Criterion) {
    let objects = objects();
    let settings = Settings::default();
    let catalog = Catalog::of(&objects, &settings);
    assert_eq!((catalog.models.len(), catalog.problems.len()), (1_100, 0));
    assert_eq!(catalog.models.iter().flat_map(|model| model.endpoints()).count(), 5_000);
    criterion.bench_function("catalog of 1 000 services and 5 000 pods", |bencher| {
        bencher.iter(|| black_box(Catalog::of(&objects, &settings)));
    });
    let text = pod("svc-1", "svc-1-predictor-0", 7).to_string();
    criterion.bench_function("reading a pod", |bencher| {
        bencher.iter(|| serde_json::from_str::<weir_kube::objects::Pod>(black_box(&text)).unwrap());
    });
}

fn objects() -> Objects {
    let mut objects = Objects::default();
    for place in 0..1_000_u32 {
        let name = format!("svc-{place}");
        objects.inference_services.push(read(
            &json!({"metadata": {"name": name, "namespace": format!("team-{}", place % 20),
                "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://x/y"}}},
            "status": {"deploymentMode": "Standard", "clusterServingRuntimeName": "kserve-sklearnserver",
                "conditions": [{"type": "Ready", "status": "True"}, {"type": "PredictorReady", "status": "True"}]}}),
        ));
        let service = format!("{name}-predictor");
        let pods: Vec<String> = (0..4).map(|pod| format!("{service}-{pod}")).collect();
        let endpoint = |(number, pod): (usize, &String)| {
            json!({"addresses": [address(place * 4 + u32::try_from(number).unwrap())],
                "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": pod}})
        };
        objects.endpoint_slices.push(read(
            &json!({"metadata": {"name": service, "namespace": format!("team-{}", place % 20),
                "labels": {"kubernetes.io/service-name": service}},
            "endpoints": pods.iter().enumerate().map(endpoint).collect::<Vec<_>>(),
            "ports": [{"name": service, "port": 8080, "protocol": "TCP"}]}),
        ));
        for (number, pod_name) in pods.iter().enumerate() {
            let mut pod = pod(&name, pod_name, place * 4 + u32::try_from(number).unwrap());
            pod["metadata"]["namespace"] = format!("team-{}", place % 20).into();
            objects.pods.push(read(&pod));
        }
    }
    for place in 0..100_u32 {
        let name = format!("llm-{place}");
        objects.llm_inference_services.push(read(&json!({"metadata": {"name": name, "namespace": "llm"},
            "spec": {"model": {"name": format!("org/{name}")}}})));
        for number in 0..10 {
            let mut pod = pod(&name, &format!("{name}-{number}"), 100_000 + place * 10 + number);
            pod["metadata"]["namespace"] = "llm".into();
            objects.pods.push(read(&pod));
        }
    }
    // In the order in which stores give them.
    sort(&mut objects.inference_services);
    sort(&mut objects.llm_inference_services);
    sort(&mut objects.pods);
    sort(&mut objects.endpoint_slices);
    objects
}

fn sort<T: Resource>(objects: &mut [Arc<T>]) {
    objects.sort_by_key(|object| object.metadata().object_ref());
}

fn pod(service: &str, name: &str, number: u32) -> Value {
    json!({"metadata": {"name": name, "namespace": "llm", "labels": {"app.kubernetes.io/name": service, "kserve.io/component": "workload",
            "app.kubernetes.io/part-of": "llminferenceservice", "llm-d.ai/role": "both", "pod-template-hash": "6f7d8c9b5"}},
        "spec": {"containers": [{"name": "kserve-container", "ports": [{"containerPort": 8000}],
            "args": [format!("--model_name={service}"), "--model_dir=/mnt/models"]}]},
        "status": {"podIP": address(number), "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn address(number: u32) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

fn read<T: Resource>(object: &Value) -> Arc<T> {
    Arc::new(serde_json::from_str(&object.to_string()).unwrap())
}

criterion_group!(benches, main_benchmark);
criterion_main!(benches);
