//! Objects are checked against the custom resource definitions, as strictly as the API server does when it is asked to.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weir_apiserver::{ApiServer, Invalid, Recorded, recordings};

fn definitions() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/kserve/crds");
    if !folder.is_dir() {
        eprintln!("skipped: no custom resource definitions beside the workspace");
    }
    folder.is_dir().then_some(folder)
}

fn service(predictor: &Value) -> Value {
    json!({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": { "name": "iris", "namespace": "models", "labels": { "a": "b" } },
        "spec": { "predictor": predictor },
    })
}

fn faults(server: &ApiServer, object: Value) -> Vec<String> {
    match server.put(object) {
        Ok(_) => Vec::new(),
        Err(Invalid::Schema { faults, .. }) => faults,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let Some(folder) = definitions() else { return };
    let server = ApiServer::with_schemas(&folder).unwrap();
    let good = service(&json!({ "model": { "modelFormat": { "name": "sklearn" }, "storageUri": "gs://a/b" } }));
    assert_eq!(faults(&server, good), [""; 0]);
    let wrong_type = faults(&server, service(&json!({ "minReplicas": "two" })));
    assert!(wrong_type[0].starts_with("/spec/predictor/minReplicas: "), "{wrong_type:?}");
    let unknown = faults(&server, service(&json!({ "replicas": 2 })));
    assert!(unknown[0].starts_with("/spec/predictor: ") && unknown[0].contains("replicas"), "{unknown:?}");
    assert_eq!(server.objects("serving.kserve.io", "inferenceservices").len(), 1, "what does not fit is not taken");
}

#[test]
fn what_a_real_api_server_took_is_taken() {
    let (Some(folder), Some(recordings)) = (definitions(), recordings()) else { return };
    let server = ApiServer::with_schemas(&folder).unwrap();
    let mut taken = 0;
    for list in [
        "inferenceservices",
        "llminferenceservices-v1alpha2",
        "llminferenceservices-v1alpha1",
        "inferencegraphs",
        "inferencepools",
        "inferenceobjectives",
        "x-inferenceobjectives",
        "inferencemodelrewrites",
        "x-inferencemodelrewrites",
    ] {
        for object in Recorded::read(&recordings, &format!("list/{list}")).unwrap().objects() {
            server.put(object).unwrap_or_else(|invalid| panic!("list/{list}: {invalid}"));
            taken += 1;
        }
    }
    assert!(taken > 30, "{taken}");
}
