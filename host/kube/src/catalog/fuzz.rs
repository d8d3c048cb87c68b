//! What the fuzz target `kube_objects` asserts; a stable test replays its corpus through the same function.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::endpoints::is_a_servers;
use super::name::check;
use super::{Catalog, Objects, Settings};
use crate::objects::{InExtensionGroup, ObjectRef, Resource};

/// More are not read.
const MOST: usize = 64;

/// Reads an object from each line, and makes the catalog of all of them. Gives it, for tests of its own.
///
/// # Panics
/// When two models have one name or a name is none, when a server is where no server may be, or when the order of the
/// objects changes the catalog.
#[must_use]
pub fn fuzz(bytes: &[u8]) -> Catalog {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').take(MOST).collect();
    let mut objects = Objects {
        inference_services: read(&lines),
        llm_inference_services: read(&lines),
        pools: read(&lines),
        objectives: read(&lines),
        older_objectives: read::<InExtensionGroup<_>>(&lines),
        rewrites: read(&lines),
        older_rewrites: read::<InExtensionGroup<_>>(&lines),
        graphs: read(&lines),
        pods: read(&lines),
        endpoint_slices: read(&lines),
    };
    let settings = Settings::default();
    let catalog = Catalog::of(&objects, &settings);
    check_names(&catalog);
    check_servers(&catalog);
    reverse(&mut objects);
    let again = Catalog::of(&objects, &settings);
    assert!(catalog.models == again.models, "the order of objects changes the models");
    assert_eq!(catalog.objectives, again.objectives);
    assert_eq!(catalog.collisions, again.collisions);
    assert_eq!(catalog.problems, again.problems);
    catalog
}

/// What says which kind it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kinded<'a> {
    #[serde(borrow)]
    api_version: &'a str,
    #[serde(borrow)]
    kind: &'a str,
}

/// The objects of a kind that can be read, each name once: the last counts.
fn read<T: Resource>(lines: &[&[u8]]) -> Vec<Arc<T>> {
    let mut objects: BTreeMap<ObjectRef, Arc<T>> = BTreeMap::new();
    for line in lines {
        let kinded = serde_json::from_slice::<Kinded<'_>>(line);
        let is_one = |kinded: &Kinded<'_>| {
            let (group, version) = kinded.api_version.split_once('/').unwrap_or(("", kinded.api_version));
            (kinded.kind, group) == (T::KIND, T::GROUP) && T::VERSIONS.contains(&version)
        };
        if kinded.is_ok_and(|kinded| is_one(&kinded))
            && let Ok(object) = serde_json::from_slice::<T>(line)
        {
            assert!(!object.metadata().name.is_empty(), "an object without a name");
            objects.insert(object.metadata().object_ref(), Arc::new(object));
        }
    }
    objects.into_values().collect()
}

fn check_names(catalog: &Catalog) {
    let mut seen = HashSet::new();
    for name in catalog.models.iter().flat_map(|model| [&model.name].into_iter().chain(&model.aliases)) {
        assert!(seen.insert(name), "`{name}` stands for two models");
        // Under `publishers/` stand names that were checked, after their namespaces.
        assert!(name.starts_with("publishers/") || check(name, "") == Ok(()), "`{name}` is no name");
    }
    assert!(catalog.models.is_sorted_by(|a, b| a.name < b.name));
}

fn check_servers(catalog: &Catalog) {
    for endpoint in catalog.models.iter().flat_map(|model| model.endpoints().chain(&model.explainers)) {
        let host = endpoint.origin.host().trim_start_matches('[').trim_end_matches(']');
        assert!(host.parse().map_or(!host.is_empty(), is_a_servers), "a server at {}", endpoint.origin);
        assert!(endpoint.max_in_flight > 0, "no room at {}", endpoint.origin);
    }
}

fn reverse(objects: &mut Objects) {
    let Objects {
        inference_services,
        llm_inference_services,
        pools,
        objectives,
        older_objectives,
        rewrites,
        older_rewrites,
        graphs,
        pods,
        endpoint_slices,
    } = objects;
    inference_services.reverse();
    llm_inference_services.reverse();
    pools.reverse();
    objectives.reverse();
    older_objectives.reverse();
    rewrites.reverse();
    older_rewrites.reverse();
    graphs.reverse();
    pods.reverse();
    endpoint_slices.reverse();
}
