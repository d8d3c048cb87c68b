//! The control plane as a whole.

use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;
use axum::Router;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use weir_core::UnixMillis;
use weir_core::config::KeyHash;
use weir_fleet::Board;
use weir_serve::{Body, BoxError, Peer};

use crate::books::Books;
use crate::fleet;
use crate::metrics::Metrics;
use crate::options::{Clock, ControlError, ControlOptions};
use crate::routes;
use crate::verify::Verifier;

/// How often leases are looked at, and idle counters forgotten.
const TICK: Duration = Duration::from_secs(1);

/// The control plane: quota and ledger in memory, behind signed calls. Clones are the same one.
#[derive(Clone)]
pub struct ControlPlane {
    state: Arc<State>,
    router: Router,
}

/// What the routes work on.
pub(crate) struct State {
    pub(crate) books: Books,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) admin: ArcSwapOption<KeyHash>,
    pub(crate) registry: Mutex<Registry>,
    pub(crate) board: ArcSwapOption<Board>,
    pub(crate) waiting: Semaphore,
    pub(crate) draining: AtomicBool,
    clock: Clock,
}

impl State {
    pub(crate) fn now(&self) -> UnixMillis {
        (self.clock)()
    }
}

impl ControlPlane {
    /// A control plane by the system's clock, its metrics registered in `registry`. It needs a Tokio runtime: once a
    /// second it ends leases that ran out, as long as it lives.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn start(options: ControlOptions, registry: &mut Registry) -> Result<Self, ControlError> {
        let plane = Self::new(options, registry, Arc::new(system_time))?;
        tokio::spawn(keep_time(Arc::downgrade(&plane.state)));
        Ok(plane)
    }

    /// A control plane by another clock, for tests: leases run out only in [`tick`](Self::tick).
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn new(options: ControlOptions, registry: &mut Registry, clock: Clock) -> Result<Self, ControlError> {
        let ControlOptions { config, name, edges, admin } = options;
        let metrics = Arc::new(Metrics::default());
        metrics.register(registry);
        let verifier = Arc::new(Verifier::new(&name, &edges, metrics.clone())?);
        let state = Arc::new(State {
            books: Books::new(&config.limits, metrics),
            verifier,
            admin: ArcSwapOption::from_pointee(admin),
            registry: Mutex::new(Registry::default()),
            board: ArcSwapOption::empty(),
            waiting: Semaphore::new(fleet::WAITING),
            draining: AtomicBool::new(false),
            clock,
        });
        Ok(Self { router: routes::router(state.clone()), state })
    }

    /// Replaces limits, edges and the console's key. What counts against limits whose definition is unchanged stays.
    /// On an error nothing changes.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn reload(&self, options: ControlOptions) -> Result<(), ControlError> {
        let ControlOptions { config, name, edges, admin } = options;
        self.state.verifier.reload(&name, &edges)?;
        self.state.books.reload(&config.limits);
        self.state.admin.store(admin.map(Arc::new));
        Ok(())
    }

    /// Who may call: for the data plane, too.
    #[must_use]
    pub fn verifier(&self) -> Arc<Verifier> {
        self.state.verifier.clone()
    }

    /// Shows these metrics at `/metrics`: the registry that was given at the start, with whatever else is in it.
    pub fn expose(&self, registry: Registry) {
        *self.state.registry.lock() = registry;
    }

    /// Shows what is served at `/control/v1/fleet`.
    pub fn show(&self, board: Board) {
        self.state.board.store(Some(Arc::new(board)));
    }

    /// What is due from time to time: leases that ran out by now are charged, idle counters forgotten.
    pub fn tick(&self) {
        self.state.books.tick(self.state.now());
    }

    /// Not ready any more, as `/readyz` says from then on; what comes is answered all the same.
    pub fn drain(&self) {
        self.state.draining.store(true, Ordering::Relaxed);
    }

    /// The routes.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The routes, as [`weir_serve::serve`] takes them.
    pub fn service(
        &self,
    ) -> impl Fn(Request<Body>, Peer) -> std::pin::Pin<Box<dyn Future<Output = Response<Body>> + Send>>
    + Clone
    + Send
    + 'static {
        let router = self.router();
        move |request, _peer| {
            let router = router.clone();
            Box::pin(async move {
                let answered: Result<_, Infallible> = router.oneshot(request.map(axum::body::Body::new)).await;
                let Ok(response) = answered;
                response.map(|body| body.map_err(BoxError::from).boxed_unsync())
            })
        }
    }
}

async fn keep_time(state: Weak<State>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(state) = state.upgrade() else {
            return;
        };
        state.books.tick(state.now());
    }
}

fn system_time() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
