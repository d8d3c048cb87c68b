//! `EndpointSlice` (`discovery.k8s.io/v1`): the addresses behind a service, and whether they are ready.

use serde::Deserialize;

use super::lenient::{lenient, lenient_structs};
use super::{Metadata, resource};

/// Some of the addresses behind a service; a service may have several slices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Its name and what all objects have.
    pub metadata: Metadata,
    /// The addresses.
    #[serde(default, deserialize_with = "lenient")]
    pub endpoints: Box<[SliceEndpoint]>,
    /// The ports that each of them has: the pods' own.
    #[serde(default, deserialize_with = "lenient")]
    pub ports: Box<[SlicePort]>,
}

resource!(EndpointSlice, "discovery.k8s.io", ["v1"], "endpointslices", "EndpointSlice");

/// An address behind a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SliceEndpoint {
    /// The address; more than one are the same.
    #[serde(deserialize_with = "lenient")]
    pub addresses: Box<[Box<str>]>,
    /// How it is.
    #[serde(deserialize_with = "lenient")]
    pub conditions: EndpointConditions,
    /// What it is.
    #[serde(deserialize_with = "lenient")]
    pub target_ref: Option<TargetRef>,
}

/// How an address is; what nobody says is as `EndpointSlice`'s documentation wants it read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    #[serde(deserialize_with = "lenient")]
    ready: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    serving: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    terminating: Option<bool>,
}

impl EndpointConditions {
    /// Whether it is to get new calls.
    #[must_use]
    pub fn is_ready(self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// Whether it answers, be it that it is about to end.
    #[must_use]
    pub fn is_serving(self) -> bool {
        self.serving.unwrap_or_else(|| self.is_ready())
    }

    /// Whether it is about to end.
    #[must_use]
    pub fn is_terminating(self) -> bool {
        self.terminating.unwrap_or(false)
    }
}

/// What an address is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    /// Its kind: a `Pod`.
    #[serde(deserialize_with = "lenient")]
    pub kind: Box<str>,
    /// Its name.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
}

/// A port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SlicePort {
    /// Its name in the service.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// Its number on the pod.
    #[serde(deserialize_with = "lenient")]
    pub port: u16,
    /// `TCP`, `UDP`, `SCTP`; empty is TCP.
    #[serde(deserialize_with = "lenient")]
    pub protocol: Box<str>,
    /// What is spoken there, such as `kubernetes.io/h2c` or `https`.
    #[serde(deserialize_with = "lenient")]
    pub app_protocol: Box<str>,
}

impl EndpointSlice {
    /// The service that it belongs to; a slice without one is somebody's own, and belongs to none.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.metadata.labels.get("kubernetes.io/service-name")
    }
}

lenient_structs!(SliceEndpoint, EndpointConditions, TargetRef, SlicePort);
