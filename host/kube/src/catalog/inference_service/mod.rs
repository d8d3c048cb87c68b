//! `InferenceService`s: pods in Standard mode, a route with Knative or `ModelMesh`.

mod route;
mod standard;

use std::sync::Arc;

use weir_cluster::{EndpointOptions, Protocols, Status};

use super::claims::Claims;
use super::context::Context;
use super::draft::{Class, Draft, Release, seniority};
use super::protocols::spoken;
use super::report::source;
use super::{endpoints, state};
use crate::objects::{Container, InferenceService, Pod, Predictor, Resource, State};

/// How an `InferenceService` is deployed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// By Kubernetes alone.
    Standard,
    Knative,
    ModelMesh,
}

impl Mode {
    /// As the status says; an annotation is the owner's wish, and where neither is, KServe's configuration had the say: its
    /// controller has not seen the object yet.
    fn of(service: &InferenceService) -> Option<Self> {
        let wished = service.metadata.annotations.get("serving.kserve.io/deploymentMode").unwrap_or_default();
        [&*service.status.deployment_mode, wished].into_iter().find_map(|mode| match mode {
            "Standard" | "RawDeployment" => Some(Self::Standard),
            "Knative" | "Serverless" => Some(Self::Knative),
            "ModelMesh" => Some(Self::ModelMesh),
            _ => None,
        })
    }
}

/// What a service's servers are, before its state is known.
#[derive(Default)]
struct Found {
    releases: Vec<Release>,
    explainers: Vec<EndpointOptions>,
    protocols: Option<Protocols>,
    /// Whether the servers are a route, which answers even for a model that sleeps.
    route: bool,
    /// Whether there is no server, ready or not.
    empty: bool,
}

/// Reads them all.
pub(super) fn read(services: &[Arc<InferenceService>], context: &mut Context<'_>, claims: &mut Claims) {
    for service in services {
        let draft = draft(service, context);
        claims.add(draft, &mut context.problems);
    }
}

fn draft(service: &InferenceService, context: &mut Context<'_>) -> Draft {
    let metadata = service.metadata();
    let mode = Mode::of(service);
    let found = match mode {
        Some(Mode::Knative) => route::knative(service, context),
        Some(Mode::ModelMesh) => route::mesh(service, context),
        Some(Mode::Standard) | None => standard::read(service, context),
    };
    let status = status(service, mode, &found);
    let also = found.releases.iter().flat_map(|release| release.knows.iter().map(ToString::to_string)).collect();
    Draft {
        class: Class::Service,
        seniority: seniority(service),
        source: source(service),
        namespace: metadata.namespace.clone(),
        name: metadata.name.to_string(),
        also,
        detail: state::detail(&service.status.conditions, service.status.model_status.as_deref())
            .or_else(|| route::divided(service).filter(|_| mode == Some(Mode::Knative))),
        status,
        protocols: found.protocols.unwrap_or_else(|| spoken(service, None).protocols),
        versions: found.releases,
        explainers: found.explainers,
        paths: Vec::new(),
    }
}

/// What serves goes on serving, whatever the object says; only its owner's stop is stronger.
fn status(service: &InferenceService, mode: Option<Mode>, found: &Found) -> Status {
    let conditions = &service.status.conditions;
    let mut endpoints =
        found.releases.iter().filter(|release| release.weight > 0).flat_map(|release| &release.endpoints);
    let callable = endpoints.any(|endpoint| !endpoint.draining);
    if state::is_stopped(&service.metadata.annotations, conditions, callable && !found.route) {
        return Status::Stopped;
    }
    let ready = conditions.state("Ready") == State::True;
    // A route leads to the last revision that was ready, if there ever was one.
    let once = !service.status.components.predictor.latest_ready_revision.is_empty();
    if callable && (!found.route || ready || mode == Some(Mode::Knative) && once) {
        return Status::Ready;
    }
    let may_sleep = service.spec.predictor.min_replicas == Some(0);
    if found.empty && may_sleep && ready {
        return Status::AtZero;
    }
    state::unserved(conditions, service.status.model_status.as_deref())
}

/// The names by which a predictor knows its model.
fn predictor_names(pod: Option<&Pod>, predictor: &Predictor) -> Vec<Box<str>> {
    let named = served_names(pod, predictor.containers.iter());
    match predictor.model() {
        Some((model, _)) if named.is_empty() => model.args.served_names.to_vec(),
        _ => named,
    }
}

/// The names in the command line of a pod, which is what is, or of the wish for one.
fn served_names<'a>(pod: Option<&'a Pod>, wished: impl Iterator<Item = &'a Container>) -> Vec<Box<str>> {
    let of = |container: &'a Container| container.served_names();
    let real: Vec<Box<str>> = pod.into_iter().flat_map(Pod::containers).flat_map(of).map(Into::into).collect();
    if real.is_empty() { wished.flat_map(of).map(Into::into).collect() } else { real }
}

/// A version; its servers know the model by the object's name where their command line does not say otherwise.
fn release(
    service: &InferenceService,
    name: &str,
    weight: u32,
    knows: Vec<Box<str>>,
    endpoints: Vec<EndpointOptions>,
) -> Release {
    let own = &service.metadata.name;
    let served_as = if knows.is_empty() || knows.contains(own) { own.to_string() } else { knows[0].to_string() };
    Release { name: name.to_owned(), weight, served_as, knows, endpoints }
}
