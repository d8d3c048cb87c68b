//! `InferenceService` (`serving.kserve.io/v1beta1`).

use serde::Deserialize;

use super::lenient::{lenient, lenient_structs, message};
use super::{Conditions, Container, Flags, Metadata, resource};

/// A model, or a model behind a transformer, that KServe runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct InferenceService {
    /// Its name and what all objects have.
    pub metadata: Metadata,
    /// What its owner wants.
    #[serde(default, deserialize_with = "lenient")]
    pub spec: InferenceServiceSpec,
    /// What there is.
    #[serde(default, deserialize_with = "lenient")]
    pub status: InferenceServiceStatus,
}

resource!(InferenceService, "serving.kserve.io", ["v1beta1"], "inferenceservices", "InferenceService");

/// What the owner of an `InferenceService` wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InferenceServiceSpec {
    /// The model server.
    #[serde(deserialize_with = "lenient")]
    pub predictor: Predictor,
    /// What stands before it and changes requests and answers.
    #[serde(deserialize_with = "lenient")]
    pub transformer: Option<Box<Component>>,
    /// What explains its predictions.
    #[serde(deserialize_with = "lenient")]
    pub explainer: Option<Box<Component>>,
    /// Other predictors that get a part of the calls, without Knative.
    #[serde(deserialize_with = "lenient")]
    pub canary: Box<[Canary]>,
}

/// The model server. The model stands under `model`, or, as it was before, under the name of its framework.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Predictor {
    /// The name of a canary.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// How many replicas there are at least; 0: it may sleep.
    #[serde(deserialize_with = "lenient")]
    pub min_replicas: Option<i32>,
    /// Containers of the owner's own.
    #[serde(deserialize_with = "lenient")]
    pub containers: Box<[Container]>,
    /// The model.
    #[serde(deserialize_with = "lenient")]
    model: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    sklearn: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    xgboost: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    tensorflow: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    pytorch: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    triton: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    onnx: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    huggingface: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    pmml: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    lightgbm: Option<Box<ModelSpec>>,
    #[serde(deserialize_with = "lenient")]
    paddle: Option<Box<ModelSpec>>,
}

impl Predictor {
    /// The model, and the name of its format; `None` where the owner brings containers.
    #[must_use]
    pub fn model(&self) -> Option<(&ModelSpec, &str)> {
        let older = || {
            [
                (&self.sklearn, "sklearn"),
                (&self.xgboost, "xgboost"),
                (&self.tensorflow, "tensorflow"),
                (&self.pytorch, "pytorch"),
                (&self.triton, "triton"),
                (&self.onnx, "onnx"),
                (&self.huggingface, "huggingface"),
                (&self.pmml, "pmml"),
                (&self.lightgbm, "lightgbm"),
                (&self.paddle, "paddle"),
            ]
            .into_iter()
            .find_map(|(model, format)| Some((&**model.as_ref()?, format)))
        };
        self.model.as_ref().map(|model| (&**model, &*model.model_format.name)).or_else(older)
    }
}

/// A model: its format, and how it is to be served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModelSpec {
    /// The container's name.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// Its format.
    #[serde(deserialize_with = "lenient")]
    pub model_format: ModelFormat,
    /// What its server is asked to speak: `v1`, `v2`, `grpc-v2`; empty: what its runtime speaks.
    #[serde(deserialize_with = "lenient")]
    pub protocol_version: Box<str>,
    /// The runtime, where the owner chose it.
    #[serde(deserialize_with = "lenient")]
    pub runtime: Box<str>,
    /// What its arguments say of the model.
    #[serde(deserialize_with = "lenient")]
    pub args: Flags,
}

/// A model's format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ModelFormat {
    /// Its name, such as `sklearn` or `huggingface`.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
}

/// A transformer or an explainer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Component {
    /// How many replicas there are at least.
    #[serde(deserialize_with = "lenient")]
    pub min_replicas: Option<i32>,
    /// Its containers.
    #[serde(deserialize_with = "lenient")]
    pub containers: Box<[Container]>,
}

/// A predictor that gets a part of the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Canary {
    /// The model server.
    #[serde(deserialize_with = "lenient")]
    pub predictor: Predictor,
    /// Its share, in percent.
    #[serde(deserialize_with = "lenient")]
    pub traffic_percent: i64,
}

/// What there is of an `InferenceService`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InferenceServiceStatus {
    /// What its controller says of its state.
    #[serde(deserialize_with = "lenient")]
    pub conditions: Conditions,
    /// Where it is called from inside the cluster.
    #[serde(deserialize_with = "lenient")]
    pub address: Address,
    /// Where it is called from outside.
    #[serde(deserialize_with = "lenient")]
    pub url: Box<str>,
    /// Its parts.
    #[serde(deserialize_with = "lenient")]
    pub components: Components,
    /// What became of loading the model.
    #[serde(deserialize_with = "lenient")]
    pub model_status: Option<Box<ModelStatus>>,
    /// How it is deployed: `Standard`, `Knative`, `ModelMesh`, or by their older names.
    #[serde(deserialize_with = "lenient")]
    pub deployment_mode: Box<str>,
    /// The runtime of its namespace that runs it.
    #[serde(deserialize_with = "lenient")]
    pub serving_runtime_name: Box<str>,
    /// The runtime of the cluster that runs it.
    #[serde(deserialize_with = "lenient")]
    pub cluster_serving_runtime_name: Box<str>,
    /// What there is of its canaries.
    #[serde(deserialize_with = "lenient")]
    pub canary_statuses: Box<[CanaryStatus]>,
}

/// An address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Address {
    /// The URL; empty where there is none.
    #[serde(deserialize_with = "lenient")]
    pub url: Box<str>,
    /// The authorities that sign for it, as PEM.
    #[serde(rename = "CACerts", deserialize_with = "lenient")]
    pub ca_certs: Option<Box<str>>,
}

/// The parts of an `InferenceService`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Components {
    /// The model server.
    #[serde(deserialize_with = "lenient")]
    pub predictor: ComponentStatus,
    /// What stands before it.
    #[serde(deserialize_with = "lenient")]
    pub transformer: Option<Box<ComponentStatus>>,
    /// What explains it.
    #[serde(deserialize_with = "lenient")]
    pub explainer: Option<Box<ComponentStatus>>,
}

/// What there is of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ComponentStatus {
    /// Where it is called from inside the cluster.
    #[serde(deserialize_with = "lenient")]
    pub address: Address,
    /// Where it is called from outside.
    #[serde(deserialize_with = "lenient")]
    pub url: Box<str>,
    /// Where it speaks REST, where gRPC is elsewhere.
    #[serde(deserialize_with = "lenient")]
    pub rest_url: Box<str>,
    /// Where it speaks gRPC.
    #[serde(deserialize_with = "lenient")]
    pub grpc_url: Box<str>,
    /// The newest Knative revision that is ready.
    #[serde(deserialize_with = "lenient")]
    pub latest_ready_revision: Box<str>,
    /// How Knative divides the calls.
    #[serde(deserialize_with = "lenient")]
    pub traffic: Box<[Traffic]>,
}

/// A Knative revision's share of the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Traffic {
    /// The revision.
    #[serde(deserialize_with = "lenient")]
    pub revision_name: Box<str>,
    /// Its share, in percent.
    #[serde(deserialize_with = "lenient")]
    pub percent: i64,
}

/// What became of loading a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModelStatus {
    /// `UpToDate`, `InProgress`, `BlockedByFailedLoad`, `InvalidSpec`.
    #[serde(deserialize_with = "lenient")]
    pub transition_status: Box<str>,
    /// The state of the model that serves, and of the one that is to.
    #[serde(deserialize_with = "lenient")]
    pub states: ModelStates,
    /// Why the last one failed.
    #[serde(deserialize_with = "lenient")]
    pub last_failure_info: Option<Box<FailureInfo>>,
}

/// States: `Pending`, `Standby`, `Loading`, `Loaded`, `FailedToLoad`, or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModelStates {
    /// Of the model that is to serve.
    #[serde(deserialize_with = "lenient")]
    pub target_model_state: Box<str>,
}

/// Why a model failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FailureInfo {
    /// In one word, such as `ModelLoadFailed`.
    #[serde(deserialize_with = "lenient")]
    pub reason: Box<str>,
    /// For people inside: it tells of paths and buckets. Its beginning where it is long.
    #[serde(deserialize_with = "message")]
    pub message: Box<str>,
}

/// What there is of a canary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CanaryStatus {
    /// Its name.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// Its share, in percent.
    #[serde(deserialize_with = "lenient")]
    pub traffic_percent: Option<i64>,
    /// What became of loading its model.
    #[serde(deserialize_with = "lenient")]
    pub model_status: Option<Box<ModelStatus>>,
}

lenient_structs!(
    InferenceServiceSpec,
    Predictor,
    ModelSpec,
    ModelFormat,
    Component,
    Canary,
    InferenceServiceStatus,
    Address,
    Components,
    ComponentStatus,
    Traffic,
    ModelStatus,
    ModelStates,
    FailureInfo,
    CanaryStatus,
);
