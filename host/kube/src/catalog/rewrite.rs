//! `InferenceModelRewrite`s and `InferenceObjective`s.
//!
//! A rule for names makes each of them a model on the rule's pool. A rule for all names makes none: a name that
//! nobody knows stays unknown here, where it would be some model on the pool's own gateway.

use std::collections::{BTreeMap, BTreeSet};

use super::Objects;
use super::claims::Claims;
use super::context::{Context, Pooled};
use super::draft::{Class, Draft, Release, distinct, seniority, weight};
use super::llm::SPOKEN;
use super::report::{Fault, Objective, Problem, source};
use crate::objects::{InferenceModelRewrite, InferenceObjective, ObjectRef, Resource, RewriteRule};

/// Reads the rewrites of both groups.
pub(super) fn read<'a>(objects: &'a Objects, context: &mut Context<'a>, claims: &mut Claims) {
    let newer = objects.rewrites.iter().map(|rewrite| &**rewrite);
    let older = objects.older_rewrites.iter().map(|rewrite| &rewrite.0);
    for rewrite in both(newer, older) {
        for draft in drafts(rewrite, context) {
            claims.add(draft, &mut context.problems);
        }
    }
}

/// The objectives of both groups, in order of their names.
pub(super) fn objectives(objects: &Objects) -> Vec<Objective> {
    let newer = objects.objectives.iter().map(|objective| &**objective);
    let older = objects.older_objectives.iter().map(|objective| &objective.0);
    let read = |objective: &InferenceObjective| {
        let object = objective.metadata.object_ref();
        let pool = ObjectRef { namespace: object.namespace.clone(), name: objective.spec.pool_ref.name.clone() };
        Objective { pool, priority: objective.spec.priority, object }
    };
    both(newer, older).map(read).collect()
}

/// Each object once, the newer group's before the older's, in order of their names.
fn both<'a, T: Resource>(
    newer: impl Iterator<Item = &'a T>,
    older: impl Iterator<Item = &'a T>,
) -> impl Iterator<Item = &'a T> {
    let mut all = BTreeMap::new();
    for object in older.chain(newer) {
        all.insert((&object.metadata().namespace, &object.metadata().name), object);
    }
    all.into_values()
}

fn drafts<'a>(rewrite: &'a InferenceModelRewrite, context: &mut Context<'a>) -> Vec<Draft> {
    let metadata = rewrite.metadata();
    let pool = &*rewrite.spec.pool_ref.name;
    let Some(pooled) = context.pooled.get(&(&*metadata.namespace, pool)).cloned() else {
        let fault = Fault::NoPool(pool.chars().take(256).collect());
        context.problems.push(Problem::of(rewrite, fault));
        return Vec::new();
    };
    let mut drafts = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (place, rule) in rewrite.spec.rules.iter().enumerate() {
        let releases = releases(rule, &pooled);
        if releases.is_empty() {
            context.problems.push(Problem::of(rewrite, Fault::NoTarget(place + 1)));
            continue;
        }
        for name in names(rewrite, rule, &mut context.problems) {
            // The first rule that fits holds.
            if seen.insert(name) {
                drafts.push(draft(rewrite, name, &pooled, releases.clone()));
            }
        }
    }
    drafts
}

/// The names that a rule holds for.
fn names<'a>(rewrite: &InferenceModelRewrite, rule: &'a RewriteRule, problems: &mut Vec<Problem>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for matched in &rule.matches {
        match matched.model.kind.as_deref() {
            None | Some("Exact") => names.push(&*matched.model.value),
            Some(other) => {
                let fault = Fault::UnknownMatch(other.chars().take(64).collect::<String>().escape_debug().to_string());
                problems.push(Problem::of(rewrite, fault));
            }
        }
    }
    names
}

/// A version for each target.
fn releases(rule: &RewriteRule, pooled: &Pooled) -> Vec<Release> {
    let targets = rule.targets.iter().filter(|target| !target.model_rewrite.is_empty());
    let alone = rule.targets.len() == 1;
    let release = |target: &crate::objects::RewriteTarget| Release {
        name: if alone { String::new() } else { target.model_rewrite.to_string() },
        weight: weight(target.weight.unwrap_or(1)),
        served_as: if *target.model_rewrite == *pooled.model { &*pooled.served_as } else { &*target.model_rewrite }
            .to_owned(),
        knows: Vec::new(),
        endpoints: pooled.endpoints.clone(),
    };
    let mut releases: Vec<Release> = targets.map(release).collect();
    if releases.iter().all(|release| release.weight == 0) {
        releases.clear();
    }
    distinct(&mut releases);
    releases
}

fn draft(rewrite: &InferenceModelRewrite, name: &str, pooled: &Pooled, versions: Vec<Release>) -> Draft {
    Draft {
        class: Class::Rewrite,
        seniority: seniority(rewrite),
        source: source(rewrite),
        namespace: rewrite.metadata.namespace.clone(),
        name: name.to_owned(),
        also: Vec::new(),
        status: pooled.status.clone(),
        detail: None,
        protocols: SPOKEN,
        versions,
        explainers: Vec::new(),
        paths: Vec::new(),
    }
}
