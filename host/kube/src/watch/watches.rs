//! All that is watched, started together and seen together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::changes::{Bell, Changes};
use super::connect::Kube;
use super::scope::Scope;
use super::served::Served;
use super::server::Server;
use super::status::{Progress, WatchStatus};
use super::{Kind, Store, WatchLimits};
use crate::objects::Resource;

/// Where to watch, and within which limits.
#[derive(Clone, Debug, Default)]
pub struct WatchesOptions {
    /// The namespaces; none: all of them. With a list, rights in each of them are enough.
    pub namespaces: Vec<String>,
    /// How long things may take.
    pub limits: WatchLimits,
}

/// Whether the picture can be complete without a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It has to be readable; that it is not installed is fine.
    Required,
    /// It may be forbidden, too.
    Welcome,
}

/// What is watched. It ends when this is dropped; the stores stay as they are.
pub struct Watches {
    server: Server,
    served: Arc<Served>,
    namespaces: Vec<String>,
    bell: Bell,
    settled: Settled,
    scopes: Vec<(Arc<Progress>, Count)>,
    tasks: JoinSet<()>,
}

type Count = Box<dyn Fn(Option<&str>) -> usize + Send + Sync>;

impl Watches {
    /// Watches nothing yet.
    #[must_use]
    pub fn new(kube: &Kube, options: WatchesOptions) -> Self {
        let server = Server::new(kube, Arc::new(options.limits));
        let bell = Bell::new();
        let mut namespaces = options.namespaces;
        namespaces.sort_unstable();
        namespaces.dedup();
        Self {
            served: Arc::new(Served::new(server.clone())),
            server,
            namespaces,
            settled: Settled { open: Arc::default(), bell: bell.clone() },
            bell,
            scopes: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Watches a kind, in each namespace; only objects that the label selector selects. Has to be called within a Tokio
    /// runtime.
    pub fn add<T: Resource>(&mut self, need: Need, selector: Option<&str>) -> Store<T> {
        let kind = Kind { group: T::GROUP, versions: T::VERSIONS, plural: T::PLURAL };
        let store = Store::new(self.bell.clone());
        let namespaces = match &*self.namespaces {
            [] => vec![None],
            some => some.iter().cloned().map(Some).collect(),
        };
        for namespace in namespaces {
            let progress = Arc::new(Progress::new(kind, namespace, need == Need::Required));
            self.settled.open.fetch_add(1, Ordering::Release);
            let scope = Scope {
                server: self.server.clone(),
                served: Arc::clone(&self.served),
                store: store.clone(),
                selector: selector.map(str::to_owned),
                progress: Arc::clone(&progress),
                settled: self.settled.clone(),
            };
            self.tasks.spawn(scope.run());
            let counted = store.clone();
            self.scopes.push((progress, Box::new(move |namespace| counted.count(namespace))));
        }
        store
    }

    /// Tells of changes in any of the stores, once the picture is complete.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.bell.listen(self.server.limits.gather, Arc::clone(&self.settled.open))
    }

    /// Whether each kind was listed, or cannot be: until then stores may be empty that should not.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.settled.open.load(Ordering::Acquire) == 0
    }

    /// How old the picture is: how long ago the API server was last heard by the watch that has waited longest.
    /// It sends something at least each minute.
    #[must_use]
    pub fn age(&self) -> Duration {
        let now = Instant::now();
        self.scopes.iter().filter_map(|(progress, _)| progress.age(now)).max().unwrap_or_default()
    }

    /// How each watch is doing.
    #[must_use]
    pub fn status(&self) -> Vec<WatchStatus> {
        let now = Instant::now();
        self.scopes.iter().map(|(progress, count)| progress.status(count(progress.namespace()), now)).collect()
    }
}

/// Counts the scopes of which nothing is known yet.
#[derive(Clone)]
pub(crate) struct Settled {
    open: Arc<AtomicUsize>,
    bell: Bell,
}

impl Settled {
    /// Enough is known of this one.
    pub(crate) fn settle(&self, progress: &Progress) {
        if progress.settle() {
            self.open.fetch_sub(1, Ordering::AcqRel);
            self.bell.ring();
        }
    }
}
