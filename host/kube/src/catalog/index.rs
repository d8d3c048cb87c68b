//! Pods and slices, found without looking at all of them.
//!
//! What has one key stands in order, since it comes in order from where objects are kept, and to see that costs less than
//! to hash it; what is found by any of its labels is hashed, as far as it is asked for.

use std::collections::HashMap;

use super::Objects;
use crate::objects::{EndpointSlice, Labels, Pod};

/// Pods and slices by what they are asked for.
pub(super) struct Index<'a> {
    /// In order of namespace, service and name.
    slices: Vec<(&'a str, &'a str, &'a EndpointSlice)>,
    /// In order of namespace and name.
    pods: Vec<&'a Pod>,
    labelled: HashMap<Label<'a>, Vec<&'a Pod>>,
}

/// Namespace, key and value.
type Label<'a> = (&'a str, &'a str, &'a str);

/// The label that has the object's name on the pods of an `LLMInferenceService`.
pub(super) const NAME: &str = "app.kubernetes.io/name";

impl<'a> Index<'a> {
    pub(super) fn of(objects: &'a Objects) -> Self {
        let slices = objects.endpoint_slices.iter();
        let mut slices: Vec<_> =
            slices.filter_map(|slice| Some((&*slice.metadata.namespace, slice.service()?, &**slice))).collect();
        slices.sort_by_key(|(namespace, service, slice)| (*namespace, *service, &*slice.metadata.name));
        let mut pods: Vec<&Pod> = objects.pods.iter().map(|pod| &**pod).collect();
        pods.sort_by_key(|pod| by_name(pod));
        Self { slices, labelled: labelled(objects, &pods), pods }
    }

    /// The slices of a service; none at all where none is known, not even an empty one.
    pub(super) fn slices(
        &self,
        namespace: &str,
        service: &str,
    ) -> impl ExactSizeIterator<Item = &'a EndpointSlice> + Clone {
        let key = (namespace, service);
        let from = self.slices.partition_point(|(namespace, service, _)| (*namespace, *service) < key);
        let count = self.slices[from..].partition_point(|(namespace, service, _)| (*namespace, *service) == key);
        self.slices[from..from + count].iter().map(|(_, _, slice)| *slice)
    }

    /// A pod.
    pub(super) fn pod(&self, namespace: &str, name: &str) -> Option<&'a Pod> {
        let at = self.pods.binary_search_by(|pod| by_name(pod).cmp(&(namespace, name))).ok()?;
        Some(self.pods[at])
    }

    /// The pods with these labels, in order of their names. Only for selectors of pools and for the name of an
    /// `LLMInferenceService`.
    pub(super) fn selected(&self, namespace: &str, selector: &Labels) -> Vec<&'a Pod> {
        // The label that the fewest have, of those that are indexed.
        let pods = selector.iter().filter_map(|(key, value)| self.labelled.get(&(namespace, key, value)));
        let Some(fewest) = pods.min_by_key(|pods| pods.len()) else { return Vec::new() };
        fewest.iter().copied().filter(|pod| pod.metadata.labels.include(selector)).collect()
    }
}

fn by_name(pod: &Pod) -> (&str, &str) {
    (&pod.metadata.namespace, &pod.metadata.name)
}

/// The pods by the labels that are asked for, be it that none has them; in order of their names.
fn labelled<'a>(objects: &'a Objects, pods: &[&'a Pod]) -> HashMap<Label<'a>, Vec<&'a Pod>> {
    let pools = objects.pools.iter().flat_map(|pool| {
        let namespace = &*pool.metadata.namespace;
        pool.spec.selector.match_labels.iter().map(move |(key, value)| (namespace, key, value))
    });
    let services = &objects.llm_inference_services;
    let services = services.iter().map(|service| (&*service.metadata.namespace, NAME, &*service.metadata.name));
    let mut labelled: HashMap<Label<'_>, Vec<&Pod>> = pools.chain(services).map(|label| (label, Vec::new())).collect();
    // A namespace without pools, and a key that no pool has, are soon passed over.
    let mut wanted: Vec<(&str, &str)> = labelled.keys().map(|(namespace, key, _)| (*namespace, *key)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut keys: &[(&str, &str)] = &[];
    let mut namespace = None;
    for pod in pods {
        let own = &*pod.metadata.namespace;
        if namespace != Some(own) {
            namespace = Some(own);
            let from = wanted.partition_point(|(namespace, _)| *namespace < own);
            let count = wanted[from..].partition_point(|(namespace, _)| *namespace == own);
            keys = &wanted[from..from + count];
        }
        for (_, key) in keys {
            let label = pod.metadata.labels.get(key).map(|value| (own, *key, value));
            if let Some(pods) = label.and_then(|label| labelled.get_mut(&label)) {
                pods.push(pod);
            }
        }
    }
    labelled
}
