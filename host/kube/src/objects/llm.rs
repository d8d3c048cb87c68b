//! `LLMInferenceService` (`serving.kserve.io/v1alpha2` and `v1alpha1`: the older one lacks fields of the status).

use serde::Deserialize;

use super::lenient::{lenient, lenient_structs};
use super::{Conditions, Metadata, resource};

/// A language model that KServe runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct LlmInferenceService {
    /// Its name and what all objects have.
    pub metadata: Metadata,
    /// What its owner wants.
    #[serde(default, deserialize_with = "lenient")]
    pub spec: LlmSpec,
    /// What there is.
    #[serde(default, deserialize_with = "lenient")]
    pub status: LlmStatus,
}

resource!(
    LlmInferenceService,
    "serving.kserve.io",
    ["v1alpha2", "v1alpha1"],
    "llminferenceservices",
    "LLMInferenceService"
);

/// What the owner of an `LLMInferenceService` wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LlmSpec {
    /// The model.
    #[serde(deserialize_with = "lenient")]
    pub model: LlmModel,
    /// How many replicas.
    #[serde(deserialize_with = "lenient")]
    pub replicas: Option<i32>,
    /// How calls get to it.
    #[serde(deserialize_with = "lenient")]
    pub router: Option<Box<Router>>,
}

/// The model of an `LLMInferenceService`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LlmModel {
    /// Its name for callers; the object's where there is none.
    #[serde(deserialize_with = "lenient")]
    pub name: Option<Box<str>>,
    /// Its adapters.
    #[serde(deserialize_with = "lenient")]
    pub lora: Lora,
}

/// LoRA adapters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Lora {
    /// Each is a model of its own to callers.
    #[serde(deserialize_with = "lenient")]
    pub adapters: Box<[LoraAdapter]>,
}

/// A LoRA adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LoraAdapter {
    /// Its name, to callers and on the servers.
    #[serde(deserialize_with = "lenient")]
    pub name: Option<Box<str>>,
}

/// How calls get to a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Router {
    /// Its route.
    #[serde(deserialize_with = "lenient")]
    pub route: Option<Route>,
    /// Its picker of endpoints.
    #[serde(deserialize_with = "lenient")]
    pub scheduler: Option<Scheduler>,
}

/// A route: several services of one group are one model's versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Route {
    /// The group.
    #[serde(deserialize_with = "lenient")]
    pub group: Option<Box<str>>,
    /// The share of the calls, in proportion to the others'.
    #[serde(deserialize_with = "lenient")]
    pub weight: Option<i64>,
}

/// A picker of endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Scheduler {
    /// Its pool, where the owner says which.
    #[serde(deserialize_with = "lenient")]
    pub pool: SchedulerPool,
}

/// A picker's pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SchedulerPool {
    /// An `InferencePool` that is there already.
    #[serde(rename = "ref", deserialize_with = "lenient")]
    pub reference: Option<Reference>,
}

/// What there is of an `LLMInferenceService`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LlmStatus {
    /// What its controller says of its state.
    #[serde(deserialize_with = "lenient")]
    pub conditions: Conditions,
    /// How calls get to it.
    #[serde(deserialize_with = "lenient")]
    pub router: RouterStatus,
    /// Its servers.
    #[serde(deserialize_with = "lenient")]
    pub workloads: Option<Box<Workloads>>,
}

/// How calls get to a model, as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RouterStatus {
    /// The picker of endpoints.
    #[serde(deserialize_with = "lenient")]
    pub scheduler: SchedulerStatus,
}

/// A picker of endpoints, as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SchedulerStatus {
    /// Its pool.
    #[serde(deserialize_with = "lenient")]
    pub inference_pool: Option<Reference>,
}

/// Another object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// Its name.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// Its namespace; empty: the same.
    #[serde(deserialize_with = "lenient")]
    pub namespace: Box<str>,
}

/// The servers, as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Workloads {
    /// The service before them.
    #[serde(deserialize_with = "lenient")]
    pub service: Option<Reference>,
}

lenient_structs!(
    LlmSpec,
    LlmModel,
    Lora,
    LoraAdapter,
    Router,
    Route,
    Scheduler,
    SchedulerPool,
    LlmStatus,
    RouterStatus,
    SchedulerStatus,
    Reference,
    Workloads,
);
