//! All that is watched, together.

use crate::catalog::Objects;
use crate::objects::{
    EndpointSlice, InExtensionGroup, InferenceGraph, InferenceModelRewrite, InferenceObjective, InferencePool,
    InferenceService, LlmInferenceService, Pod, Resource,
};
use crate::watch::{Kind, Need, Store, Watches};

/// The kinds that are watched, and so all that has to be allowed: to get, list and watch them. Where some of KServe's
/// are not installed, or not allowed, the others are served all the same.
pub const KINDS: [Kind; 10] = [
    kind::<InferenceService>(),
    kind::<LlmInferenceService>(),
    kind::<InferencePool>(),
    kind::<InferenceObjective>(),
    kind::<InExtensionGroup<InferenceObjective>>(),
    kind::<InferenceModelRewrite>(),
    kind::<InExtensionGroup<InferenceModelRewrite>>(),
    kind::<InferenceGraph>(),
    kind::<Pod>(),
    kind::<EndpointSlice>(),
];

const fn kind<T: Resource>() -> Kind {
    Kind { group: T::GROUP, versions: T::VERSIONS, plural: T::PLURAL }
}

/// A store for each kind.
pub struct Picture {
    inference_services: Store<InferenceService>,
    llm_inference_services: Store<LlmInferenceService>,
    pools: Store<InferencePool>,
    objectives: Store<InferenceObjective>,
    older_objectives: Store<InExtensionGroup<InferenceObjective>>,
    rewrites: Store<InferenceModelRewrite>,
    older_rewrites: Store<InExtensionGroup<InferenceModelRewrite>>,
    graphs: Store<InferenceGraph>,
    pods: Store<Pod>,
    endpoint_slices: Store<EndpointSlice>,
}

impl Picture {
    /// Watches each kind. Of those that make models, only objects that the label selector selects; of what belongs to
    /// them, all. Has to be called within a Tokio runtime.
    pub fn watch(watches: &mut Watches, selector: Option<&str>) -> Self {
        Self {
            inference_services: watches.add(Need::Welcome, selector),
            llm_inference_services: watches.add(Need::Welcome, selector),
            pools: watches.add(Need::Welcome, selector),
            objectives: watches.add(Need::Welcome, None),
            older_objectives: watches.add(Need::Welcome, None),
            rewrites: watches.add(Need::Welcome, None),
            older_rewrites: watches.add(Need::Welcome, None),
            graphs: watches.add(Need::Welcome, selector),
            pods: watches.add(Need::Required, None),
            endpoint_slices: watches.add(Need::Required, None),
        }
    }

    /// The objects as they are known now.
    #[must_use]
    pub fn objects(&self) -> Objects {
        Objects {
            inference_services: self.inference_services.objects(),
            llm_inference_services: self.llm_inference_services.objects(),
            pools: self.pools.objects(),
            objectives: self.objectives.objects(),
            older_objectives: self.older_objectives.objects(),
            rewrites: self.rewrites.objects(),
            older_rewrites: self.older_rewrites.objects(),
            graphs: self.graphs.objects(),
            pods: self.pods.objects(),
            endpoint_slices: self.endpoint_slices.objects(),
        }
    }
}
