//! Which names are served: a snapshot that requests read without a lock, and that a reload replaces.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::fleet::{EndpointId, ModelId};
use crate::hedge::Latencies;
use crate::metrics::ModelMetrics;
use crate::model::Model;

/// A model that is served, and its place in the fleet.
pub(crate) struct Entry {
    pub(crate) id: ModelId,
    model: Model,
    /// Its endpoints, of all versions, each once.
    pub(crate) endpoints: Vec<EndpointId>,
    /// What its latest calls took; kept over reloads, as the metrics are.
    pub(crate) latencies: Arc<Latencies>,
    pub(crate) metrics: Arc<ModelMetrics>,
}

/// All models, by each of their names.
#[derive(Default)]
pub(crate) struct Directory {
    by_name: HashMap<String, Arc<Entry>>,
    /// In the order of the configuration.
    entries: Vec<Arc<Entry>>,
    /// Those that explain a model's predictions, by the model's name.
    explainers: HashMap<String, Arc<Entry>>,
    /// Whether there are others, which are still being looked for.
    in_part: bool,
}

impl Entry {
    /// A model that was not known.
    pub(crate) fn new(id: ModelId, model: Model, endpoints: Vec<EndpointId>, metrics: Arc<ModelMetrics>) -> Self {
        Self { id, model, endpoints, latencies: Arc::default(), metrics }
    }

    /// The same model, of which something else is told.
    pub(crate) fn changed(&self, model: Model, endpoints: Vec<EndpointId>) -> Self {
        Self { id: self.id, model, endpoints, latencies: self.latencies.clone(), metrics: self.metrics.clone() }
    }

    /// Its name and its aliases.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.model.name).chain(&self.model.aliases).map(String::as_str)
    }

    /// What was told of it.
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }
}

impl Deref for Entry {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl Directory {
    pub(crate) fn new(entries: Vec<Arc<Entry>>, explainers: HashMap<String, Arc<Entry>>) -> Self {
        let names = |entry: &Arc<Entry>| {
            let all: Vec<String> = entry.names().map(str::to_owned).collect();
            let entry = entry.clone();
            all.into_iter().map(move |name| (name, entry.clone()))
        };
        Self { by_name: entries.iter().flat_map(names).collect(), entries, explainers, in_part: false }
    }

    /// The same, where others are still being looked for.
    pub(crate) fn in_part(self) -> Self {
        Self { in_part: true, ..self }
    }

    /// Whether others are still being looked for: that a name is not here says nothing yet.
    pub(crate) fn is_in_part(&self) -> bool {
        self.in_part
    }

    /// The model of this name or alias.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        self.by_name.get(name)
    }

    /// Who explains a model's predictions, where that is not its own servers.
    pub(crate) fn explainer(&self, model: &Entry) -> Option<&Arc<Entry>> {
        self.explainers.get(&model.name)
    }

    pub(crate) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }
}
