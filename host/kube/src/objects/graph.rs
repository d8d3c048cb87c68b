//! `InferenceGraph` (`serving.kserve.io/v1alpha1`).

use serde::Deserialize;

use super::lenient::{lenient, lenient_structs};
use super::{Conditions, Metadata, resource};

/// Several models behind a router of KServe's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct InferenceGraph {
    /// Its name and what all objects have.
    pub metadata: Metadata,
    /// What its owner wants.
    #[serde(default, deserialize_with = "lenient")]
    pub spec: GraphSpec,
    /// What there is.
    #[serde(default, deserialize_with = "lenient")]
    pub status: GraphStatus,
}

resource!(InferenceGraph, "serving.kserve.io", ["v1alpha1"], "inferencegraphs", "InferenceGraph");

/// What the owner of an `InferenceGraph` wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GraphSpec {
    /// How many replicas of the router there are at least; 0: it may sleep.
    #[serde(deserialize_with = "lenient")]
    pub min_replicas: Option<i32>,
}

/// What there is of an `InferenceGraph`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GraphStatus {
    /// What its controller says of its state.
    #[serde(deserialize_with = "lenient")]
    pub conditions: Conditions,
    /// Where it is called.
    #[serde(deserialize_with = "lenient")]
    pub url: Box<str>,
    /// How it is deployed.
    #[serde(deserialize_with = "lenient")]
    pub deployment_mode: Box<str>,
}

lenient_structs!(GraphSpec, GraphStatus);
