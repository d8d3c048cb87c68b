//! What came out, for the SDKs to read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weir_core::Dialect;

/// Translated answers or streams, by the client's dialect.
pub(crate) struct Report {
    what: &'static str,
    lines: BTreeMap<&'static str, Vec<Value>>,
}

impl Report {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, lines: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, client: Dialect, name: &str, body: &str) {
        self.lines.entry(client.name()).or_default().push(json!({"name": name, "body": body}));
    }

    /// Writes `target/report/translated/<what>-<dialect>.jsonl`.
    pub(crate) fn write(self) {
        if self.lines.is_empty() {
            return;
        }
        let folder = folder();
        fs::create_dir_all(&folder).unwrap();
        for (dialect, lines) in self.lines {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            fs::write(folder.join(format!("{}-{dialect}.jsonl", self.what)), text).unwrap();
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/report/translated")
}
