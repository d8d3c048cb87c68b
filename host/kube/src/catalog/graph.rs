//! `InferenceGraph`s: one model each, behind KServe's router.

use std::sync::Arc;

use weir_cluster::{Protocols, Status};

use super::claims::Claims;
use super::context::Context;
use super::draft::{Class, Draft, Release, seniority};
use super::endpoints::Manner;
use super::report::{Problem, source};
use super::state;
use crate::objects::{Address, InferenceGraph, Resource, State};

/// Reads them all.
pub(super) fn read(graphs: &[Arc<InferenceGraph>], context: &mut Context<'_>, claims: &mut Claims) {
    for graph in graphs {
        let draft = draft(graph, context);
        claims.add(draft, &mut context.problems);
    }
}

fn draft(graph: &InferenceGraph, context: &mut Context<'_>) -> Draft {
    let metadata = graph.metadata();
    let knative = matches!(&*graph.status.deployment_mode, "Knative" | "Serverless");
    let manner = Manner { base_path: "", grpc_port: None };
    let served = (!knative).then(|| context.served(&metadata.namespace, &metadata.name, |_| manner)).flatten();
    let (endpoints, route) = match served {
        Some(served) => (served.endpoints, false),
        None => (at(graph, context), true),
    };
    let conditions = &graph.status.conditions;
    let callable = endpoints.iter().any(|endpoint| !endpoint.draining);
    let status = match (state::is_stopped(&metadata.annotations, conditions, callable && !route), callable) {
        (true, _) => Status::Stopped,
        (false, true) if !route || conditions.state("Ready") == State::True => Status::Ready,
        (false, _) => state::unserved(conditions, None),
    };
    let name = metadata.name.to_string();
    let knows = Vec::new();
    Draft {
        class: Class::Service,
        seniority: seniority(graph),
        source: source(graph),
        namespace: metadata.namespace.clone(),
        also: Vec::new(),
        status,
        detail: state::detail(conditions, None),
        protocols: Protocols { graph: true, ..Protocols::NONE },
        versions: vec![Release { name: String::new(), weight: 1, served_as: name.clone(), knows, endpoints }],
        explainers: Vec::new(),
        paths: Vec::new(),
        name,
    }
}

/// Its router's address inside the cluster. The status has only the one outside, which need not lead anywhere from here;
/// it tells that there is a router.
fn at(graph: &InferenceGraph, context: &mut Context<'_>) -> Vec<weir_cluster::EndpointOptions> {
    if graph.status.url.is_empty() {
        return Vec::new();
    }
    let metadata = graph.metadata();
    let domain = &context.settings.cluster_domain;
    let url = format!("http://{}.{}.svc.{domain}", metadata.name, metadata.namespace);
    let found = context.at(&Address { url: url.into(), ca_certs: None }, "");
    let endpoint = found.unwrap_or_else(|fault| {
        context.problems.push(Problem::of(graph, fault));
        None
    });
    endpoint.into_iter().collect()
}
