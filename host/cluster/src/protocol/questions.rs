//! What is asked about the cluster, and is answered here: which models there are, whether one is ready, and whether the
//! server is.
//!
//! To the caller the cluster is one server of KServe's protocols. Its answers are those of KServe's own servers
//! (<https://github.com/kserve/open-inference-protocol>), so that KServe's clients understand them.

use std::sync::Arc;

use http::Response;
use serde_json::{Value, json};
use weir_core::{Dialect, Endpoint, Principal, RequestView, listing};
use weir_serve::Body;

use super::named::belongs;
use crate::answer;
use crate::directory::{Directory, Entry};
use crate::model::Status;

/// A question.
pub(crate) struct Question {
    pub(crate) principal: Principal,
    pub(crate) view: RequestView,
    /// The model that it is about, and the caller's name for it.
    pub(crate) model: Option<(String, Arc<Entry>)>,
}

/// Whether a request is one.
pub(crate) fn is_one(endpoint: &Endpoint) -> bool {
    endpoint.is_about_the_server() || matches!(endpoint, Endpoint::Model(_) | Endpoint::ModelReady)
}

impl Question {
    /// The answer. `has_server` says whether a server of a model is well.
    pub(crate) fn answer(self, directory: &Directory, has_server: impl Fn(&Entry) -> bool) -> Response<Body> {
        let Self { principal, view, model } = self;
        let ready = |entry: &Entry| entry.status == Status::Ready && has_server(entry);
        let names = || -> Vec<&str> {
            let service = view.service.as_ref();
            let of_service = |entry: &&Arc<Entry>| service.is_none_or(|service| belongs(entry, service));
            let named = directory.entries().iter().filter(of_service).flat_map(|entry| entry.names());
            named.filter(|name| principal.allows(name)).collect()
        };
        let told = match (&view.endpoint, &model) {
            (Endpoint::ModelReady, Some((name, entry))) if ready(entry) => json!({"name": name, "ready": true}),
            (Endpoint::ModelReady, Some((_, entry))) => return answer::not_ready(view.dialect, &entry.status),
            (_, Some((name, entry))) => described(name, view.dialect, ready(entry)),
            (Endpoint::Alive, None) => json!({"status": "alive"}),
            (Endpoint::ServerLive, None) => json!({"live": true}),
            (Endpoint::ServerReady, None) => json!({"ready": true}),
            (Endpoint::ServerMetadata, None) => metadata(),
            (Endpoint::ModelNames, None) => json!({"models": names()}),
            (Endpoint::RepositoryIndex, None) => index(directory, &names(), ready),
            _ => match listing::list(&names(), view.dialect, &view.query) {
                Ok(list) => list,
                Err(refused) => return answer::refusal(view.dialect, &refused),
            },
        };
        answer::json(told.to_string())
    }
}

/// One model. OpenAI's description has KServe V1's word about its readiness beside it.
fn described(name: &str, dialect: Dialect, ready: bool) -> Value {
    let mut model = listing::model(name, dialect);
    if dialect != Dialect::AnthropicMessages {
        model["name"] = name.into();
        model["ready"] = ready.into();
    }
    model
}

/// What the server is. The extensions are those that pass through it to a model's servers.
fn metadata() -> Value {
    let extensions = ["binary_tensor_data", "model_repository"];
    json!({"name": "weir", "version": env!("CARGO_PKG_VERSION"), "extensions": extensions})
}

/// Triton's index: each model, its state, and the reason where it is not ready.
fn index(directory: &Directory, names: &[&str], ready: impl Fn(&Entry) -> bool) -> Value {
    let of = |name: &&str| {
        let entry = directory.find(name)?;
        let (state, reason) = match (&entry.status, ready(entry)) {
            (_, true) => ("READY", ""),
            (Status::Loading, _) => ("LOADING", ""),
            (status, _) => ("UNAVAILABLE", status.text().unwrap_or(status.word())),
        };
        Some(json!({"name": name, "version": "", "state": state, "reason": reason}))
    };
    names.iter().filter_map(of).collect()
}
