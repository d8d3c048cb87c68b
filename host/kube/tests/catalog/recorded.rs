//! What a real API server said: lists, and the state that its watches end in. The recordings are no part of the
//! repository; where they are not there, nothing is tested, and that is said.

use std::path::{Path, PathBuf};

use serde_json::Value;
use weir_kube::objects::{InExtensionGroup, InferenceModelRewrite, LlmInferenceService, Resource};

use super::shown::shown;
use super::world::{World, read};

/// Lists, with the API version of their items, which the items of built-in kinds do not say.
const LISTS: [&str; 10] = [
    "inferenceservices",
    "llminferenceservices-v1alpha2",
    "inferencepools",
    "inferenceobjectives",
    "inferencemodelrewrites",
    "x-inferenceobjectives",
    "x-inferencemodelrewrites",
    "inferencegraphs",
    "pods",
    "endpointslices",
];

#[test]
fn the_lists_of_a_cluster() {
    let Some(folder) = folder("list") else { return };
    insta::assert_snapshot!(shown(&lists(&folder).catalog()));
}

#[test]
fn the_older_version_of_a_kind_means_the_same() {
    let Some(folder) = folder("list") else { return };
    let mut world = lists(&folder);
    let newer = shown(&world.catalog());
    let older = items(&folder.join("llminferenceservices-v1alpha1.response.http"));
    world.objects.llm_inference_services = older.iter().map(read::<LlmInferenceService>).collect();
    assert_eq!(shown(&world.catalog()), newer);
}

#[test]
fn pages_hold_the_same_objects_as_the_whole() {
    let Some(folder) = folder("list") else { return };
    let names = |file: &str| -> Vec<String> {
        let items = items(&folder.join(format!("{file}.response.http")));
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    for kind in ["inferenceservices", "pods"] {
        let pages: Vec<String> = (1..=3).flat_map(|page| names(&format!("{kind}-page{page}"))).collect();
        assert_eq!(pages, names(kind));
    }
}

#[test]
fn every_event_of_every_watch_can_be_read() {
    let mut read_events = 0;
    for folder in ["watch", "watch-list", "gone"].into_iter().filter_map(folder) {
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            let mut world = World::default();
            for line in std::fs::read_to_string(&file).unwrap().lines() {
                let event: Value = serde_json::from_str(line).unwrap();
                if matches!(event["type"].as_str(), Some("ADDED" | "MODIFIED" | "DELETED")) {
                    read_events += usize::from(world.add(&event["object"]));
                }
            }
        }
    }
    if folder("watch").is_some() {
        assert!(read_events > 150, "{read_events}");
    }
}

#[test]
fn a_cluster_after_all_that_was_done_to_it() {
    let Some(folder) = folder("list") else { return };
    let mut world = lists(&folder);
    for (file, kind) in [
        ("inferenceservices", "InferenceService"),
        ("llminferenceservices-v1alpha2", "LLMInferenceService"),
        ("inferencepools", "InferencePool"),
        ("inferencemodelrewrites", "InferenceModelRewrite"),
        ("pods", "Pod"),
        ("endpointslices", "EndpointSlice"),
    ] {
        let folder = super::recorded::folder("watch").unwrap();
        for line in std::fs::read_to_string(folder.join(format!("{file}.events.jsonl"))).unwrap().lines() {
            world.apply(kind, &serde_json::from_str(line).unwrap());
        }
    }
    insta::assert_snapshot!(shown(&world.catalog()));
}

impl World {
    /// What a watch says.
    fn apply(&mut self, kind: &str, event: &Value) {
        let object = &event["object"];
        let (namespace, name) = (&object["metadata"]["namespace"], &object["metadata"]["name"]);
        let change = event["type"].as_str().unwrap();
        if change == "BOOKMARK" {
            return;
        }
        let is = |other: &dyn Fn() -> (Box<str>, Box<str>)| {
            let (a, b) = other();
            namespace == &*a && name == &*b
        };
        macro_rules! forget {
            ($($kind:literal: $objects:ident),+) => {
                match kind {
                    $($kind => self.objects.$objects.retain(|other| {
                        let metadata = other.metadata();
                        !is(&|| (metadata.namespace.clone(), metadata.name.clone()))
                    }),)+
                    other => panic!("{other}"),
                }
            };
        }
        forget!(
            "InferenceService": inference_services,
            "LLMInferenceService": llm_inference_services,
            "InferencePool": pools,
            "InferenceModelRewrite": rewrites,
            "Pod": pods,
            "EndpointSlice": endpoint_slices
        );
        if change != "DELETED" {
            assert!(self.add(object));
        }
    }
}

/// A cluster from its lists.
fn lists(folder: &Path) -> World {
    let mut world = World::default();
    for list in LISTS {
        for mut item in items(&folder.join(format!("{list}.response.http"))) {
            if list == "pods" {
                item["apiVersion"] = "v1".into();
                item["kind"] = "Pod".into();
            } else if list == "endpointslices" {
                item["apiVersion"] = "discovery.k8s.io/v1".into();
                item["kind"] = "EndpointSlice".into();
            }
            assert!(world.add(&item), "{list}: {item}");
        }
    }
    assert!(!world.objects.older_rewrites.is_empty());
    let _: &InExtensionGroup<InferenceModelRewrite> = &world.objects.older_rewrites[0];
    world
}

/// Recordings of one sort.
fn folder(sort: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/kserve/recordings").join(sort);
    if !folder.is_dir() {
        println!("skipped: no recordings at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// The items of a recorded list.
fn items(file: &Path) -> Vec<Value> {
    let answer = std::fs::read(file).unwrap();
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..split]).to_ascii_lowercase();
    let body = &answer[split + 4..];
    let body = if head.contains("transfer-encoding: chunked") { dechunked(body) } else { body.to_vec() };
    let mut list: Value = serde_json::from_slice(&body).unwrap();
    serde_json::from_value(list["items"].take()).unwrap()
}

fn dechunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 4 + length..];
    }
}
