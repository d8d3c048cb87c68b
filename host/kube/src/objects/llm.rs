//! `LLMInferenceService` (`serving.kserve.io/v1alpha2` and `v1alpha1`: the older one lacks fields of the status).

use serde::Deserialize;

use super::lenient::{lenient, lenient_structs};
use super::{Conditions, Container, Metadata, resource};

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
    /// The servers that read prompts for others, where they are apart.
    #[serde(deserialize_with = "lenient")]
    pub prefill: Option<Box<Workload>>,
    /// Its pods, as far as the owner says.
    #[serde(deserialize_with = "lenient")]
    pub template: Template,
}

/// The model of an `LLMInferenceService`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LlmModel {
    /// Its name for callers; the object's where there is none.
    #[serde(deserialize_with = "lenient")]
    pub name: Option<Box<str>>,
    /// Where it is loaded from.
    #[serde(deserialize_with = "lenient")]
    pub uri: Box<str>,
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

/// A part of the servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// How many replicas.
    #[serde(deserialize_with = "lenient")]
    pub replicas: Option<i32>,
}

/// The wish for pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Their containers.
    #[serde(deserialize_with = "lenient")]
    pub containers: Box<[Container]>,
}

/// What there is of an `LLMInferenceService`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LlmStatus {
    /// What its controller says of its state.
    #[serde(deserialize_with = "lenient")]
    pub conditions: Conditions,
    /// Where it is called from outside.
    #[serde(deserialize_with = "lenient")]
    pub url: Box<str>,
    /// All its addresses.
    #[serde(deserialize_with = "lenient")]
    pub addresses: Box<[LlmAddress]>,
    /// How calls get to it.
    #[serde(deserialize_with = "lenient")]
    pub router: RouterStatus,
    /// Its servers.
    #[serde(deserialize_with = "lenient")]
    pub workloads: Option<Box<Workloads>>,
}

/// An address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LlmAddress {
    /// Its name, such as `gateway-external`.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// The URL.
    #[serde(deserialize_with = "lenient")]
    pub url: Box<str>,
    /// The authorities that sign for it, as PEM.
    #[serde(rename = "CACerts", deserialize_with = "lenient")]
    pub ca_certs: Option<Box<str>>,
}

/// How calls get to a model, as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RouterStatus {
    /// The group that it belongs to.
    #[serde(deserialize_with = "lenient")]
    pub group: Option<RouterGroup>,
    /// The picker of endpoints.
    #[serde(deserialize_with = "lenient")]
    pub scheduler: SchedulerStatus,
}

/// A group of services that are one model's versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RouterGroup {
    /// Its name.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// Its members.
    #[serde(deserialize_with = "lenient")]
    pub members: Box<[GroupMember]>,
}

/// A member of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GroupMember {
    /// The `LLMInferenceService`.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// Whether its owner stopped it.
    #[serde(deserialize_with = "lenient")]
    pub stopped: bool,
    /// Its share of the calls.
    #[serde(deserialize_with = "lenient")]
    pub weight: Option<i64>,
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
    /// The servers that are called.
    #[serde(deserialize_with = "lenient")]
    pub primary: Option<WorkloadStatus>,
    /// The service before them.
    #[serde(deserialize_with = "lenient")]
    pub service: Option<Reference>,
}

/// A part of the servers, as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkloadStatus {
    /// How many are ready.
    #[serde(deserialize_with = "lenient")]
    pub ready_replicas: Option<i32>,
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
    Workload,
    Template,
    LlmStatus,
    LlmAddress,
    RouterStatus,
    RouterGroup,
    GroupMember,
    SchedulerStatus,
    Reference,
    Workloads,
    WorkloadStatus,
);
