//! The samples of KServe, of the inference extension and of llm-d: every object of a kind that is watched can be read.

use std::path::Path;

use serde_json::Value;

use super::shown::shown;
use super::world::World;

#[test]
fn every_sample_can_be_read_and_means_something() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/kserve/samples");
    if !folder.is_dir() {
        println!("skipped: no samples at {}", folder.display());
        return;
    }
    let mut world = World::default();
    let mut files = Vec::new();
    find(&folder, &mut files);
    files.sort();
    for file in files {
        for (place, mut document) in documents(&std::fs::read_to_string(&file).unwrap()).into_iter().enumerate() {
            if document["metadata"]["namespace"].is_null() {
                // Some files hold one name twice: they are not meant for one cluster.
                let name = file.file_stem().unwrap().to_string_lossy();
                document["metadata"]["namespace"] = format!("{name}-{place}").into();
            }
            world.add(&document);
        }
    }
    let objects = &world.objects;
    assert!(objects.inference_services.len() >= 4, "{}", objects.inference_services.len());
    assert!(objects.llm_inference_services.len() >= 12, "{}", objects.llm_inference_services.len());
    assert!(objects.graphs.len() >= 4 && objects.objectives.len() >= 5 && !objects.pools.is_empty());
    insta::assert_snapshot!(shown(&world.catalog()));
}

fn find(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

/// The documents of a file that are YAML: templates among the samples are not.
fn documents(text: &str) -> Vec<Value> {
    let documents = text.split("\n---");
    documents.filter_map(|document| serde_saphyr::from_str::<Value>(document).ok()).filter(Value::is_object).collect()
}
