//! Pods and slices, found without looking at all of them.

use std::collections::{HashMap, HashSet};

use super::Objects;
use crate::objects::{EndpointSlice, Labels, Pod};

/// Pods and slices by what they are asked for.
pub(super) struct Index<'a> {
    /// By namespace and service.
    slices: HashMap<&'a str, HashMap<&'a str, Vec<&'a EndpointSlice>>>,
    pods: HashMap<(&'a str, &'a str), &'a Pod>,
    labelled: HashMap<Label<'a>, Vec<&'a Pod>>,
}

/// Namespace, key and value.
type Label<'a> = (&'a str, &'a str, &'a str);

/// The label that has the object's name on the pods of an `LLMInferenceService`.
pub(super) const NAME: &str = "app.kubernetes.io/name";

impl<'a> Index<'a> {
    pub(super) fn of(objects: &'a Objects) -> Self {
        let mut slices: HashMap<_, HashMap<_, Vec<&EndpointSlice>>> = HashMap::new();
        for slice in &objects.endpoint_slices {
            if let Some(service) = slice.service() {
                slices.entry(&*slice.metadata.namespace).or_default().entry(service).or_default().push(slice);
            }
        }
        let named = |pod: &'a Pod| ((&*pod.metadata.namespace, &*pod.metadata.name), pod);
        let pods = objects.pods.iter().map(|pod| named(pod)).collect();
        Self { slices, pods, labelled: labelled(objects) }
    }

    /// The slices of a service; `None` where none is known, not even an empty one.
    pub(super) fn slices(&self, namespace: &str, service: &str) -> Option<&[&'a EndpointSlice]> {
        self.slices.get(namespace)?.get(service).map(Vec::as_slice)
    }

    /// A pod.
    pub(super) fn pod(&self, namespace: &str, name: &str) -> Option<&'a Pod> {
        self.pods.get(&(namespace, name)).copied()
    }

    /// The pods with these labels, in order of their names. Only for selectors of pools and for the name of an
    /// `LLMInferenceService`.
    pub(super) fn selected(&self, namespace: &str, selector: &Labels) -> Vec<&'a Pod> {
        // The label that the fewest have, of those that are indexed.
        let pods = selector.iter().filter_map(|(key, value)| self.labelled.get(&(namespace, key, value)));
        let Some(fewest) = pods.min_by_key(|pods| pods.len()) else { return Vec::new() };
        let mut pods: Vec<_> = fewest.iter().copied().filter(|pod| pod.metadata.labels.include(selector)).collect();
        pods.sort_unstable_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        pods
    }
}

/// The pods by the labels that are asked for, be it that none has them.
fn labelled(objects: &Objects) -> HashMap<Label<'_>, Vec<&Pod>> {
    let pools = objects.pools.iter().flat_map(|pool| {
        let namespace = &*pool.metadata.namespace;
        pool.spec.selector.match_labels.iter().map(move |(key, value)| (namespace, key, value))
    });
    let services = &objects.llm_inference_services;
    let services = services.iter().map(|service| (&*service.metadata.namespace, NAME, &*service.metadata.name));
    let mut labelled: HashMap<Label<'_>, Vec<&Pod>> = pools.chain(services).map(|label| (label, Vec::new())).collect();
    let keys: HashSet<&str> = labelled.keys().map(|(_, key, _)| *key).collect();
    for pod in &objects.pods {
        for (key, value) in pod.metadata.labels.iter().filter(|(key, _)| keys.contains(key)) {
            if let Some(pods) = labelled.get_mut(&(&*pod.metadata.namespace, key, value)) {
                pods.push(pod);
            }
        }
    }
    labelled
}
