use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::answer::Body;
use crate::api;
use crate::faults::{Interruption, Refusal, Verb};
use crate::history::{History, Key};
use crate::kinds::{KINDS, Kind};
use crate::request::Asked;
use crate::schema::{Schemas, SchemasMissing};

/// The server. A clone is the same one.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    state: Mutex<State>,
    /// Tells open watches that something has changed.
    pub(crate) changed: tokio::sync::watch::Sender<u64>,
    /// Tells open watches what to do wrong; the plural, and what.
    pub(crate) interruptions: broadcast::Sender<(String, Interruption)>,
}

pub(crate) struct State {
    /// The resource version of the last change.
    pub(crate) version: u64,
    pub(crate) histories: BTreeMap<&'static str, BTreeMap<&'static str, History>>,
    pub(crate) tokens: BTreeSet<String>,
    refusals: Vec<Refusal>,
    pub(crate) asked: Vec<Asked>,
    schemas: Option<Arc<Schemas>>,
    uids: u64,
}

/// Why an object was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Its kind is not known.
    #[error("no kind `{kind}` in `{api_version}` is known")]
    Kind {
        /// `kind`.
        kind: String,
        /// `apiVersion`.
        api_version: String,
    },
    /// It has no name.
    #[error("an object needs metadata.name and metadata.namespace")]
    Name,
    /// It does not fit the schema of its definition.
    #[error("{kind} `{name}` does not fit its schema: {}", .faults.join("; "))]
    Schema {
        /// `kind`.
        kind: String,
        /// Its name.
        name: String,
        /// Where, and why.
        faults: Vec<String>,
    },
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new()
    }
}

impl ApiServer {
    /// A server that has all kinds and no objects, knows the token `controller-token`, and checks objects against no
    /// schema.
    #[must_use]
    pub fn new() -> Self {
        let mut histories: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for kind in KINDS {
            let history = History::of(kind);
            histories.entry(kind.group).or_default().insert(kind.plural, history);
        }
        let state = State {
            version: 100,
            histories,
            tokens: ["controller-token", "admin-token"].map(String::from).into(),
            refusals: Vec::new(),
            asked: Vec::new(),
            schemas: None,
            uids: 0,
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: tokio::sync::watch::Sender::new(0),
            interruptions: broadcast::Sender::new(1024),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The same, which checks each object against the custom resource definitions in a folder, as strictly as the API
    /// server does with `fieldValidation=Strict`.
    ///
    /// # Errors
    /// [`SchemasMissing`] when there are none.
    pub fn with_schemas(folder: &std::path::Path) -> Result<Self, SchemasMissing> {
        let server = Self::new();
        server.state().schemas = Some(Arc::new(Schemas::of(folder)?));
        Ok(server)
    }

    /// Creates an object or puts another in its place; gives its resource version.
    ///
    /// # Errors
    /// [`Invalid`] when its kind is not known, it has no name, or does not fit the schema.
    pub fn put(&self, mut object: Value) -> Result<u64, Invalid> {
        let (kind, _) = kind_of(&object)?;
        let key = key_of(&object)?;
        let schemas = self.state().schemas.clone();
        if let Some(schemas) = schemas {
            schemas.check(kind, &object)?;
        }
        let mut state = self.state();
        state.version += 1;
        state.uids += 1;
        let (version, uid) = (state.version, state.uids);
        let history = state.history_mut(kind);
        let before = history.get(&key);
        let kept = |field: &str| before.map(|before| before["metadata"][field].clone());
        let uid = kept("uid").unwrap_or_else(|| format!("00000000-0000-4000-8000-{uid:012x}").into());
        let created = kept("creationTimestamp").unwrap_or_else(|| "2026-11-22T17:51:27Z".into());
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = version.to_string().into();
        metadata["uid"] = uid;
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] = created;
        }
        history.change(version, key, Some(object));
        self.ring(state);
        Ok(version)
    }

    /// Removes an object; whether it was there.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) -> bool {
        let key = (namespace.to_owned(), name.to_owned());
        let mut state = self.state();
        let next = state.version + 1;
        let mut found = false;
        for history in state.named(plural) {
            if history.get(&key).is_some() {
                history.change(next, key.clone(), None);
                found = true;
            }
        }
        state.version += u64::from(found);
        self.ring(state);
        found
    }

    /// Removes all objects of a namespace, one after the other.
    pub fn delete_namespace(&self, namespace: &str) {
        let mut state = self.state();
        let mut version = state.version;
        for history in state.histories.values_mut().flat_map(BTreeMap::values_mut) {
            let keys: Vec<Key> = history.keys().filter(|key| key.0 == namespace).cloned().collect();
            for key in keys {
                version += 1;
                history.change(version, key, None);
            }
        }
        state.version = version;
        self.ring(state);
    }

    /// The names of the objects of a kind, as `namespace/name`, with their resource versions.
    #[must_use]
    pub fn objects(&self, group: &str, plural: &str) -> Vec<(String, String)> {
        let state = self.state();
        let Some(history) = state.histories.get(group).and_then(|group| group.get(plural)) else { return Vec::new() };
        let version = |key: &Key| history.get(key).and_then(|object| object["metadata"]["resourceVersion"].as_str());
        history
            .keys()
            .map(|key| (format!("{}/{}", key.0, key.1), version(key).unwrap_or_default().to_owned()))
            .collect()
    }

    /// Serves a kind in these versions only; none: as if its definition were not there. Its objects go with it.
    pub fn serve(&self, plural: &str, versions: &[&'static str]) {
        let mut state = self.state();
        let mut version = state.version;
        for history in state.named(plural) {
            history.served = versions.to_vec();
            let keys: Vec<Key> = if versions.is_empty() { history.keys().cloned().collect() } else { Vec::new() };
            for key in keys {
                version += 1;
                history.change(version, key, None);
            }
        }
        state.version = version;
        self.ring(state);
    }

    /// Forgets what has happened: older resource versions are too old from now on.
    pub fn compact(&self) {
        let mut state = self.state();
        let version = state.version;
        state.histories.values_mut().flat_map(BTreeMap::values_mut).for_each(|history| history.compact(version));
    }

    /// Knows only these tokens from now on.
    pub fn tokens<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) {
        self.state().tokens = tokens.into_iter().map(str::to_owned).collect();
    }

    /// Gives a wrong answer to some requests.
    pub fn refuse(&self, refusal: Refusal) {
        self.state().refusals.push(refusal);
    }

    /// Takes back all wrong answers that were not given yet.
    pub fn relent(&self) {
        self.state().refusals.clear();
    }

    /// Does something to the watches of a kind that are open; `*`: of every kind.
    pub fn interrupt(&self, plural: &str, interruption: Interruption) {
        // Nobody watches: nothing to interrupt.
        let _ = self.shared.interruptions.send((plural.to_owned(), interruption));
    }

    /// What was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// How many watches are open just now.
    #[must_use]
    pub fn watches(&self) -> usize {
        self.shared.interruptions.receiver_count()
    }

    /// The server as a service within the process.
    #[must_use]
    pub fn service(&self) -> Service {
        Service { server: self.clone() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    /// The wrong answer that is to be given to this request, if any.
    pub(crate) fn refusal(&self, plural: Option<&str>, verb: Verb) -> Option<Refusal> {
        let mut state = self.state();
        let at = state.refusals.iter_mut().position(|refusal| refusal.is_for(plural, verb) && refusal.is_due())?;
        let refusal = state.refusals[at].clone();
        if state.refusals[at].take() {
            state.refusals.remove(at);
        }
        Some(refusal)
    }

    /// Wakes the watches.
    fn ring(&self, state: MutexGuard<'_, State>) {
        let version = state.version;
        drop(state);
        self.shared.changed.send_replace(version);
    }
}

impl State {
    pub(crate) fn history(&self, kind: &Kind) -> &History {
        &self.histories[kind.group][kind.plural]
    }

    fn history_mut(&mut self, kind: &Kind) -> &mut History {
        self.histories.entry(kind.group).or_default().entry(kind.plural).or_default()
    }

    fn named(&mut self, plural: &str) -> impl Iterator<Item = &mut History> {
        self.histories.values_mut().filter_map(move |group| group.get_mut(plural))
    }
}

/// An [`ApiServer`] that is asked within the process.
#[derive(Clone)]
pub struct Service {
    server: ApiServer,
}

impl<B> tower::Service<Request<B>> for Service
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: std::fmt::Display + Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.server.clone();
        Box::pin(async move { Ok(api::answer(&server, request).await) })
    }
}

/// The kind of an object, and the version in which it is written.
pub(crate) fn kind_of(object: &Value) -> Result<(&'static Kind, &'static str), Invalid> {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (name, api_version) = (text("kind"), text("apiVersion"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let found = KINDS.iter().find(|kind| kind.group == group && kind.kind == name);
    found
        .and_then(|kind| Some((kind, *kind.versions.iter().find(|known| **known == version)?)))
        .ok_or_else(|| Invalid::Kind { kind: name.clone(), api_version: api_version.clone() })
}

fn key_of(object: &Value) -> Result<Key, Invalid> {
    let text = |field: &str| object["metadata"][field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text("namespace").zip(text("name")).ok_or(Invalid::Name)
}
