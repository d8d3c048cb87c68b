//! What KServe has in a cluster, as its API server tells it.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// An `InferenceService` of Standard mode that is ready, in pods of its own.
#[must_use]
pub fn service(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "huggingface"}, "storageUri": "hf://example/model"}}},
        "status": {
            "deploymentMode": "Standard",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "PredictorReady", "status": "True"}],
            "modelStatus": {
                "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"}, "transitionStatus": "UpToDate",
            },
        },
    })
}

/// Where one pod of it is, and whether that is going away.
#[must_use]
pub fn slice(namespace: &str, service: &str, pod: &str, at: SocketAddr, terminating: bool) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": format!("{service}-predictor-{pod}"), "namespace": namespace,
            "labels": {"kubernetes.io/service-name": format!("{service}-predictor")},
        },
        "ports": [{"name": "http", "port": at.port(), "protocol": "TCP"}],
        "endpoints": [{
            "addresses": [at.ip().to_string()],
            "conditions": {"ready": !terminating, "serving": true, "terminating": terminating},
        }],
    })
}
