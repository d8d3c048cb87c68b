//! A cluster's objects, as JSON.

use std::sync::Arc;

use serde_json::Value;
use weir_cluster::Model;
use weir_kube::catalog::{Catalog, Objects, Settings};
use weir_kube::objects::Resource;

/// A cluster.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) objects: Objects,
    pub(crate) settings: Settings,
}

impl World {
    /// A cluster with these objects.
    pub(crate) fn with(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut world = Self::default();
        for object in objects {
            assert!(world.add(&object), "not a kind that is watched: {object}");
        }
        world
    }

    /// Adds an object of a kind that is watched; false for any other.
    pub(crate) fn add(&mut self, object: &Value) -> bool {
        let objects = &mut self.objects;
        let api = object["apiVersion"].as_str().unwrap_or_default();
        match (api.split('/').next().unwrap_or_default(), object["kind"].as_str().unwrap_or_default()) {
            ("serving.kserve.io", "InferenceService") => objects.inference_services.push(read(object)),
            ("serving.kserve.io", "LLMInferenceService") => objects.llm_inference_services.push(read(object)),
            ("serving.kserve.io", "InferenceGraph") => objects.graphs.push(read(object)),
            ("inference.networking.k8s.io", "InferencePool") => objects.pools.push(read(object)),
            ("llm-d.ai", "InferenceObjective") => objects.objectives.push(read(object)),
            ("llm-d.ai", "InferenceModelRewrite") => objects.rewrites.push(read(object)),
            ("inference.networking.x-k8s.io", "InferenceObjective") => objects.older_objectives.push(read(object)),
            ("inference.networking.x-k8s.io", "InferenceModelRewrite") => objects.older_rewrites.push(read(object)),
            ("v1", "Pod") => objects.pods.push(read(object)),
            ("discovery.k8s.io", "EndpointSlice") => objects.endpoint_slices.push(read(object)),
            _ => return false,
        }
        true
    }

    /// What they mean.
    pub(crate) fn catalog(&self) -> Catalog {
        Catalog::of(&self.objects, &self.settings)
    }

    /// One model of it, by its name.
    pub(crate) fn model(&self, name: &str) -> Model {
        let models = self.catalog().models;
        let names: Vec<_> = models.iter().map(|model| model.name.clone()).collect();
        models.into_iter().find(|model| model.name == name).unwrap_or_else(|| panic!("no {name} among {names:?}"))
    }
}

/// Reads an object, as it is in the answers of an API server: as text.
pub(crate) fn read<T: Resource>(object: &Value) -> Arc<T> {
    Arc::new(serde_json::from_str(&object.to_string()).unwrap_or_else(|error| panic!("{error}: {object}")))
}

/// Where a model's servers are, those first that belong to the first version.
pub(crate) fn addresses(model: &Model) -> Vec<String> {
    model.endpoints().map(|endpoint| endpoint.origin.to_string()).collect()
}
