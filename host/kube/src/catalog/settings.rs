//! What is not said by the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::objects::ObjectRef;

/// What is not said by the objects.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many requests a server gets at once; 256.
    pub max_in_flight: usize,
    /// The domain of the cluster's own names; `cluster.local`.
    pub cluster_domain: String,
    /// Whom to trust for the certificates of the cluster's servers.
    pub authorities: Authorities,
    /// The names and aliases in `weir.yaml`, which are stronger than any here.
    pub file_names: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_in_flight: 256,
            cluster_domain: "cluster.local".into(),
            authorities: Authorities::default(),
            file_names: BTreeSet::new(),
        }
    }
}

/// Whom to trust for the certificates of `LLMInferenceService`s and pools: a bundle from a file or a `ConfigMap`, as the
/// cluster's own service authority has it, or one for each object.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    /// For all that have none of their own, as PEM.
    pub all: Option<Arc<[u8]>>,
    /// For single objects, as PEM.
    pub single: BTreeMap<ObjectRef, Arc<[u8]>>,
}

impl Authorities {
    /// Those of an object.
    #[must_use]
    pub fn of(&self, object: &ObjectRef) -> Option<&Arc<[u8]>> {
        self.single.get(object).or(self.all.as_ref())
    }
}
