//! What became of a fleet, in lines: for logs, and for output that is not a terminal.

use std::collections::BTreeMap;

use weir_cluster::{EndpointState, ModelState};

use crate::document::{self, Collision, Fleet, Problem, Watch};
use crate::text::{clock, count, line, source};

/// What is different in `new`, a line each, with the time at which it was seen. Figures that always move are left out.
#[must_use]
pub fn changes(old: &Fleet, new: &Fleet) -> Vec<String> {
    let mut lines = Vec::new();
    models(old, new, &mut lines);
    watches(old, new, &mut lines);
    listed("collision", &old.collisions, &new.collisions, collided, &mut lines);
    listed("problem", &old.problems, &new.problems, told, &mut lines);
    let time = clock(new.taken_at);
    lines.into_iter().map(|line| format!("{time}  {line}")).collect()
}

fn models(old: &Fleet, new: &Fleet, lines: &mut Vec<String>) {
    let before = by(&old.models, |model| model.name.as_str());
    let after = by(&new.models, |model| model.name.as_str());
    for (name, model) in &after {
        match before.get(name) {
            None => lines.push(format!("{}: new, from {}, {}", line(name), source(&model.source), status(model))),
            Some(was) => model_changes(was, model, lines),
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        lines.push(format!("{}: gone", line(name)));
    }
}

fn model_changes(old: &ModelState, new: &ModelState, lines: &mut Vec<String>) {
    let name = line(&new.name);
    if old.source != new.source {
        lines.push(format!("{name}: from {} now, before from {}", source(&new.source), source(&old.source)));
    }
    if (&old.status, &old.text) != (&new.status, &new.text) {
        lines.push(format!("{name}: {}", status(new)));
    }
    if old.aliases != new.aliases {
        let names = new.aliases.iter().map(|alias| line(alias)).collect::<Vec<_>>().join(", ");
        lines.push(format!("{name}: also {}", if names.is_empty() { "nothing else" } else { &names }));
    }
    let weights = |model: &ModelState| {
        let of = |version: &weir_cluster::VersionState| format!("{} {}", line(&version.name), version.weight);
        model.versions.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    if weights(old) != weights(new) {
        lines.push(format!("{name}: weights {}", weights(new)));
    }
    endpoints(&name, old, new, lines);
}

fn endpoints(model: &str, old: &ModelState, new: &ModelState, lines: &mut Vec<String>) {
    let (before, after) = (by_name(old), by_name(new));
    for (name, endpoint) in &after {
        let word = endpoint.standing.word();
        match before.get(name) {
            None => lines.push(format!("{model}: {} added, {word}", line(name))),
            Some(was) if was.standing.word() != word => {
                lines.push(format!("{model}: {} {word}, was {}", line(name), was.standing.word()));
            }
            Some(_) => {}
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        lines.push(format!("{model}: {} removed", line(name)));
    }
}

fn by_name(model: &ModelState) -> BTreeMap<&str, &EndpointState> {
    document::endpoints(model).map(|endpoint| (endpoint.name.as_str(), endpoint)).collect()
}

fn watches(old: &Fleet, new: &Fleet, lines: &mut Vec<String>) {
    let key = |watch: &Watch| (watch.resource.clone(), watch.namespace.clone());
    let of = |fleet: &Fleet| -> BTreeMap<_, Watch> {
        fleet.discovery.iter().flat_map(|d| &d.watches).map(|watch| (key(watch), watch.clone())).collect()
    };
    let before = of(old);
    for (key, watch) in of(new) {
        let Some(was) = before.get(&key) else { continue };
        let place = key.1.map(|namespace| format!(" in {}", line(&namespace))).unwrap_or_default();
        if (&was.state, &was.problem) != (&watch.state, &watch.problem) {
            let why = watch.problem.as_deref().map(|problem| format!(": {}", line(problem))).unwrap_or_default();
            lines.push(format!("watch of {}{place}: {}{why}", line(&key.0), line(&watch.state)));
        } else if was.objects != watch.objects {
            lines.push(format!("watch of {}{place}: {}", line(&key.0), count(watch.objects, "object")));
        }
    }
}

/// What has come on a list, and what is over.
fn listed<T: PartialEq>(what: &str, old: &[T], new: &[T], told: fn(&T) -> String, lines: &mut Vec<String>) {
    let come = new.iter().filter(|it| !old.contains(it)).map(|it| format!("{what}: {}", told(it)));
    let over = old.iter().filter(|it| !new.contains(it)).map(|it| format!("{what} over: {}", told(it)));
    lines.extend(come.chain(over));
}

fn status(model: &ModelState) -> String {
    let word = model.status.replace('-', " ");
    match &model.text {
        Some(text) => format!("{word}: {}", line(text)),
        None => word,
    }
}

fn collided(it: &Collision) -> String {
    format!("{} is {}, not {}", line(&it.name), source(&it.kept_by), source(&it.lost_by))
}

fn told(problem: &Problem) -> String {
    format!("{}: {}", source(&problem.source), line(&problem.text))
}

fn by<T>(list: &[T], key: impl Fn(&T) -> &str) -> BTreeMap<&str, &T> {
    list.iter().map(|it| (key(it), it)).collect()
}
