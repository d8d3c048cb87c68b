//! Pods that serve a language model, and `InferencePool`s that belong to no `LLMInferenceService`.

use std::net::IpAddr;
use std::sync::Arc;

use weir_cluster::{EndpointOptions, Role, Status, Trust, Watched};
use weir_core::Origin;

use super::claims::Claims;
use super::context::{Context, Pooled};
use super::draft::{Class, Draft, Release, seniority};
use super::endpoints::is_a_servers;
use super::llm::SPOKEN;
use super::report::{Fault, Problem, source};
use crate::objects::{InferencePool, Pod, Resource};

/// How pods are called.
pub(super) struct Called<'a> {
    /// The ports on which each serves.
    pub(super) ports: &'a [u16],
    /// Whether they speak HTTP/2 without TLS.
    pub(super) h2c: bool,
    /// Whom to trust for their certificates.
    pub(super) authority: Option<&'a Arc<[u8]>>,
    /// The name that their certificates have.
    pub(super) server_name: Option<String>,
    /// How many requests each gets at once.
    pub(super) max_in_flight: usize,
}

/// What pods are to callers.
#[derive(Default)]
pub(super) struct Pods<'a> {
    pub(super) endpoints: Vec<EndpointOptions>,
    /// The names that all servers that are called know their model by, where their command lines say so.
    known: Option<Vec<&'a str>>,
    /// Whether one is on its way up.
    pub(super) starting: bool,
    /// Whether one serves TLS, and nobody is trusted for it.
    pub(super) unvouched: bool,
}

impl<'a> Pods<'a> {
    pub(super) fn read(pods: &[&'a Pod], called: &Called<'_>) -> Self {
        let mut read = Self::default();
        for pod in pods {
            read.add(pod, called);
        }
        read.endpoints.sort_by(|a, b| a.origin.cmp(&b.origin));
        // An address that went from one pod to the next while the first still ends.
        read.endpoints.dedup_by(|later, first| {
            let same = later.origin == first.origin;
            first.draining &= !same || later.draining;
            same
        });
        read
    }

    fn add(&mut self, pod: &'a Pod, called: &Called<'_>) {
        if pod.has_ended() {
            return;
        }
        let ending = pod.metadata.is_ending();
        let address = pod.status.pod_ip.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
        let address = address.filter(|address| is_a_servers(*address));
        let (true, Some(address)) = (pod.is_ready(), address) else {
            self.starting |= !ending;
            return;
        };
        let role = role(pod);
        if role == Role::Whole {
            self.learn(pod);
        }
        for port in called.ports {
            let tls = pod.container_with(*port).is_some_and(|container| container.serves_tls());
            let mut options = EndpointOptions::new(Origin::at(address, *port, tls), "/v1");
            options.watched = Watched::Elsewhere;
            options.max_in_flight = called.max_in_flight;
            options.h2c = called.h2c && !tls;
            options.draining = ending;
            options.role = role;
            match called.authority {
                Some(pem) if tls => {
                    let server_name = called.server_name.clone();
                    options.trust = Trust::Authorities { pem: Arc::clone(pem), server_name };
                }
                _ => self.unvouched |= tls,
            }
            self.endpoints.push(options);
        }
    }

    /// What all know, all must know.
    fn learn(&mut self, pod: &'a Pod) {
        let names = || pod.containers().flat_map(|container| container.served_names());
        match &mut self.known {
            Some(known) => known.retain(|name| names().any(|other| other == *name)),
            None => self.known = Some(names().collect()),
        }
    }

    /// Whether one of them takes calls.
    pub(super) fn is_callable(&self) -> bool {
        self.endpoints.iter().any(|endpoint| !endpoint.draining && endpoint.role == Role::Whole)
    }

    /// The name to call the model by, and all that would do.
    pub(super) fn served_as(&self, model: &str) -> (String, Vec<Box<str>>) {
        let known = self.known.as_deref().unwrap_or_default();
        let name = known.iter().find(|name| **name == model).or(known.first()).copied().unwrap_or(model);
        (name.to_owned(), known.iter().map(|name| (*name).into()).collect())
    }
}

/// A pod's part, by llm-d's label: one that only reads prompts (`prefill`) or images (`encode`) is not called.
fn role(pod: &Pod) -> Role {
    match pod.metadata.labels.get("llm-d.ai/role") {
        Some(role) if !role.contains("decode") && (role.contains("prefill") || role.contains("encode")) => {
            Role::Prefill
        }
        _ => Role::Whole,
    }
}

/// Reads the pools that no `LLMInferenceService` has: those come first.
pub(super) fn read<'a>(pools: &'a [Arc<InferencePool>], context: &mut Context<'a>, claims: &mut Claims) {
    for pool in pools {
        let key = (&*pool.metadata.namespace, &*pool.metadata.name);
        if context.pooled.contains_key(&key) {
            continue;
        }
        if !pool.selects() {
            context.problems.push(Problem::of(&**pool, Fault::SelectsNothing));
            continue;
        }
        let draft = draft(pool, context);
        claims.add(draft, &mut context.problems);
    }
}

fn draft<'a>(pool: &'a InferencePool, context: &mut Context<'a>) -> Draft {
    let metadata = pool.metadata();
    let ports: Vec<u16> = pool.spec.target_ports.iter().map(|port| port.number).filter(|port| *port != 0).collect();
    let called = Called {
        ports: &ports,
        h2c: pool.is_h2c(),
        authority: context.settings.authorities.of(&metadata.object_ref()),
        server_name: None,
        max_in_flight: context.settings.max_in_flight,
    };
    let pods = Pods::read(&context.index.selected(&metadata.namespace, &pool.spec.selector.match_labels), &called);
    if pods.unvouched {
        context.problems.push(Problem::of(pool, Fault::NoAuthority));
    }
    let status = match (pods.is_callable(), pods.starting) {
        (true, _) => Status::Ready,
        (false, true) => Status::Loading,
        (false, false) => Status::NotReady("NoPods".into()),
    };
    let name = metadata.name.to_string();
    let (served_as, knows) = pods.served_as(&name);
    let endpoints = pods.endpoints.clone();
    let pooled = Pooled { status: status.clone(), model: name.clone(), served_as: served_as.clone(), endpoints };
    context.pooled.insert((&metadata.namespace, &metadata.name), pooled);
    Draft {
        class: Class::Llm,
        seniority: seniority(pool),
        source: source(pool),
        namespace: metadata.namespace.clone(),
        also: knows.iter().map(ToString::to_string).collect(),
        name,
        status,
        detail: None,
        protocols: SPOKEN,
        versions: vec![Release { name: String::new(), weight: 1, served_as, knows, endpoints: pods.endpoints }],
        explainers: Vec::new(),
        paths: Vec::new(),
    }
}

impl InferencePool {
    /// Whether it says which pods, and which port: one that does not would be every pod of its namespace.
    pub(super) fn selects(&self) -> bool {
        !self.spec.selector.match_labels.is_empty() && self.spec.target_ports.iter().any(|port| port.number != 0)
    }

    /// Whether its pods speak HTTP/2 without TLS.
    pub(super) fn is_h2c(&self) -> bool {
        &*self.spec.app_protocol == "kubernetes.io/h2c"
    }
}
