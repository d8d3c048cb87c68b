//! What all kinds are read with.

use std::collections::HashMap;

use weir_cluster::{EndpointOptions, Status};

use super::index::Index;
use super::report::Problem;
use super::{Objects, Settings};
use crate::objects::InferencePool;

/// What all kinds are read with.
pub(super) struct Context<'a> {
    pub(super) settings: &'a Settings,
    pub(super) index: Index<'a>,
    pub(super) pools: HashMap<(&'a str, &'a str), &'a InferencePool>,
    /// The pools whose servers are known: what rewrite rules lead to.
    pub(super) pooled: HashMap<(&'a str, &'a str), Pooled>,
    pub(super) problems: Vec<Problem>,
}

/// The servers of a pool, and whether they can be called.
#[derive(Clone)]
pub(super) struct Pooled {
    pub(super) status: Status,
    /// Its model's name for callers.
    pub(super) model: String,
    /// Its model's name on the servers.
    pub(super) served_as: String,
    pub(super) endpoints: Vec<EndpointOptions>,
}

impl<'a> Context<'a> {
    pub(super) fn of(objects: &'a Objects, settings: &'a Settings) -> Self {
        let named = |pool: &'a InferencePool| ((&*pool.metadata.namespace, &*pool.metadata.name), pool);
        Self {
            settings,
            index: Index::of(objects),
            pools: objects.pools.iter().map(|pool| named(pool)).collect(),
            pooled: HashMap::new(),
            problems: Vec::new(),
        }
    }
}
