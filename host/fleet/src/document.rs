//! The document.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use weir_cluster::{EndpointState, ModelState, Snapshot, SourceState, Standing};
use weir_core::UnixMillis;

/// The state of all that a tier two serves, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// Counts the changes since the process began; figures that always move (requests in flight, ages, latencies) are
    /// none.
    pub version: u64,
    /// When this was taken.
    pub taken_at: UnixMillis,
    /// The name of this tier two.
    pub host: String,
    /// The models, with their versions and endpoints.
    pub models: Vec<ModelState>,
    /// How models are found in a cluster, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
    /// Names that more than one object wants.
    #[serde(default)]
    pub collisions: Vec<Collision>,
    /// What could not be served as its objects say, and why.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// How the finding of models is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The API server.
    pub server: String,
    /// Whether the first picture is complete.
    pub complete: bool,
    /// How old the picture is, in milliseconds: how long ago the watch that has waited longest last heard the server.
    pub age_ms: u64,
    /// Each watch.
    pub watches: Vec<Watch>,
}

/// How one watch is doing: of one kind of object, in one namespace or in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The kind, such as `inferenceservices.serving.kserve.io`.
    pub resource: String,
    /// The version in which it is read, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The namespace; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `listing`, `watching`, `waiting` (to try again) or `absent` (the kind is not installed).
    pub state: String,
    /// Objects that are known.
    pub objects: usize,
    /// How long ago the API server was last heard, in milliseconds.
    pub age_ms: u64,
    /// How long ago the last event came, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_ms: Option<u64>,
    /// Events that have come.
    #[serde(default)]
    pub events: u64,
    /// Watches that were opened after the first.
    #[serde(default)]
    pub reconnects: u64,
    /// Lists that were read after the first.
    #[serde(default)]
    pub relists: u64,
    /// Objects that could not be read and were skipped.
    #[serde(default)]
    pub skipped: u64,
    /// What is wrong, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A name that more than one object wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collision {
    /// The name.
    pub name: String,
    /// Who has it.
    pub kept_by: SourceState,
    /// Who wanted it, too.
    pub lost_by: SourceState,
    /// The name under which the loser is called instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still: Option<String>,
}

/// What could not be served as an object says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The object.
    pub source: SourceState,
    /// What is wrong with it.
    pub text: String,
}

impl Fleet {
    /// A fleet of these models; nothing is said of how they were found. [`Board`](crate::Board) gives it its version.
    #[must_use]
    pub fn new(host: impl Into<String>, taken_at: UnixMillis, snapshot: Snapshot) -> Self {
        Self {
            version: 0,
            taken_at,
            host: host.into(),
            models: snapshot.models,
            discovery: None,
            collisions: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// What there is of one model, asked for by any of its names: its state, its collisions, the problems of its object.
    #[must_use]
    pub fn only(&self, model: &str) -> Self {
        let named = |state: &ModelState| state.name == model || state.aliases.iter().any(|alias| alias == model);
        let models: Vec<_> = self.models.iter().filter(|state| named(state)).cloned().collect();
        let concerns = |source: &SourceState| models.iter().any(|state| state.source == *source);
        let collisions = self
            .collisions
            .iter()
            .filter(|it| it.name == model || concerns(&it.kept_by) || concerns(&it.lost_by))
            .cloned()
            .collect();
        let problems = self.problems.iter().filter(|problem| concerns(&problem.source)).cloned().collect();
        Self { models, collisions, problems, discovery: self.discovery.clone(), host: self.host.clone(), ..*self }
    }

    /// The endpoints of all models, once for each version under which they stand.
    pub fn endpoints(&self) -> impl Iterator<Item = &EndpointState> {
        self.models.iter().flat_map(endpoints)
    }

    /// A digest of what lasts: the same for two documents that differ in figures which always move.
    pub(crate) fn lasting(&self) -> u64 {
        let mut lasting = self.clone();
        lasting.version = 0;
        lasting.taken_at = UnixMillis(0);
        for model in &mut lasting.models {
            model.waiting = 0;
            model.versions.iter_mut().flat_map(|version| &mut version.endpoints).for_each(still);
        }
        if let Some(discovery) = &mut lasting.discovery {
            discovery.age_ms = 0;
            for watch in &mut discovery.watches {
                *watch = Watch {
                    age_ms: 0,
                    last_event_ms: None,
                    events: 0,
                    reconnects: 0,
                    relists: 0,
                    ..std::mem::take(watch)
                };
            }
        }
        let mut hasher = DefaultHasher::new();
        // What cannot be written cannot be served either; two of them are the same.
        serde_json::to_vec(&lasting).unwrap_or_default().hash(&mut hasher);
        hasher.finish()
    }
}

/// The endpoints of all versions of a model.
pub(crate) fn endpoints(model: &ModelState) -> impl Iterator<Item = &EndpointState> {
    model.versions.iter().flat_map(|version| &version.endpoints)
}

/// Takes away what always moves.
fn still(endpoint: &mut EndpointState) {
    endpoint.in_flight = 0;
    endpoint.latency_ms = None;
    endpoint.failures = 0;
    match &mut endpoint.standing {
        Standing::SlowStart { weight } => *weight = 1.0,
        Standing::Ejected { left_ms } => *left_ms = 0,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Fleet {
        serde_json::from_str(include_str!("../tests/golden/busy.json")).unwrap()
    }

    #[test]
    fn figures_that_always_move_are_no_change() {
        let (one, mut two) = (fleet(), fleet());
        two.taken_at = UnixMillis(7);
        two.models[0].waiting += 3;
        for endpoint in two.models.iter_mut().flat_map(|m| &mut m.versions).flat_map(|v| &mut v.endpoints) {
            endpoint.in_flight += 1;
            endpoint.latency_ms = Some(3.25);
            if let Standing::Ejected { left_ms } = &mut endpoint.standing {
                *left_ms -= 1;
            }
        }
        two.discovery.as_mut().unwrap().age_ms += 1;
        two.discovery.as_mut().unwrap().watches[0].events += 1;
        assert_eq!(one.lasting(), two.lasting());
    }

    #[test]
    fn everything_else_is_one() {
        let base = fleet();
        let changed: [fn(&mut Fleet); 6] = [
            |f| f.models[0].status = "loading".into(),
            |f| f.models[0].versions[0].weight += 1,
            |f| f.models[0].versions[0].endpoints[0].standing = Standing::Down,
            |f| f.collisions.clear(),
            |f| f.problems.clear(),
            |f| f.discovery.as_mut().unwrap().watches[0].state = "waiting".into(),
        ];
        for change in changed {
            let mut other = fleet();
            change(&mut other);
            assert_ne!(base.lasting(), other.lasting(), "{other:?}");
        }
    }

    #[test]
    fn one_model_is_found_by_each_of_its_names() {
        let fleet = fleet();
        for name in ["llama-3-8b", "llama", "publishers/prod/models/llama-3-8b"] {
            let only = fleet.only(name);
            assert_eq!(only.models.len(), 1, "{name}");
            assert_eq!(only.models[0].name, "llama-3-8b");
            assert_eq!(only.collisions.len(), 1);
            assert!(only.problems.is_empty());
        }
        let nothing = fleet.only("gpt-5");
        assert!(nothing.models.is_empty() && nothing.discovery.is_some());
    }

    #[test]
    fn the_document_is_what_its_json_says() {
        let json = serde_json::to_value(fleet()).unwrap();
        assert_eq!(serde_json::from_value::<Fleet>(json.clone()).unwrap(), fleet());
        for key in ["version", "taken_at", "host", "models", "discovery", "collisions", "problems"] {
            assert!(json.get(key).is_some(), "{key}");
        }
    }
}
