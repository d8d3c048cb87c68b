//! The data plane as a whole: made from options, served, reloaded, drained.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use weir_core::header;
use weir_serve::{Body, Dialer, Peer, full};

use crate::admit::{Asked, admit};
use crate::budget::Budget;
use crate::dialers::Dialers;
use crate::directory::{Directory, Entry};
use crate::fleet::Fleet;
use crate::forward::Forwarder;
use crate::hedge::Hedging;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::options::{ClusterOptions, OptionsError};
use crate::pool::Pool;
use crate::roster::Roster;
use crate::snapshot::{ModelState, Snapshot};
use crate::tally::Tally;
use crate::verify::{CallVerifier, Signed};
use crate::{admit, answer, grpc, health, verify};

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Tier two's data plane. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Cluster(Arc<Shared>);

struct Shared {
    options: ClusterOptions,
    verifier: Box<dyn CallVerifier>,
    directory: ArcSwap<Directory>,
    forwarder: Forwarder,
    metrics: Arc<Metrics>,
    draining: AtomicBool,
    roster: Arc<Roster>,
}

impl Cluster {
    /// A data plane that begins to watch its endpoints at once. Needs a Tokio runtime. Its metrics are in `registry`
    /// with the prefix `weir_cluster_`.
    ///
    /// # Errors
    /// [`OptionsError`].
    pub fn new(
        options: ClusterOptions,
        verifier: impl CallVerifier,
        registry: &mut Registry,
    ) -> Result<Self, OptionsError> {
        let dialer = Dialer::new(options.client.clone()).map_err(|e| OptionsError::Client(e.to_string()))?;
        let now = tokio::time::Instant::now().into_std();
        let fleet = Fleet::new(options.health.clone(), options.queue.length, rand::random());
        let forwarder = Forwarder {
            dialers: Dialers::new(dialer),
            pool: Pool::new(fleet, options.queue),
            budget: Mutex::new(Budget::new(options.retry, now)),
            timeouts: options.timeouts,
            retry: options.retry,
            heartbeat: options.heartbeat,
            hedging: options.hedge.clone().map(|rules| Hedging::new(rules, now)),
        };
        let models = options.models.clone();
        let cluster = Self(Arc::new(Shared {
            options,
            verifier: Box::new(verifier),
            directory: ArcSwap::default(),
            forwarder,
            metrics: Arc::new(Metrics::new(registry)),
            draining: AtomicBool::new(false),
            roster: Arc::default(),
        }));
        cluster.reload(&models)?;
        let shared = &cluster.0;
        health::watch(&shared.roster, &shared.forwarder, &shared.options.health);
        Ok(cluster)
    }

    /// What [`weir_serve::serve`] is given.
    pub fn service(&self) -> impl Fn(Request<Body>, Peer) -> Answering + Clone + Send + Sync + 'static {
        let shared = self.0.clone();
        move |request, peer| Box::pin(answer(shared.clone(), request, peer))
    }

    /// Serves these models from now on. Endpoints that stay keep their state, requests in flight end where they are,
    /// those that wait go on waiting. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`OptionsError`], and nothing has changed.
    pub fn reload(&self, models: &[Model]) -> Result<(), OptionsError> {
        self.0.directory.store(Arc::new(self.list(models)?));
        Ok(())
    }

    /// The same, while others are still being looked for: a call of one that is not among these is told to come again,
    /// rather than that there is no such model.
    ///
    /// # Errors
    /// [`OptionsError`], and nothing has changed.
    pub fn reload_in_part(&self, models: &[Model]) -> Result<(), OptionsError> {
        self.0.directory.store(Arc::new(self.list(models)?.in_part()));
        Ok(())
    }

    fn list(&self, models: &[Model]) -> Result<Directory, OptionsError> {
        let shared = &self.0;
        shared.roster.reload(models, &shared.forwarder, &shared.options.health, &shared.metrics)
    }

    /// `/readyz` says no from now on; requests are served as before. The listener's own stop is
    /// [`weir_serve::ShutdownTrigger::drain`].
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// The state of all models and endpoints.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let directory = self.0.directory.load();
        let state = |entry: &Arc<Entry>| self.0.forwarder.pool.look(|fleet, now| ModelState::of(entry, fleet, now));
        // Model by model, so that no request waits for all of them.
        Snapshot { models: directory.entries().iter().map(state).collect() }
    }
}

impl Shared {
    /// What of all this a call over gRPC needs.
    fn grpc<'s>(self: &'s Arc<Self>, directory: &'s Directory) -> grpc::Plane<'s> {
        let (options, forwarder) = (&self.options, &self.forwarder);
        let shared = self.clone();
        let look = Arc::new(move |model: Option<&str>| shared.serving(model));
        grpc::Plane { directory, options, forwarder, look }
    }

    /// Whether calls of a model are taken, or calls at all.
    fn serving(&self, model: Option<&str>) -> grpc::Serving {
        let directory = self.directory.load();
        let takes = match model {
            None => !self.draining.load(Ordering::Relaxed),
            Some(name) => match directory.find(name) {
                Some(entry) => self.forwarder.pool.is_hopeful(entry),
                None if directory.is_in_part() => false,
                None => return grpc::Serving::Unknown,
            },
        };
        if takes { grpc::Serving::Yes } else { grpc::Serving::No }
    }

    /// Whether some server of a model is well.
    fn has_server(&self, model: &Entry) -> bool {
        let state = self.forwarder.pool.look(|fleet, now| ModelState::of(model, fleet, now));
        state.versions.iter().flat_map(|version| &version.endpoints).any(|endpoint| endpoint.standing.is_well())
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Body>, peer: Peer) -> Response<Body> {
    match request.uri().path() {
        "/healthz" => return plain(StatusCode::OK, "ok\n"),
        "/readyz" if shared.draining.load(Ordering::Relaxed) => {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
        }
        "/readyz" => return plain(StatusCode::OK, "ready\n"),
        _ => {}
    }
    let (head, body) = request.into_parts();
    let mut tally = Tally::new(&head, peer, shared.metrics.clone(), shared.options.access_log.clone());
    let (claims, principal, offer) = match verify::signed(&head, shared.verifier.as_ref(), &mut tally) {
        Ok(signed) => signed,
        Err(error) if grpc::is_call(&head) => return grpc::refused(&error, tally),
        Err(error) => return answer::close(answer::refusal(admit::dialect(&head), &error), tally),
    };
    let mut response = serve(shared, Signed { head, body, claims, principal }, tally).await;
    if let Some(offer) = offer {
        response.headers_mut().insert(header::SESSION, offer);
    }
    response
}

async fn serve(shared: Arc<Shared>, signed: Signed, mut tally: Tally) -> Response<Body> {
    let directory = shared.directory.load_full();
    if grpc::is_call(&signed.head) {
        return grpc::answer(shared.grpc(&directory), signed, tally).await;
    }
    let response = match admit(signed, &directory, &shared.options, &mut tally).await {
        Ok(Asked::Call(call)) => return shared.forwarder.forward(*call, tally).await,
        Ok(Asked::Question(question)) => question.answer(&directory, |entry| shared.has_server(entry)),
        Err(refused) => answer::refusal(refused.dialect, &refused.error),
    };
    answer::close(response, tally)
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    response
}
