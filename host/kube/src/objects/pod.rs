//! `Pod` (`v1`), as far as it serves a model.

use serde::Deserialize;

use super::lenient::{lenient, lenient_structs};
use super::{Conditions, Container, Metadata, State, resource};

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Pod {
    /// Its name and what all objects have.
    pub metadata: Metadata,
    /// What runs in it.
    #[serde(default, deserialize_with = "lenient")]
    pub spec: PodSpec,
    /// How it is.
    #[serde(default, deserialize_with = "lenient")]
    pub status: PodStatus,
}

resource!(Pod, "", ["v1"], "pods", "Pod");

/// What runs in a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    /// Its containers.
    #[serde(deserialize_with = "lenient")]
    pub containers: Box<[Container]>,
    /// The containers that start before: sidecars among them, such as llm-d's, which takes the calls of a decode pod.
    #[serde(deserialize_with = "lenient")]
    pub init_containers: Box<[Container]>,
}

/// How a pod is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    #[serde(deserialize_with = "lenient")]
    pub phase: Box<str>,
    /// What the node says of its state.
    #[serde(deserialize_with = "lenient")]
    pub conditions: Conditions,
    /// Its address.
    #[serde(rename = "podIP", deserialize_with = "lenient")]
    pub pod_ip: Option<Box<str>>,
}

impl Pod {
    /// Whether it is up and its probes are content.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.conditions.state("Ready") == State::True
    }

    /// Whether it ended, well or not: its address may already be another's.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(&*self.status.phase, "Succeeded" | "Failed")
    }

    /// Its containers and the sidecars before them.
    pub fn containers(&self) -> impl Iterator<Item = &Container> {
        self.spec.containers.iter().chain(&self.spec.init_containers)
    }

    /// The container that has a port; the first where none says so.
    #[must_use]
    pub fn container_with(&self, port: u16) -> Option<&Container> {
        let has = |container: &&Container| container.ports.iter().any(|own| own.container_port == port);
        self.containers().find(has).or_else(|| self.spec.containers.first())
    }
}

lenient_structs!(PodSpec, PodStatus);
