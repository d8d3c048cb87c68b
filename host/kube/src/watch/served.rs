//! Which versions of which kinds the API server has.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;
use tokio::time::Instant;

use super::Kind;
use super::address::group_version;
use super::failure::{Failure, FailureKind};
use super::server::Server;

/// The API server's discovery documents, each kept for a while: many scopes ask for the same.
pub(crate) struct Served {
    server: Server,
    known: Mutex<HashMap<String, Known>>,
}

/// A document, and since when it is known; `None`: it is not there.
type Known = (Instant, Option<Arc<Document>>);

/// What a version of a group has.
#[derive(Deserialize)]
struct Document {
    resources: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: Box<str>,
}

impl Served {
    pub(crate) fn new(server: Server) -> Self {
        Self { server, known: Mutex::default() }
    }

    /// The best version of a kind that is served; `None`: the kind is not installed.
    ///
    /// Where discovery is refused, the first version is taken at its word: the list will tell.
    pub(crate) async fn version(&self, kind: &Kind) -> Result<Option<&'static str>, Failure> {
        let first = kind.versions.first().copied();
        if kind.is_built_in() {
            return Ok(first);
        }
        for version in kind.versions {
            let document = match self.document(group_version(kind.group, version)).await {
                Ok(document) => document,
                Err(failure) if failure.kind == FailureKind::Forbidden => return Ok(first),
                Err(failure) => return Err(failure),
            };
            if document.is_some_and(|document| document.resources.iter().any(|entry| *entry.name == *kind.plural)) {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// Forgets what is known of a kind: the server has just said something else.
    pub(crate) fn forget(&self, kind: &Kind) {
        let mut known = self.known.lock();
        kind.versions.iter().for_each(|version| drop(known.remove(&group_version(kind.group, version))));
    }

    async fn document(&self, path: String) -> Result<Option<Arc<Document>>, Failure> {
        if let Some((since, document)) = self.known.lock().get(&path)
            && since.elapsed() < if document.is_some() { self.server.limits.discovery } else { self.patience() }
        {
            return Ok(document.clone());
        }
        let document = match self.server.get(&path).await {
            Ok(body) => {
                let document = serde_json::from_slice(&body)
                    .map_err(|error| Failure::new(FailureKind::Malformed, format_args!("{path}: {error}")))?;
                Some(Arc::new(document))
            }
            Err(failure) if failure.kind == FailureKind::Absent => None,
            Err(failure) => return Err(failure),
        };
        self.known.lock().insert(path, (Instant::now(), document.clone()));
        Ok(document)
    }

    /// For how long a group counts as absent: shorter than anybody waits for it to come, but long enough that all who
    /// ask at the start share one answer.
    fn patience(&self) -> std::time::Duration {
        self.server.limits.absent_pause.min(self.server.limits.first_pause * 4)
    }
}
