//! A model before it has its names.

use weir_cluster::{EndpointOptions, Model, Protocols, Source, Status, Version};

use crate::objects::Resource;

/// A model that an object means, and the names that it wants.
pub(super) struct Draft {
    /// How strong its claim to the name is.
    pub(super) class: Class,
    /// The object's age and name: who was there first is stronger.
    pub(super) seniority: (Box<str>, Box<str>, Box<str>),
    /// The object.
    pub(super) source: Source,
    /// Its namespace.
    pub(super) namespace: Box<str>,
    /// The name that it wants.
    pub(super) name: String,
    /// Further names that it wants.
    pub(super) also: Vec<String>,
    /// What it is.
    pub(super) status: Status,
    /// What its owner is told.
    pub(super) detail: Option<String>,
    /// What its servers speak.
    pub(super) protocols: Protocols,
    /// Its versions.
    pub(super) versions: Vec<Release>,
    /// Who explains it.
    pub(super) explainers: Vec<EndpointOptions>,
    /// Whose paths lead to it.
    pub(super) paths: Vec<(String, String)>,
}

/// How strong a claim to a name is; the first is the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// The model of an `LLMInferenceService` or of a pool.
    Llm,
    /// An `InferenceService`, an `InferenceGraph`.
    Service,
    /// An adapter.
    Adapter,
    /// A name that a rule rewrites.
    Rewrite,
}

/// A version of a model.
#[derive(Clone)]
pub(super) struct Release {
    /// Its name.
    pub(super) name: String,
    /// Its share.
    pub(super) weight: u32,
    /// The name by which its servers know the model.
    pub(super) served_as: String,
    /// All names by which they do.
    pub(super) knows: Vec<Box<str>>,
    /// Its servers.
    pub(super) endpoints: Vec<EndpointOptions>,
}

impl Release {
    fn version(self, callers: &[&str]) -> Version {
        let knows = |name: &str| name == self.served_as || self.knows.iter().any(|known| **known == *name);
        // A request need not be written anew where its servers know every name that it can come with.
        let served_as = (!callers.iter().all(|name| knows(name))).then(|| self.served_as.clone());
        Version { name: self.name, weight: self.weight, served_as, endpoints: self.endpoints }
    }
}

impl Draft {
    /// The model, with its names.
    pub(super) fn named(self, name: String, aliases: Vec<String>) -> Model {
        let callers: Vec<&str> = aliases.iter().chain([&name]).map(String::as_str).collect();
        let graph = self.protocols.graph;
        let versions = self.versions.into_iter().map(|release| release.version(&callers));
        let mut versions: Vec<Version> = versions.collect();
        if graph {
            // A graph takes no model's name.
            versions.iter_mut().for_each(|version| version.served_as = None);
        }
        Model {
            name,
            aliases,
            source: self.source,
            status: self.status,
            protocols: self.protocols,
            versions,
            explainers: self.explainers,
            paths: self.paths,
            detail: self.detail,
        }
    }
}

/// A weight as the data plane wants it, from one of a percentage or a share; what is below 0 is 0.
pub(super) fn weight(wanted: i64) -> u32 {
    u32::try_from(wanted.clamp(0, 1_000_000)).unwrap_or_default()
}

/// An object's age and name, to keep.
pub(super) fn seniority<T: Resource>(object: &T) -> (Box<str>, Box<str>, Box<str>) {
    let (created, namespace, name) = object.metadata().seniority();
    (created.into(), namespace.into(), name.into())
}

/// Gives versions that would have one name different ones.
pub(super) fn distinct(releases: &mut [Release]) {
    for place in 1..releases.len() {
        let (before, rest) = releases.split_at_mut(place);
        let release = &mut rest[0];
        if before.iter().any(|other| other.name == release.name) {
            let mut name = format!("{}#{place}", release.name);
            while before.iter().any(|other| other.name == name) {
                name.push('\'');
            }
            release.name = name;
        }
    }
}
