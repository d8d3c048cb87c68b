//! A catalog as text, for goldens.

use std::fmt::Write;

use weir_cluster::{EndpointOptions, Model, Protocols, Role, Source, Trust, Version};
use weir_kube::catalog::Catalog;

/// The whole.
pub(crate) fn shown(catalog: &Catalog) -> String {
    let mut text = String::new();
    for model in &catalog.models {
        model_shown(&mut text, model);
    }
    for objective in &catalog.objectives {
        writeln!(text, "objective {} of {}: {}", objective.object, objective.pool, objective.priority).unwrap();
    }
    for collision in &catalog.collisions {
        writeln!(text, "collision: {collision}").unwrap();
    }
    for problem in &catalog.problems {
        writeln!(text, "problem: {problem}").unwrap();
    }
    text
}

fn model_shown(text: &mut String, model: &Model) {
    let Model { name, aliases, source, status, protocols, versions, explainers, paths, detail } = model;
    let source = match source {
        Source::File => "weir.yaml".to_owned(),
        Source::Object { kind, namespace, name } => format!("{kind} {namespace}/{name}"),
    };
    writeln!(text, "{name}: {status:?}, {}, from {source}", spoken(*protocols)).unwrap();
    for alias in aliases {
        writeln!(text, "  also {alias}").unwrap();
    }
    for (namespace, name) in paths {
        writeln!(text, "  at /{namespace}/{name}").unwrap();
    }
    if let Some(detail) = detail {
        writeln!(text, "  detail: {detail}").unwrap();
    }
    for Version { name, weight, served_as, endpoints } in versions {
        let served_as = served_as.as_ref().map(|name| format!(", as {name}")).unwrap_or_default();
        writeln!(text, "  version {name:?}, weight {weight}{served_as}").unwrap();
        endpoints.iter().for_each(|endpoint| endpoint_shown(text, endpoint));
    }
    if !explainers.is_empty() {
        writeln!(text, "  explained by").unwrap();
        explainers.iter().for_each(|endpoint| endpoint_shown(text, endpoint));
    }
}

fn spoken(protocols: Protocols) -> String {
    let Protocols { openai, v1, v2, grpc, graph } = protocols;
    let names = [(openai, "openai"), (v1, "v1"), (v2, "v2"), (grpc, "grpc"), (graph, "graph")];
    let names: Vec<_> = names.into_iter().filter(|(speaks, _)| *speaks).map(|(_, name)| name).collect();
    names.join("+")
}

fn endpoint_shown(text: &mut String, endpoint: &EndpointOptions) {
    write!(text, "    {}{}, {:?}", endpoint.origin, endpoint.base_path, endpoint.watched).unwrap();
    if let Some(grpc) = &endpoint.grpc {
        write!(text, ", gRPC at {grpc}").unwrap();
    }
    for (is, what) in
        [(endpoint.h2c, "h2c"), (endpoint.draining, "draining"), (endpoint.role == Role::Prefill, "prefill")]
    {
        if is {
            write!(text, ", {what}").unwrap();
        }
    }
    if let Trust::Authorities { pem, server_name } = &endpoint.trust {
        write!(text, ", trusts {} as {server_name:?}", String::from_utf8_lossy(pem)).unwrap();
    }
    text.push('\n');
}
