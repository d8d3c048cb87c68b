//! The edge: requests in, responses out.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{Method, Request, Response, StatusCode};
use tokio::sync::oneshot;
use wasmtime::Engine;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use weir_compose::{Part, compose};
use weir_serve::{AccessLog, Body, Drained, Listener, Peer, ServeLimits, Shutdown};

use crate::cache::Cache;
use crate::call::Call;
use crate::error::{EdgeError, Failure};
use crate::live::Live;
use crate::options::{Chain, EdgeConfig, EdgeOptions};
use crate::outbound::{Clients, Destinations};
use crate::record::Visit;
use crate::response::{Asked, from_failure, from_guest};
use crate::settings::Settings;
use crate::state::{Ingredients, InstanceState, linker};
use crate::stderr::GuestLog;
use crate::worker::{End, Head, Job, Pool, QueueFull};
use crate::{EdgeLimits, EdgeStats, engine, request};

/// How long a request waits before one more instance is made for it, though there are enough: a guest may be computing.
const NUDGE: Duration = Duration::from_millis(3);

/// Tier one on the embedded runtime. Cheap to clone; clones are the same edge.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    engine: Engine,
    service: ServicePre<InstanceState>,
    pool: ArcSwap<Pool>,
    /// Instances of all generations.
    instances: Arc<AtomicUsize>,
    clients: Arc<Clients>,
    limits: Arc<EdgeLimits>,
    serve: ServeLimits,
    stats: Arc<EdgeStats>,
    live: Arc<Live>,
    log: AccessLog,
    guest_log: Arc<GuestLog>,
    draining: AtomicBool,
}

/// Where a request came from.
#[derive(Clone, Copy, Default)]
struct From {
    peer: Option<IpAddr>,
    tls: bool,
}

impl Edge {
    /// Composes and compiles the chain, and makes everything ready. Takes seconds of computing where the chain is not in
    /// the cache: no thread that others wait for should call it.
    ///
    /// # Errors
    /// [`EdgeError`], which says what of the options is at fault.
    pub fn new(options: EdgeOptions) -> Result<Self, EdgeError> {
        let limits = Arc::new(options.limits);
        let stats = Arc::new(EdgeStats::default());
        let engine = engine::build(&limits)?;
        let cache = options.cache.as_deref().map(Cache::open).unwrap_or_default();
        let component = cache.compile(&engine, &read_chain(options.chain)?, &stats)?;
        let service = linker(&engine)
            .and_then(|linker| linker.instantiate_pre(&component))
            .and_then(ServicePre::new)
            .map_err(EdgeError::Link)?;
        engine::start_clock(&engine, limits.tick()).map_err(|error| EdgeError::Engine(error.into()))?;

        let clients = Arc::new(Clients::new(options.client));
        let instances = Arc::new(AtomicUsize::new(0));
        let guest_log = Arc::new(GuestLog::new(stats.clone()));
        let ingredients = ingredients(options.config, &clients, &limits, &stats, &guest_log)?;
        let pool = Pool::new(engine.clone(), service.clone(), ingredients, instances.clone());
        Ok(Self(Arc::new(Inner {
            engine,
            service,
            pool: ArcSwap::new(pool),
            instances,
            clients,
            limits,
            serve: options.serve,
            stats,
            live: Arc::default(),
            log: options.access_log,
            guest_log,
            draining: AtomicBool::new(false),
        })))
    }

    /// Serves the listener until `shutdown` is over.
    ///
    /// When the stop begins, `/readyz` answers 503. When its grace is over, the calls that guests still make are
    /// failed, so that each can end its stream with an error event before the listener cuts what is left.
    pub async fn serve(
        &self,
        listener: Listener,
        tls: Option<Arc<rustls::ServerConfig>>,
        shutdown: Shutdown,
    ) -> Drained {
        let stopping = tokio::spawn(self.clone().stop_with(shutdown.clone()));
        let edge = self.clone();
        let service = move |request: Request<Body>, peer: Peer| {
            let edge = edge.clone();
            async move { edge.answer(request, From { peer: Some(peer.addr.ip()), tls: peer.tls }).await }
        };
        let drained = weir_serve::serve(listener, tls, service, self.0.serve.clone(), shutdown).await;
        stopping.abort();
        drained
    }

    /// Answers one request, without a listener. Dropping the future, or the response's body before its end, is how a
    /// client leaves.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        self.answer(request, From::default()).await
    }

    /// What the edge has counted.
    #[must_use]
    pub fn stats(&self) -> &EdgeStats {
        self.0.stats.queued.store(self.0.pool.load().queued() as u64, Ordering::Relaxed);
        &self.0.stats
    }

    /// Takes a new configuration: requests from now on are served by new instances that know it. Requests under way
    /// are finished by the old ones, which then end. None is dropped.
    ///
    /// # Errors
    /// [`EdgeError::Client`]; then the old configuration stays.
    pub fn reload(&self, config: EdgeConfig) -> Result<(), EdgeError> {
        let Inner { engine, service, instances, clients, limits, stats, guest_log, .. } = &*self.0;
        let ingredients = ingredients(config, clients, limits, stats, guest_log)?;
        let pool = Pool::new(engine.clone(), service.clone(), ingredients, instances.clone());
        self.0.pool.swap(pool).retire();
        Ok(())
    }

    async fn stop_with(self, shutdown: Shutdown) {
        shutdown.draining().await;
        self.0.draining.store(true, Ordering::Release);
        shutdown.expired().await;
        let stopped = self.0.live.stop();
        tracing::info!(stopped, "the grace is over: streams that are left end with an error");
    }

    async fn answer(&self, request: Request<Body>, from: From) -> Response<Body> {
        if let Some(health) = self.health(&request) {
            return health;
        }
        let inner = &*self.0;
        let asked = Asked::of(&request);
        let visit = Visit::begin(&request, from.peer, inner.stats.clone(), inner.live.clone(), inner.log.clone());
        match self.dispatch(request, from, visit.call.clone()).await {
            Ok(head) => from_guest(head, asked, visit),
            Err(failure) => from_failure(&failure, inner.limits.retry_after, visit),
        }
    }

    /// The answer to a health check, if it is one.
    fn health(&self, request: &Request<Body>) -> Option<Response<Body>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let healthy = match request.uri().path() {
            "/healthz" => true,
            "/readyz" => !self.0.draining.load(Ordering::Acquire),
            _ => return None,
        };
        let (status, text) =
            if healthy { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "draining\n") };
        let mut response = Response::new(weir_serve::full(text));
        *response.status_mut() = status;
        Some(response)
    }

    /// Gives the request to an instance, and waits for the head of the response.
    async fn dispatch(&self, mut request: Request<Body>, from: From, call: Arc<Call>) -> Result<Head, Failure> {
        let limits = &self.0.limits;
        *request.uri_mut() = request::absolute(request.uri(), request.headers(), from.tls);
        let (reply, mut answer) = oneshot::channel();
        let pool = self.0.pool.load_full();
        let job = Job { request, call: call.clone(), reply };
        pool.submit(job).map_err(|QueueFull| Failure::Overloaded)?;

        let mut wait = std::pin::pin!(tokio::time::sleep(NUDGE));
        let mut nudged = false;
        loop {
            tokio::select! {
                biased;
                // What a guest makes of a body that the host cut short is not for the client.
                answered = &mut answer => return match answered {
                    Ok(_) if call.is_over_budget() => Err(Failure::BodyBudget),
                    Ok(answered) => answered,
                    Err(_) => Err(how_it_ended(&call).await),
                },
                () = call.over_budget() => return Err(Failure::BodyBudget),
                () = &mut wait, if call.instance().is_none() => {
                    if nudged && call.instance().is_none() {
                        return Err(Failure::Overloaded);
                    }
                    nudged = true;
                    pool.nudge();
                    wait.as_mut().reset(tokio::time::Instant::now() + limits.queue_timeout);
                }
            }
        }
    }
}

/// Why no answer came from the instance that took the call.
async fn how_it_ended(call: &Call) -> Failure {
    let Some(instance) = call.instance() else { return Failure::Trapped };
    // An instance drops its requests right before it is known why it ended.
    match instance.end().await {
        End::CpuDeadline => Failure::CpuDeadline,
        // Where its worker ended well but did not answer, that is no fault of the guest's that has a name.
        End::Trapped | End::Clean => Failure::Trapped,
    }
}

fn ingredients(
    config: EdgeConfig,
    clients: &Arc<Clients>,
    limits: &Arc<EdgeLimits>,
    stats: &Arc<EdgeStats>,
    log: &Arc<GuestLog>,
) -> Result<Ingredients, EdgeError> {
    Ok(Ingredients {
        settings: Settings { config: config.config.into(), secrets: config.secrets },
        destinations: Arc::new(Destinations::new(&config.destinations, clients.clone())?),
        stats: stats.clone(),
        limits: limits.clone(),
        log: log.clone(),
    })
}

/// The bytes of the chain, composed.
fn read_chain(chain: Chain) -> Result<Vec<u8>, EdgeError> {
    let read = |path: std::path::PathBuf| match std::fs::read(&path) {
        Ok(bytes) => Ok((path, bytes)),
        Err(source) => Err(EdgeError::Read { path, source }),
    };
    match chain {
        Chain::Bytes(bytes) => Ok(bytes),
        Chain::Parts(chain) => Ok(chain.compose()?.bytes),
        Chain::Composed(path) => read(path).map(|(_, bytes)| bytes),
        Chain::Files(paths) => {
            let parts = paths
                .into_iter()
                .map(|path| read(path).map(|(path, bytes)| Part::new(path.display().to_string(), bytes)))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(compose(&parts)?)
        }
    }
}
