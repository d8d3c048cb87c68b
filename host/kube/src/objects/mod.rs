//! The objects that are watched, as far as they are used.
//!
//! Slim on purpose: a cluster's thousands of pods are held in memory, and most of a pod says nothing about a model. And
//! lenient on purpose: an object that some other version of a controller wrote must not hide all the others, so a
//! field that is missing, null, of another type or from the future reads as if it were not there. Only an object
//! without a name does not parse.
//!
//! ```
//! use weir_kube::objects::{InferenceService, Resource};
//!
//! let service: InferenceService = serde_json::from_str(
//!     r#"{"metadata": {"name": "iris", "namespace": "ml"}, "spec": {"predictor": {"minReplicas": "two"}}}"#,
//! )?;
//! assert_eq!(&*service.metadata().name, "iris");
//! assert_eq!(service.spec.predictor.min_replicas, None);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod condition;
mod container;
mod endpoint_slice;
mod extension;
mod graph;
mod inference_service;
mod lenient;
mod llm;
mod metadata;
mod pod;

pub use condition::{Condition, Conditions, State};
pub use container::{Container, ContainerPort, Flags, Probe};
pub use endpoint_slice::{EndpointSlice, SliceEndpoint, SlicePort, TargetRef};
pub use extension::{
    InExtensionGroup, InferenceModelRewrite, InferenceObjective, InferencePool, PoolRef, PoolSpec, RewriteMatch,
    RewriteRule, RewriteSpec, RewriteTarget,
};
pub use graph::InferenceGraph;
pub use inference_service::{
    Address, Canary, CanaryStatus, Component, ComponentStatus, Components, FailureInfo, InferenceService,
    InferenceServiceSpec, InferenceServiceStatus, ModelFormat, ModelSpec, ModelStates, ModelStatus, Predictor, Traffic,
};
pub use llm::{
    LlmInferenceService, LlmModel, LlmSpec, LlmStatus, Lora, LoraAdapter, Reference, Route, Router, RouterStatus,
    Scheduler, SchedulerPool, SchedulerStatus, Workloads,
};
pub use metadata::{Labels, Metadata, ObjectRef};
pub use pod::{Pod, PodSpec, PodStatus};

/// A kind of object that the API server lists and watches.
pub trait Resource: serde::de::DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its API group; empty for the core group.
    const GROUP: &'static str;
    /// The versions that are understood, the best first: the first of them that the server has is watched.
    const VERSIONS: &'static [&'static str];
    /// The name in the path.
    const PLURAL: &'static str;
    /// The name in messages.
    const KIND: &'static str;

    /// Its name and what all objects have.
    fn metadata(&self) -> &Metadata;
}

/// Says what is watched under which name.
macro_rules! resource {
    ($type:ty, $group:literal, [$($version:literal),+], $plural:literal, $kind:literal) => {
        impl $crate::objects::Resource for $type {
            const GROUP: &'static str = $group;
            const VERSIONS: &'static [&'static str] = &[$($version),+];
            const PLURAL: &'static str = $plural;
            const KIND: &'static str = $kind;

            fn metadata(&self) -> &$crate::objects::Metadata {
                &self.metadata
            }
        }
    };
}
use resource;

#[cfg(test)]
mod tests;
