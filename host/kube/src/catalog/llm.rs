//! `LLMInferenceService`s: pods, in groups that are one model's versions, with adapters that are models of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_cluster::{EndpointOptions, Protocols, Status};

use super::claims::Claims;
use super::context::{Context, Pooled};
use super::draft::{Class, Draft, Release, distinct, seniority, weight};
use super::index::NAME;
use super::pool::{Called, Pods};
use super::report::{Fault, Problem, source};
use super::state;
use crate::objects::{InferencePool, Labels, LlmInferenceService, ObjectRef, Resource};

/// What KServe's templates have the servers listen on.
const PORT: u16 = 8000;

/// OpenAI's paths, and Anthropic's where the engine has them.
pub(super) const SPOKEN: Protocols = Protocols { openai: true, ..Protocols::NONE };

/// A service and its servers.
struct Member<'a> {
    service: &'a LlmInferenceService,
    model: String,
    pods: Pods<'a>,
    status: Status,
}

/// Which services are one model: those of a group, or of a model's name in a namespace where they have weights.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Group<'a> {
    Named(&'a str, &'a str),
    Weighted(&'a str, String),
    Alone(&'a str, &'a str),
}

/// Reads them all.
pub(super) fn read<'a>(services: &'a [Arc<LlmInferenceService>], context: &mut Context<'a>, claims: &mut Claims) {
    let mut groups: BTreeMap<Group<'a>, Vec<Member<'a>>> = BTreeMap::new();
    for service in services {
        groups.entry(group(service)).or_default().push(member(service, context));
    }
    for (group, mut members) in groups {
        members.sort_by(|a, b| a.service.metadata.seniority().cmp(&b.service.metadata.seniority()));
        if let Group::Named(_, group) = group {
            context.problems.extend(strangers(group, &members));
        }
        for adapter in adapters(&members, context) {
            claims.add(adapter, &mut context.problems);
        }
        claims.add(model(&members), &mut context.problems);
    }
}

fn group(service: &LlmInferenceService) -> Group<'_> {
    let namespace = &*service.metadata.namespace;
    let route = service.spec.router.as_ref().and_then(|router| router.route.as_ref());
    let named = route.and_then(|route| route.group.as_deref()).filter(|group| !group.is_empty());
    match (named, route.and_then(|route| route.weight)) {
        (Some(group), _) => Group::Named(namespace, group),
        (None, Some(_)) => Group::Weighted(namespace, name(service).to_owned()),
        (None, None) => Group::Alone(namespace, &service.metadata.name),
    }
}

/// The name for callers.
fn name(service: &LlmInferenceService) -> &str {
    service.spec.model.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&service.metadata.name)
}

fn member<'a>(service: &'a LlmInferenceService, context: &mut Context<'a>) -> Member<'a> {
    let metadata = service.metadata();
    let pool = pool(service, context);
    let ports: Vec<u16> = match pool {
        Some(pool) => pool.spec.target_ports.iter().map(|port| port.number).filter(|port| *port != 0).collect(),
        None => Vec::new(),
    };
    let ports = if ports.is_empty() { vec![PORT] } else { ports };
    // KServe's labels, where there is no pool.
    let labels = [(NAME, &*metadata.name), ("kserve.io/component", "workload")];
    let own: Labels = labels.into_iter().collect();
    let selector = pool.map_or(&own, |pool| &pool.spec.selector.match_labels);
    let workload = service.status.workloads.as_deref().and_then(|workloads| workloads.service.as_ref());
    let workload = workload.map(|service| service.name.to_string()).filter(|name| !name.is_empty());
    let workload = workload.unwrap_or_else(|| format!("{}-kserve-workload-svc", metadata.name));
    let called = Called {
        ports: &ports,
        h2c: pool.is_some_and(InferencePool::is_h2c),
        authority: context.settings.authorities.of(&metadata.object_ref()),
        // KServe's certificates have the service's name, whichever pods there are.
        server_name: Some(format!("{workload}.{}.svc", metadata.namespace)),
        max_in_flight: context.settings.max_in_flight,
    };
    let pods = Pods::read(&context.index.selected(&metadata.namespace, selector), &called);
    if pods.unvouched {
        context.problems.push(Problem::of(service, Fault::NoAuthority));
    }
    let status = status(service, &pods);
    if let Some(pool) = pool {
        let model = name(service).to_owned();
        let (served_as, _) = pods.served_as(&model);
        let pooled = Pooled { status: status.clone(), model, served_as, endpoints: pods.endpoints.clone() };
        context.pooled.insert((&pool.metadata.namespace, &pool.metadata.name), pooled);
    }
    Member { service, model: name(service).to_owned(), pods, status }
}

/// The pool that has its pods: as its status says, or its owner, or by the name that KServe gives it.
fn pool<'a>(service: &LlmInferenceService, context: &Context<'a>) -> Option<&'a InferencePool> {
    let namespace = &*service.metadata.namespace;
    let found = service.status.router.scheduler.inference_pool.as_ref();
    let wished = service.spec.router.as_ref().and_then(|router| router.scheduler.as_ref());
    let wished = wished.and_then(|scheduler| scheduler.pool.reference.as_ref());
    let own = format!("{}-inference-pool", service.metadata.name);
    // Never another namespace's, whatever the status says.
    let here =
        found.into_iter().chain(wished).filter(|pool| pool.namespace.is_empty() || *pool.namespace == *namespace);
    let names = here.map(|pool| &*pool.name).chain([&*own]);
    let mut pools = names.filter_map(|name| context.pools.get(&(namespace, name)).copied());
    pools.find(|pool| pool.selects())
}

/// What serves goes on serving, whatever the object says; only its owner's stop is stronger.
fn status(service: &LlmInferenceService, pods: &Pods<'_>) -> Status {
    let conditions = &service.status.conditions;
    if state::is_stopped(&service.metadata.annotations, conditions, pods.is_callable()) {
        return Status::Stopped;
    }
    if pods.is_callable() {
        return Status::Ready;
    }
    if service.spec.replicas == Some(0) {
        return Status::AtZero;
    }
    if pods.starting { Status::Loading } else { state::unserved(conditions, None) }
}

/// Members whose model has another name than the group's.
fn strangers(group: &str, members: &[Member<'_>]) -> Vec<Problem> {
    let Some(first) = members.first() else { return Vec::new() };
    let others = members.iter().filter(|member| member.model != first.model);
    let fault = || Fault::OtherModel {
        group: group.chars().take(256).collect(),
        model: first.model.chars().take(256).collect(),
    };
    others.map(|member| Problem::of(member.service, fault())).collect()
}

/// The model of a group; the oldest member names it.
fn model(members: &[Member<'_>]) -> Draft {
    let releases = members.iter().map(|member| release(member, members.len(), &member.model, false)).collect();
    let also = members.iter().skip(1).map(|member| member.model.clone()).collect();
    let detail = members.iter().find_map(|member| state::detail(&member.service.status.conditions, None));
    let path = |member: &Member<'_>| {
        let ObjectRef { namespace, name } = member.service.metadata.object_ref();
        (namespace.into(), name.into())
    };
    let paths = members.iter().map(path).collect();
    draft(Class::Llm, members[0].model.clone(), also, members, releases, detail, paths)
}

/// The adapters of a group.
fn adapters(members: &[Member<'_>], context: &mut Context<'_>) -> Vec<Draft> {
    let mut with: BTreeMap<&str, Vec<&Member<'_>>> = BTreeMap::new();
    for member in members {
        for (place, adapter) in member.service.spec.model.lora.adapters.iter().enumerate() {
            match adapter.name.as_deref().filter(|name| !name.is_empty()) {
                Some(name) if name == member.model => {}
                Some(name) => {
                    let with = with.entry(name).or_default();
                    if !with.iter().any(|other| std::ptr::eq(*other, member)) {
                        with.push(member);
                    }
                }
                None => context.problems.push(Problem::of(member.service, Fault::NamelessAdapter(place + 1))),
            }
        }
    }
    let adapter = |(name, with): (&str, Vec<&Member<'_>>)| {
        let releases = with.iter().map(|member| release(member, with.len(), name, true)).collect();
        let owned: Vec<Member<'_>> = with.into_iter().map(Member::again).collect();
        draft(Class::Adapter, name.to_owned(), Vec::new(), &owned, releases, None, Vec::new())
    };
    with.into_iter().map(adapter).collect()
}

impl<'a> Member<'a> {
    /// The same member, without its servers.
    fn again(&self) -> Self {
        let Self { service, model, status, .. } = self;
        Member { service, model: model.clone(), pods: Pods::default(), status: status.clone() }
    }
}

fn draft(
    class: Class,
    name: String,
    also: Vec<String>,
    members: &[Member<'_>],
    mut releases: Vec<Release>,
    detail: Option<String>,
    paths: Vec<(String, String)>,
) -> Draft {
    let oldest = members[0].service;
    distinct(&mut releases);
    Draft {
        class,
        seniority: seniority(oldest),
        source: source(oldest),
        namespace: oldest.metadata.namespace.clone(),
        name,
        also,
        status: best(members.iter().map(|member| &member.status)),
        detail,
        protocols: SPOKEN,
        versions: releases,
        explainers: Vec::new(),
        paths,
    }
}

/// The state of the member that is closest to being called.
fn best<'a>(states: impl Iterator<Item = &'a Status>) -> Status {
    let rank = |status: &&Status| match status {
        Status::Ready => 0,
        Status::Loading => 1,
        Status::AtZero => 2,
        Status::NotReady(_) => 3,
        Status::Failed(_) => 4,
        Status::Stopped => 5,
    };
    states.min_by_key(rank).cloned().unwrap_or_default()
}

fn release(member: &Member<'_>, of: usize, model: &str, adapter: bool) -> Release {
    let metadata = member.service.metadata();
    let stopped = member.status == Status::Stopped;
    let route = member.service.spec.router.as_ref().and_then(|router| router.route.as_ref());
    let wanted = route.and_then(|route| route.weight).unwrap_or(1);
    // What is alone has all the calls, whatever weight it has.
    let weight = if of == 1 { u32::from(!stopped) } else { weight(if stopped { 0 } else { wanted }) };
    let endpoints: Vec<EndpointOptions> = if stopped { Vec::new() } else { member.pods.endpoints.clone() };
    let (served_as, knows) = if adapter { (model.to_owned(), Vec::new()) } else { member.pods.served_as(model) };
    let name = if of == 1 { String::new() } else { metadata.name.to_string() };
    Release { name, weight, served_as, knows, endpoints }
}
