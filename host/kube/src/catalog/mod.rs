//! What the objects mean: models, their names, their versions and servers, and whether they can be called.
//!
//! Pure: the same objects give the same catalog, in whatever order they come, and it is made anew from all of them each
//! time; the data plane finds out what changed.
//!
//! **Where a model's servers are.** An `InferenceService` of KServe's Standard mode and an `LLMInferenceService` are
//! called at their pods, by what the `EndpointSlice`s or the pods themselves say of readiness. One that Knative or
//! `ModelMesh` runs is called at its route, so that its autoscaler sees the load and wakes it; how Knative divides calls
//! between revisions is Knative's, and shown only.
//!
//! **Whether it can be called.** What serves goes on serving: a model with a ready server is ready, be its object's newest
//! revision failing. Callers are told the reason in a word; what it says of paths and buckets goes into
//! [`Model::detail`](weir_cluster::Model::detail), for people in the cluster.
//!
//! **Names.** Callers have one name space. Where two objects want one name, the stronger has it, and each has a
//! name of its own, too (see [`Collision`]).
//!
//! **Certificates.** KServe signs each `LLMInferenceService`'s certificate with itself and keeps it in a `Secret` beside its
//! key, so whoever may read the certificate may read the key. Reading secrets is therefore no part of this: the
//! authorities come from [`Authorities`], and an object without one is a [`Problem`].

mod claims;
mod context;
mod draft;
mod endpoints;
pub mod fuzz;
mod graph;
mod index;
mod inference_service;
mod llm;
mod name;
mod pool;
mod protocols;
mod report;
mod rewrite;
mod settings;
mod state;

use std::sync::Arc;

use weir_cluster::Model;

pub use report::{Claimant, Collision, Fault, Objective, Problem};
pub use settings::{Authorities, Settings};

use crate::objects::{
    EndpointSlice, InExtensionGroup, InferenceGraph, InferenceModelRewrite, InferenceObjective, InferencePool,
    InferenceService, LlmInferenceService, Pod,
};
use claims::Claims;
use context::Context;

/// All objects that are watched. Each object once; their order does not matter.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// `InferenceService`s.
    pub inference_services: Vec<Arc<InferenceService>>,
    /// `LLMInferenceService`s.
    pub llm_inference_services: Vec<Arc<LlmInferenceService>>,
    /// `InferencePool`s.
    pub pools: Vec<Arc<InferencePool>>,
    /// `InferenceObjective`s.
    pub objectives: Vec<Arc<InferenceObjective>>,
    /// `InferenceObjective`s in their older group; one that is in both counts in the newer.
    pub older_objectives: Vec<Arc<InExtensionGroup<InferenceObjective>>>,
    /// `InferenceModelRewrite`s.
    pub rewrites: Vec<Arc<InferenceModelRewrite>>,
    /// `InferenceModelRewrite`s in their older group; one that is in both counts in the newer.
    pub older_rewrites: Vec<Arc<InExtensionGroup<InferenceModelRewrite>>>,
    /// `InferenceGraph`s.
    pub graphs: Vec<Arc<InferenceGraph>>,
    /// Pods: those that pools select, those of `LLMInferenceService`s (`kserve.io/component=workload`), and, so that the
    /// names that servers were started with are known, those of `InferenceService`s (`serving.kserve.io/inferenceservice`).
    pub pods: Vec<Arc<Pod>>,
    /// `EndpointSlice`s of the services of `InferenceService`s and `InferenceGraph`s; others do no harm.
    pub endpoint_slices: Vec<Arc<EndpointSlice>>,
}

/// What the objects mean.
#[derive(Clone, Default)]
pub struct Catalog {
    /// The models, in order of their names; each name and each alias stands for one of them.
    pub models: Vec<Model>,
    /// How urgent calls are that name an objective, in order of namespace and name.
    pub objectives: Vec<Objective>,
    /// Names that more than one object wanted, in order.
    pub collisions: Vec<Collision>,
    /// Objects, or parts of them, that mean nothing or cannot be what they want; in order.
    pub problems: Vec<Problem>,
}

impl Catalog {
    /// Makes it.
    #[must_use]
    pub fn of(objects: &Objects, settings: &Settings) -> Self {
        let mut context = Context::of(objects, settings);
        let mut claims = Claims::default();
        llm::read(&objects.llm_inference_services, &mut context, &mut claims);
        pool::read(&objects.pools, &mut context, &mut claims);
        inference_service::read(&objects.inference_services, &mut context, &mut claims);
        graph::read(&objects.graphs, &mut context, &mut claims);
        rewrite::read(objects, &mut context, &mut claims);
        let (models, collisions) = claims.settle(&settings.file_names, &mut context.problems);
        let mut problems = context.problems;
        problems.sort_unstable();
        problems.dedup();
        Self { models, objectives: rewrite::objectives(objects), collisions, problems }
    }
}
