//! How a watch is doing, for people and metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use super::Kind;
use super::failure::{Failure, FailureKind};

/// How one watch is doing: of one kind, in one namespace or in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WatchStatus {
    /// The kind, such as `inferenceservices.serving.kserve.io`.
    pub resource: String,
    /// The version in which it is read, once that is known.
    pub version: Option<&'static str>,
    /// The namespace; none: all.
    pub namespace: Option<String>,
    /// What it is doing.
    pub state: WatchState,
    /// Objects that are known.
    pub objects: usize,
    /// How long ago the API server was last heard, in milliseconds; since the start, if never.
    pub age_ms: u64,
    /// How long ago the last event came, in milliseconds.
    pub last_event_ms: Option<u64>,
    /// Events that have come, without bookmarks.
    pub events: u64,
    /// Watches that were opened after the first.
    pub reconnects: u64,
    /// Lists that were read after the first.
    pub relists: u64,
    /// Objects and events that could not be read and were skipped.
    pub skipped: u64,
    /// Failures, by kind.
    pub failures: BTreeMap<FailureKind, u64>,
    /// What went wrong last, while it is not well again.
    pub problem: Option<String>,
}

/// What a watch is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchState {
    /// It asks which version there is, and lists.
    #[default]
    Listing,
    /// It is up to date.
    Watching,
    /// It waits until it tries again.
    Waiting,
    /// The kind is not installed.
    Absent,
}

/// What is noted while a scope works.
pub(crate) struct Progress {
    kind: Kind,
    namespace: Option<String>,
    required: bool,
    notes: Mutex<Notes>,
}

struct Notes {
    version: Option<&'static str>,
    state: WatchState,
    heard: Instant,
    event: Option<Instant>,
    events: u64,
    watches: u64,
    lists: u64,
    skipped: u64,
    failures: BTreeMap<FailureKind, u64>,
    problem: Option<Failure>,
    settled: bool,
}

impl Progress {
    pub(crate) fn new(kind: Kind, namespace: Option<String>, required: bool) -> Self {
        let notes = Notes {
            version: None,
            state: WatchState::Listing,
            heard: Instant::now(),
            event: None,
            events: 0,
            watches: 0,
            lists: 0,
            skipped: 0,
            failures: BTreeMap::new(),
            problem: None,
            settled: false,
        };
        Self { kind, namespace, required, notes: Mutex::new(notes) }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    /// The server was heard.
    pub(crate) fn heard(&self) {
        self.notes.lock().heard = Instant::now();
    }

    pub(crate) fn event(&self) {
        let mut notes = self.notes.lock();
        notes.events += 1;
        notes.event = Some(Instant::now());
    }

    pub(crate) fn skipped(&self) {
        self.notes.lock().skipped += 1;
    }

    pub(crate) fn listing(&self, version: Option<&'static str>) {
        let mut notes = self.notes.lock();
        notes.state = WatchState::Listing;
        notes.version = version;
    }

    pub(crate) fn listed(&self) {
        let mut notes = self.notes.lock();
        notes.lists += 1;
        notes.heard = Instant::now();
    }

    /// A watch is open; gives what was wrong before.
    pub(crate) fn watching(&self) -> Option<Failure> {
        let mut notes = self.notes.lock();
        notes.watches += 1;
        notes.state = WatchState::Watching;
        notes.heard = Instant::now();
        notes.problem.take()
    }

    /// Something went wrong; gives what was wrong before. That a kind is absent is news of a server that is well.
    pub(crate) fn failed(&self, failure: &Failure) -> Option<Failure> {
        let mut notes = self.notes.lock();
        *notes.failures.entry(failure.kind).or_default() += 1;
        notes.state = WatchState::Waiting;
        if failure.kind == FailureKind::Absent {
            notes.state = WatchState::Absent;
            notes.heard = Instant::now();
        }
        notes.problem.replace(failure.clone())
    }

    /// Enough is known: the kind was listed, or cannot be. `true` the first time.
    pub(crate) fn settle(&self) -> bool {
        !std::mem::replace(&mut self.notes.lock().settled, true)
    }

    /// How long ago the server was heard, where that says how old the picture is: not of a kind that is merely welcome
    /// and was never there.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        let notes = self.notes.lock();
        (self.required || notes.lists > 0).then(|| now.saturating_duration_since(notes.heard))
    }

    pub(crate) fn status(&self, objects: usize, now: Instant) -> WatchStatus {
        let notes = self.notes.lock();
        let ago = |then| u64::try_from(now.saturating_duration_since(then).as_millis()).unwrap_or(u64::MAX);
        WatchStatus {
            resource: self.kind.to_string(),
            version: notes.version,
            namespace: self.namespace.clone(),
            state: notes.state,
            objects,
            age_ms: ago(notes.heard),
            last_event_ms: notes.event.map(ago),
            events: notes.events,
            reconnects: notes.watches.saturating_sub(1),
            relists: notes.lists.saturating_sub(1),
            skipped: notes.skipped,
            failures: notes.failures.clone(),
            problem: notes.problem.as_ref().map(ToString::to_string),
        }
    }
}
