//! Services that are called at an address of their status: Knative's routes, `ModelMesh`, and what no slice tells of.

use weir_cluster::{EndpointOptions, Protocols};

use super::super::context::Context;
use super::super::protocols::spoken;
use super::super::report::Problem;
use super::{Found, endpoints, predictor_names, release, served_names};
use crate::objects::{Address, ComponentStatus, InferenceService};

/// Knative: its route, which wakes what sleeps, and divides calls between revisions itself.
pub(super) fn knative(service: &InferenceService, context: &mut Context<'_>) -> Found {
    let address =
        if service.spec.transformer.is_some() { transformer_address(service) } else { predictor_address(service) };
    let mut found = addressed(service, address, context);
    found.explainers = explainers(service, context);
    found
}

/// How Knative divides the calls, where it does.
pub(super) fn divided(service: &InferenceService) -> Option<String> {
    let shares = service.status.components.predictor.traffic.iter();
    let mut shares: Vec<_> = shares.filter(|share| share.percent > 0).collect();
    shares.sort_by(|a, b| a.revision_name.cmp(&b.revision_name));
    let shown: Vec<String> =
        shares.iter().map(|share| format!("{} {} %", share.revision_name, share.percent)).collect();
    (shares.len() > 1).then(|| format!("Knative divides the calls: {}", shown.join(", ")))
}

/// `ModelMesh`: its REST and gRPC addresses.
pub(super) fn mesh(service: &InferenceService, context: &mut Context<'_>) -> Found {
    let ComponentStatus { rest_url, grpc_url, address, url, .. } = &service.status.components.predictor;
    let candidates = [rest_url, &address.url, url, &service.status.url, &service.status.address.url].map(|url| &**url);
    let rest = candidates.into_iter().find(|url| url.starts_with("http")).unwrap_or_default();
    let grpc = [grpc_url, &service.status.url]
        .map(|url| &**url)
        .into_iter()
        .find(|url| url.starts_with("grpc"))
        .unwrap_or_default();
    let protocols = Protocols { v2: !rest.is_empty(), grpc: !grpc.is_empty(), ..Protocols::NONE };
    let address = |url: &str| Address { url: url.into(), ca_certs: None };
    let endpoint = if rest.is_empty() {
        at(service, &address(grpc), context).map(|mut endpoint| {
            endpoint.h2c = !endpoint.origin.is_tls();
            endpoint
        })
    } else {
        let grpc = endpoints::origin(grpc).unwrap_or_default();
        at(service, &address(rest), context).map(|mut endpoint| {
            endpoint.grpc = grpc;
            endpoint
        })
    };
    let endpoints: Vec<_> = endpoint.into_iter().collect();
    let empty = endpoints.is_empty();
    let releases = vec![release(service, "", 1, Vec::new(), endpoints)];
    Found { releases, protocols: Some(protocols), route: true, empty, ..Found::default() }
}

/// One server: an address of the status.
pub(super) fn addressed(service: &InferenceService, address: &Address, context: &mut Context<'_>) -> Found {
    let protocols = protocols(service);
    let endpoint = at(service, address, context).map(|mut endpoint| {
        endpoint.h2c = protocols.grpc && !endpoint.origin.is_tls();
        endpoint
    });
    let endpoints: Vec<_> = endpoint.into_iter().collect();
    let named = match &service.spec.transformer {
        Some(transformer) => served_names(None, transformer.containers.iter()),
        None => predictor_names(None, &service.spec.predictor),
    };
    let empty = endpoints.is_empty();
    let releases = vec![release(service, &service.spec.predictor.name, 1, named, endpoints)];
    Found { releases, protocols: Some(protocols), route: true, empty, ..Found::default() }
}

/// What is spoken at a route, which leads to one port of the pods: gRPC alone, or none of it.
fn protocols(service: &InferenceService) -> Protocols {
    let spoken = spoken(service, None).protocols;
    let predictor = &service.spec.predictor;
    let (containers, declared) = match &service.spec.transformer {
        Some(transformer) => (&transformer.containers, ""),
        None => (&predictor.containers, predictor.model().map_or("", |(model, _)| &*model.protocol_version)),
    };
    let port = containers.iter().flat_map(|container| &container.ports).next();
    let h2c = port.is_some_and(|port| port.name.starts_with("h2c") || port.name.starts_with("grpc"));
    if declared == "grpc-v2" || h2c {
        return Protocols { grpc: true, ..Protocols::NONE };
    }
    let transformed = service.spec.transformer.is_some();
    Protocols { v1: spoken.v1 || transformed, v2: spoken.v2 || transformed, grpc: false, ..spoken }
}

fn at(service: &InferenceService, address: &Address, context: &mut Context<'_>) -> Option<EndpointOptions> {
    let found = context.at(address, spoken(service, None).manner.base_path);
    found.unwrap_or_else(|fault| {
        context.problems.push(Problem::of(service, fault));
        None
    })
}

pub(super) fn predictor_address(service: &InferenceService) -> &Address {
    let own = &service.status.components.predictor.address;
    if own.url.is_empty() { &service.status.address } else { own }
}

pub(super) fn transformer_address(service: &InferenceService) -> &Address {
    let own = service.status.components.transformer.as_deref().map(|transformer| &transformer.address);
    own.filter(|address| !address.url.is_empty()).unwrap_or(&service.status.address)
}

/// The explainer, by its address.
pub(super) fn explainers(service: &InferenceService, context: &mut Context<'_>) -> Vec<EndpointOptions> {
    let explainer = service.status.components.explainer.as_deref().filter(|_| service.spec.explainer.is_some());
    explainer.and_then(|explainer| at(service, &explainer.address, context)).into_iter().collect()
}
