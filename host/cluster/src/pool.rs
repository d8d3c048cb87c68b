//! The fleet as requests use it: a lease on an endpoint that is given back by being dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::balance::{Change, Failure};
use crate::directory::Entry;
use crate::endpoint::Endpoint;
use crate::fleet::{self, EndpointId, Fleet, Grant, ModelId, Take, Ticket, Wake};
use crate::options::Queue;
use crate::pace::Timed;

/// How one that waits is told: a lease, or `None` where the model has no endpoint left that is well.
pub(crate) type Waiter = (ModelId, oneshot::Sender<Option<Lease>>);
pub(crate) type Wakes = fleet::Wakes<Arc<Endpoint>, Arc<Tag>, Waiter>;
pub(crate) type State = Fleet<Arc<Endpoint>, Arc<Tag>, Waiter>;
type Granted = Grant<Arc<Endpoint>, Arc<Tag>>;

/// What a request needs to know of the version for which its endpoint was chosen.
#[derive(Debug)]
pub(crate) struct Tag {
    /// The version's name.
    pub(crate) version: String,
    /// Its weight, as it was told.
    pub(crate) weight: u32,
    /// The name by which its servers know the model, where it is another.
    pub(crate) served_as: Option<String>,
}

/// The endpoints of all models.
pub(crate) struct Pool {
    fleet: Mutex<State>,
    queue: Queue,
}

/// The right to send one request to one endpoint. Dropping it gives the place to the next.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    model: ModelId,
    grant: Granted,
}

/// Why there is no endpoint for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// All have as many requests as they take, and the wait was too long or not possible.
    Saturated,
    /// Those that are well have asked for no request for so long.
    Held(Duration),
    /// None is well.
    Unavailable,
}

impl Pool {
    pub(crate) fn new(fleet: State, queue: Queue) -> Arc<Self> {
        Arc::new(Self { fleet: Mutex::new(fleet), queue })
    }

    /// An endpoint for a first attempt; waits for its turn, until `until` or as long as the queue allows.
    pub(crate) async fn acquire(self: &Arc<Self>, model: &Entry, until: tokio::time::Instant) -> Result<Lease, NoRoom> {
        match self.take(model, &[]) {
            Take::Granted(grant) => return Ok(self.lease(model.id, grant)),
            Take::Held(until) => return Err(NoRoom::Held(until.saturating_duration_since(now()))),
            Take::Unavailable => return Err(NoRoom::Unavailable),
            Take::Busy => {}
        }
        let (sender, told) = oneshot::channel();
        let ticket = self.fleet.lock().wait(model.id, (model.id, sender)).map_err(|_| NoRoom::Saturated)?;
        let place = Place { pool: self, model, ticket };
        model.metrics.queued.inc();
        let until = until.min(tokio::time::Instant::now() + self.queue.wait);
        let waited = tokio::time::timeout_at(until, told).await;
        drop(place);
        match waited {
            Ok(Ok(Some(lease))) => Ok(lease),
            Ok(Ok(None)) => Err(NoRoom::Unavailable),
            Ok(Err(_)) | Err(_) => Err(NoRoom::Saturated),
        }
    }

    /// Whether the model has an endpoint that may be called, now or when it has room.
    pub(crate) fn is_hopeful(&self, model: &Entry) -> bool {
        self.fleet.lock().is_served(model.id, now())
    }

    /// Another endpoint for a further attempt, if one has room now.
    pub(crate) fn another(self: &Arc<Self>, model: &Entry, avoid: &[EndpointId]) -> Option<Lease> {
        match self.take(model, avoid) {
            Take::Granted(grant) => Some(self.lease(model.id, grant)),
            Take::Busy | Take::Held(_) | Take::Unavailable => None,
        }
    }

    /// A health check was answered, rightly or not.
    pub(crate) fn checked(self: &Arc<Self>, id: EndpointId, endpoint: &Endpoint, ok: bool) {
        let (change, wakes) = self.fleet.lock().checked(id, ok, now());
        note(change, endpoint, if ok { "up" } else { "down" });
        match change {
            Change::Recovered => endpoint.metrics.found(true),
            Change::Ejected => endpoint.metrics.found(false),
            Change::None => {}
        }
        self.deliver(wakes);
    }

    /// Works on the fleet, and tells those who need to know.
    pub(crate) fn change<T>(self: &Arc<Self>, work: impl FnOnce(&mut State, Instant) -> (T, Wakes)) -> T {
        let (value, wakes) = work(&mut self.fleet.lock(), now());
        self.deliver(wakes);
        value
    }

    /// Looks at the fleet.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State, Instant) -> T) -> T {
        look(&self.fleet.lock(), now())
    }

    pub(crate) fn retry_after(&self) -> Duration {
        self.queue.retry_after
    }

    /// Whether a further request of this model would get another endpoint than these.
    pub(crate) fn has_room(&self, model: &Entry, avoid: &[EndpointId]) -> bool {
        self.fleet.lock().has_room(model.id, avoid, now())
    }

    /// Time has passed: those who wait may have got room by it.
    pub(crate) fn tick(self: &Arc<Self>) {
        let wakes = self.fleet.lock().tick(now());
        self.deliver(wakes);
    }

    fn take(self: &Arc<Self>, model: &Entry, avoid: &[EndpointId]) -> Take<Arc<Endpoint>, Arc<Tag>> {
        let (take, wakes) = self.fleet.lock().take(model.id, avoid, now());
        self.deliver(wakes);
        take
    }

    fn lease(self: &Arc<Self>, model: ModelId, grant: Granted) -> Lease {
        grant.endpoint.metrics.work().in_flight.inc();
        Lease { pool: self.clone(), model, grant }
    }

    /// Tells those who waited. Never under the lock: a lease that nobody takes any more is dropped here.
    fn deliver(self: &Arc<Self>, wakes: Wakes) {
        for wake in wakes {
            let (waiter, told) = match wake {
                Wake::Granted((model, waiter), grant) => (waiter, Some(self.lease(model, grant))),
                Wake::Unavailable((_, waiter)) => (waiter, None),
            };
            drop(waiter.send(told));
        }
    }
}

impl Lease {
    pub(crate) fn id(&self) -> EndpointId {
        self.grant.id
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.grant.endpoint
    }

    /// The name by which the endpoint knows the model, where it is not the model's own.
    pub(crate) fn served_as(&self) -> Option<&str> {
        self.grant.version.served_as.as_deref()
    }

    /// The endpoint answered; after what time, where that tells how fast it is.
    pub(crate) fn succeeded(&self, took: Option<(Timed, Duration)>) {
        let (change, wakes) = self.pool.fleet.lock().succeeded(self.grant.id, self.model, took, now());
        self.endpoint().metrics.work().answered.inc();
        note(change, self.endpoint(), "answers again");
        self.pool.deliver(wakes);
    }

    /// Nobody waited for the endpoint any longer than this.
    pub(crate) fn outlasted(&self, timed: Timed, took: Duration) {
        self.pool.fleet.lock().outlasted(self.grant.id, self.model, (timed, took), now());
    }

    /// The endpoint asked for no request for so long.
    pub(crate) fn hold(&self, length: Duration) {
        let now = now();
        self.pool.fleet.lock().hold(self.grant.id, now + length);
    }

    /// The endpoint did not do as it should.
    pub(crate) fn failed(&self, failure: Failure) {
        let (change, wakes) = self.pool.fleet.lock().failed(self.grant.id, failure, now());
        self.endpoint().metrics.work().failed.inc();
        note(change, self.endpoint(), "put aside after failed requests");
        self.pool.deliver(wakes);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.grant.endpoint.metrics.work().in_flight.dec();
        let wakes = self.pool.fleet.lock().release(self.grant.id, self.grant.probe, now());
        self.pool.deliver(wakes);
    }
}

/// A place in a queue, given up by being dropped: the client may leave while it waits.
struct Place<'p> {
    pool: &'p Pool,
    model: &'p Entry,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.model.metrics.queued.dec();
        self.pool.fleet.lock().leave(self.model.id, self.ticket);
    }
}

fn note(change: Change, endpoint: &Endpoint, what: &'static str) {
    match change {
        Change::None => {}
        Change::Ejected => {
            endpoint.metrics.work().ejections.inc();
            tracing::warn!(endpoint = endpoint.name(), "endpoint {what}");
        }
        Change::Recovered => tracing::info!(endpoint = endpoint.name(), "endpoint {what}"),
    }
}

/// Tokio's clock, so that tests can stop it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
