//! The state of models and endpoints at one moment, as the control plane shows it: plain values, and JSON.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::directory::Entry;
use crate::endpoint::Endpoint;
use crate::fleet::{EndpointId, View};
use crate::model::{Protocols, Role, Source, Status};
use crate::pool::{State, Tag};

/// The state of all models and their endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The models, in the order in which they were told.
    pub models: Vec<ModelState>,
}

/// The state of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelState {
    /// The name under which it is listed.
    pub name: String,
    /// Its further names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Where it was found.
    pub source: SourceState,
    /// Whether it can be called, in a word: `ready`, `not-ready`, `loading`, `failed`, `stopped`, `at-zero`.
    pub status: String,
    /// What more there is to say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What its servers speak: `openai`, `v1`, `v2`, `grpc`, `graph`.
    pub protocols: Vec<String>,
    /// Requests that wait for room.
    pub waiting: usize,
    /// Its versions.
    pub versions: Vec<VersionState>,
}

/// Where a model was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// `file`, or the kind of an object, such as `InferenceService`.
    pub kind: String,
    /// The object's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The state of a version of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionState {
    /// Its name; empty where there is but one.
    pub name: String,
    /// Its weight, as it was told.
    pub weight: u32,
    /// The share of the model's calls that it gets now, from 0 to 1: its weight among the versions that may be called.
    pub share: f64,
    /// The name by which its servers know the model, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_as: Option<String>,
    /// Its endpoints.
    pub endpoints: Vec<EndpointState>,
}

/// The state of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointState {
    /// Its name, as in metrics and logs: origin and base path, and the host where it is asked for by another one.
    pub name: String,
    /// Its origin.
    pub origin: String,
    /// `whole`, or `prefill`: listed, and never called.
    pub role: String,
    /// Whether it may be called.
    #[serde(flatten)]
    pub standing: Standing,
    /// Requests in flight.
    pub in_flight: usize,
    /// The most it is given.
    pub max_in_flight: usize,
    /// What its answers take lately, to their first byte, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Failed requests in a row.
    pub failures: u32,
}

/// Whether an endpoint may be called.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// It gets its full share.
    Well,
    /// It came back a short while ago, and gets a part of its share.
    SlowStart {
        /// The part, over 0 and up to 1.
        weight: f64,
    },
    /// It gets nothing for a while.
    Ejected {
        /// How much longer, in milliseconds.
        left_ms: u64,
    },
    /// One request is to show whether it is well again.
    HalfOpen,
    /// Health checks find it down.
    Down,
    /// It ends what it has and gets nothing new.
    Draining,
}

impl Standing {
    /// Whether it gets requests as usual, if perhaps fewer.
    #[must_use]
    pub fn is_well(self) -> bool {
        matches!(self, Self::Well | Self::SlowStart { .. })
    }

    /// One word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::SlowStart { .. } => "slow-start",
            Self::Ejected { .. } => "ejected",
            Self::HalfOpen => "half-open",
            Self::Down => "down",
            Self::Draining => "draining",
        }
    }
}

impl Snapshot {
    /// Every endpoint, once for each version under which it stands.
    pub fn endpoints(&self) -> impl Iterator<Item = &EndpointState> {
        self.models.iter().flat_map(|model| &model.versions).flat_map(|version| &version.endpoints)
    }
}

impl ModelState {
    pub(crate) fn of(entry: &Entry, fleet: &State, now: Instant) -> Self {
        let version = |(tag, share, endpoints): (&Arc<Tag>, f64, &[EndpointId])| VersionState {
            name: tag.version.clone(),
            weight: tag.weight,
            share,
            served_as: tag.served_as.clone(),
            endpoints: endpoints.iter().filter_map(|&id| Some(EndpointState::of(&fleet.view(id, now)?))).collect(),
        };
        Self {
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            source: (&entry.source).into(),
            status: entry.status.word().into(),
            text: entry.status.text().map(str::to_owned),
            protocols: entry.protocols.words().map(str::to_owned).collect(),
            waiting: fleet.queue_length(entry.id),
            versions: fleet.shares(entry.id, now).map(version).collect(),
        }
    }
}

impl EndpointState {
    fn of(view: &View<'_, Arc<Endpoint>>) -> Self {
        let options = view.endpoint.options();
        Self {
            name: view.endpoint.name().to_owned(),
            origin: options.origin.to_string(),
            role: options.role.word().into(),
            standing: if options.draining { Standing::Draining } else { view.standing },
            in_flight: view.in_flight,
            max_in_flight: view.cap,
            latency_ms: view.latency.map(|latency| (latency.as_secs_f64() * 1e6).round() / 1e3),
            failures: view.failures,
        }
    }
}

impl From<&Source> for SourceState {
    fn from(source: &Source) -> Self {
        match source {
            Source::File => Self { kind: "file".into(), namespace: None, name: None },
            Source::Object { kind, namespace, name } => {
                Self { kind: (*kind).into(), namespace: Some(namespace.clone()), name: Some(name.clone()) }
            }
        }
    }
}

impl Status {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady(_) => "not-ready",
            Self::Loading => "loading",
            Self::Failed(_) => "failed",
            Self::Stopped => "stopped",
            Self::AtZero => "at-zero",
        }
    }

    /// What more there is to say.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::NotReady(text) | Self::Failed(text) => Some(text).filter(|text| !text.is_empty()).map(String::as_str),
            Self::Ready | Self::Loading | Self::Stopped | Self::AtZero => None,
        }
    }
}

impl Protocols {
    /// A word for each protocol that is spoken.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let all =
            [(self.openai, "openai"), (self.v1, "v1"), (self.v2, "v2"), (self.grpc, "grpc"), (self.graph, "graph")];
        all.into_iter().filter_map(|(spoken, word)| spoken.then_some(word))
    }
}

impl Role {
    /// One word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Prefill => "prefill",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_what_its_json_says() {
        let endpoint = |standing| EndpointState {
            name: "http://10.0.0.1:80/v1".into(),
            origin: "http://10.0.0.1:80".into(),
            role: "whole".into(),
            standing,
            in_flight: 1,
            max_in_flight: 256,
            latency_ms: Some(12.5),
            failures: 2,
        };
        let standings = [
            Standing::Well,
            Standing::SlowStart { weight: 0.5 },
            Standing::Ejected { left_ms: 1500 },
            Standing::HalfOpen,
            Standing::Down,
            Standing::Draining,
        ];
        let version = VersionState {
            name: "canary".into(),
            weight: 10,
            share: 0.1,
            served_as: None,
            endpoints: standings.map(endpoint).to_vec(),
        };
        let source = Source::Object { kind: "InferenceService", namespace: "ns".into(), name: "iris".into() };
        let snapshot = Snapshot {
            models: vec![ModelState {
                name: "iris".into(),
                aliases: vec![],
                source: (&source).into(),
                status: Status::Failed("no such file".into()).word().into(),
                text: Some("no such file".into()),
                protocols: Protocols::ANY.words().map(str::to_owned).collect(),
                waiting: 0,
                versions: vec![version],
            }],
        };
        let json = serde_json::to_value(&snapshot).unwrap();
        let shown = &json["models"][0]["versions"][0]["endpoints"][2];
        assert_eq!((shown["state"].as_str(), shown["left_ms"].as_u64()), (Some("ejected"), Some(1500)));
        assert_eq!(json["models"][0]["status"], "failed");
        assert_eq!(serde_json::from_value::<Snapshot>(json).unwrap(), snapshot);
        for standing in standings {
            assert_eq!(serde_json::to_value(standing).unwrap()["state"], standing.word());
        }
    }
}
