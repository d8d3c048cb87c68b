//! Replays the corpora of the fuzz targets, so that a commit needs no nightly compiler.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use weir_kube::{catalog, watch};

/// The inputs of a target, by name.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let inputs: Vec<_> =
        files.map(|file| (file.file_name().unwrap().display().to_string(), std::fs::read(file).unwrap())).collect();
    assert!(inputs.len() >= 15, "{} holds only {} inputs", folder.display(), inputs.len());
    inputs
}

#[test]
fn watch_events() {
    for (_, bytes) in inputs("watch_events") {
        // Cut off anywhere, an input is one more.
        for end in 0..=bytes.len() {
            watch::fuzz::fuzz(&bytes[..end]);
        }
    }
}

#[test]
fn kube_objects() {
    let mut models = 0;
    for (name, bytes) in inputs("kube_objects") {
        let catalog = catalog::fuzz::fuzz(&bytes);
        let says = !catalog.models.is_empty() || !catalog.problems.is_empty() || !catalog.objectives.is_empty();
        assert!(says, "{name} means nothing: it tries nothing");
        models += catalog.models.len();
        for end in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
            drop(catalog::fuzz::fuzz(&bytes[..end]));
        }
    }
    assert!(models >= 20, "{models} models");
}
