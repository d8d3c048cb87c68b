//! Standard mode: the pods behind a service's own Kubernetes services.

use weir_cluster::{EndpointOptions, Protocols};

use super::super::context::Context;
use super::super::draft::{Release, distinct, weight};
use super::super::endpoints::Served;
use super::super::protocols::spoken;
use super::{Found, predictor_names, release, route, served_names};
use crate::objects::{Canary, InferenceService, Predictor};

/// The pods; or where no slice tells of them, the address of the status.
pub(super) fn read(service: &InferenceService, context: &mut Context<'_>) -> Found {
    let found =
        if service.spec.transformer.is_some() { transformed(service, context) } else { predicted(service, context) };
    let mut found = found.unwrap_or_else(|| {
        let transformed = service.spec.transformer.is_some();
        let address = if transformed { route::transformer_address(service) } else { route::predictor_address(service) };
        route::addressed(service, address, context)
    });
    if service.spec.explainer.is_some() {
        let explainers = behind(service, context, &services(&service.metadata.name, "explainer"));
        found.explainers = match explainers {
            Some(served) => served.endpoints,
            None => route::explainers(service, context),
        };
    }
    found
}

/// The transformer, which calls the predictor itself.
fn transformed(service: &InferenceService, context: &Context<'_>) -> Option<Found> {
    let transformer = service.spec.transformer.as_ref()?;
    let served = behind(service, context, &services(&service.metadata.name, "transformer"))?;
    // A transformer is KServe's own library, whatever the predictor behind it speaks.
    let protocols =
        Protocols { v1: true, v2: true, grpc: has_grpc(&served.endpoints), ..spoken(service, None).protocols };
    let names = served_names(served.pod, transformer.containers.iter());
    Some(Found {
        empty: served.addresses == 0,
        releases: vec![release(service, "", 1, names, served.endpoints)],
        protocols: Some(protocols),
        ..Found::default()
    })
}

/// The predictor, and its canaries.
fn predicted(service: &InferenceService, context: &Context<'_>) -> Option<Found> {
    let predictor = &service.spec.predictor;
    let plain = services(&service.metadata.name, "predictor");
    // One that was a canary before keeps its service.
    let candidates: Vec<String> = named(service, predictor).into_iter().chain(plain).collect();
    let served = behind(service, context, &candidates)?;
    let mut protocols = spoken(service, served.pod).protocols;
    if !served.endpoints.is_empty() {
        protocols.grpc &= has_grpc(&served.endpoints);
        if served.grpc_only {
            protocols = Protocols { grpc: true, ..Protocols::NONE };
        }
    }
    let mut left = 100;
    let mut canaries = Vec::new();
    for canary in &service.spec.canary {
        let share = traffic(service, canary).clamp(0, left);
        left -= share;
        canaries.push(released(service, canary, share, context));
    }
    let names = predictor_names(served.pod, predictor);
    let share = if canaries.is_empty() { 1 } else { weight(left) };
    let stable = release(service, &predictor.name, share, names, served.endpoints);
    let mut releases = vec![stable];
    releases.append(&mut canaries);
    distinct(&mut releases);
    Some(Found { releases, protocols: Some(protocols), empty: served.addresses == 0, ..Found::default() })
}

fn released(service: &InferenceService, canary: &Canary, share: i64, context: &Context<'_>) -> Release {
    let served = behind(service, context, &named(service, &canary.predictor)).unwrap_or_default();
    let names = predictor_names(served.pod, &canary.predictor);
    release(service, &canary.predictor.name, weight(share), names, served.endpoints)
}

/// A canary's share: what its status says that it has, or else what its owner wants.
fn traffic(service: &InferenceService, canary: &Canary) -> i64 {
    let status = service.status.canary_statuses.iter().find(|status| status.name == canary.predictor.name);
    status.and_then(|status| status.traffic_percent).unwrap_or(canary.traffic_percent)
}

/// The pods behind the first of these services that there is.
fn behind<'a>(service: &InferenceService, context: &Context<'a>, candidates: &[String]) -> Option<Served<'a>> {
    let namespace = &service.metadata.namespace;
    candidates.iter().find_map(|name| context.served(namespace, name, |pod| spoken(service, pod).manner))
}

/// The services that a component may have: KServe's older releases had a longer name.
fn services(service: &str, component: &str) -> [String; 2] {
    [format!("{service}-{component}"), format!("{service}-{component}-default")]
}

/// The services that a predictor with a name may have.
fn named(service: &InferenceService, predictor: &Predictor) -> Vec<String> {
    let (service, name) = (&service.metadata.name, &predictor.name);
    if name.is_empty() {
        return Vec::new();
    }
    vec![format!("{service}-predictor-{name}"), format!("{service}-{name}-predictor")]
}

fn has_grpc(endpoints: &[EndpointOptions]) -> bool {
    endpoints.iter().any(|endpoint| endpoint.grpc.is_some() || endpoint.h2c)
}
