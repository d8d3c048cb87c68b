use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One exchange with a real API server, as it was on the wire.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its name, such as `watch/pods`.
    pub name: String,
    /// The path that was asked for, with the query.
    pub path: String,
    /// The answer: status line, headers and body, with its framing.
    pub bytes: Vec<u8>,
    /// The lengths of the body's chunks, where it is a watch.
    pub chunks: Vec<usize>,
    /// Whether the connection was closed before the body was whole.
    pub broken: bool,
    /// When it began, in seconds of the recording.
    pub began: f64,
    /// How long it took, in seconds.
    pub took: f64,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    path: String,
    end: String,
    #[serde(default)]
    started_at_s: f64,
    seconds: f64,
    #[serde(default)]
    chunks_ms_len: Vec<(f64, usize)>,
}

/// The folder of the recordings, beside the workspace: `None` where there is none, and tests that need it are skipped.
#[must_use]
pub fn recordings() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = workspace.join("../shared/kserve/recordings");
    folder.join("index.json").is_file().then_some(folder)
}

impl Recorded {
    /// Reads an exchange.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn read(folder: &Path, name: &str) -> io::Result<Self> {
        let index: Vec<Entry> = serde_json::from_slice(&std::fs::read(folder.join("index.json"))?)?;
        let entry = index
            .into_iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no recording `{name}`")))?;
        Ok(Self {
            bytes: std::fs::read(folder.join(format!("{name}.response.http")))?,
            name: entry.name,
            path: entry.path,
            chunks: entry.chunks_ms_len.iter().map(|(_, length)| *length).collect(),
            broken: entry.end != "server-complete",
            began: entry.started_at_s,
            took: entry.seconds,
        })
    }

    /// The path without the query.
    #[must_use]
    pub fn route(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The objects of a list that is not compressed, by name, with their resource versions.
    #[must_use]
    pub fn items(&self) -> BTreeMap<String, String> {
        let text = |item: &Value, field: &str| item["metadata"][field].as_str().unwrap_or_default().to_owned();
        self.objects().iter().map(|item| (text(item, "name"), text(item, "resourceVersion"))).collect()
    }

    /// The objects of a list that is not compressed.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let list: Value = serde_json::from_slice(&self.body()).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// The body, without its framing.
    fn body(&self) -> Vec<u8> {
        let end = self.bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
        let (head, mut rest) = self.bytes.split_at(end);
        if !String::from_utf8_lossy(head).to_ascii_lowercase().contains("transfer-encoding: chunked") {
            return rest.to_vec();
        }
        let mut body = Vec::new();
        while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
            let size = std::str::from_utf8(&rest[..at]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
            let Some(chunk) = size.filter(|size| *size > 0).and_then(|size| rest.get(at + 2..at + 2 + size)) else {
                break;
            };
            body.extend_from_slice(chunk);
            rest = rest.get(at + 4 + chunk.len()..).unwrap_or_default();
        }
        body
    }

    /// Whether it is a watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.path.contains("watch=true") || self.path.contains("watch=1")
    }
}
