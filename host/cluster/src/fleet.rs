//! Who gets which endpoint, and who waits: the state behind the data plane's one lock.
//!
//! Pure: no I/O, the time is an argument, what is to be done comes back as data ([`Wake`]). `E` is what a caller needs
//! to know of an endpoint, `W` how one that waits is told.

use std::collections::VecDeque;
use std::time::Instant;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use crate::balance::{Admission, Change, Condition, Failure};
use crate::options::Health;

/// Up to this many endpoints, all are compared; beyond, two taken by chance.
const FEW: usize = 8;

/// An endpoint's place in a [`Fleet`]; never given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId(usize);

/// A model's place in a [`Fleet`]; never given to a model of another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModelId(usize);

/// A place in a model's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Endpoints, models and those who wait for them.
pub struct Fleet<E, W> {
    rules: Health,
    queue: usize,
    endpoints: Vec<Option<Box<Slot<E>>>>,
    models: Vec<Line<W>>,
    tickets: u64,
    random: SmallRng,
}

struct Slot<E> {
    endpoint: E,
    cap: usize,
    in_flight: usize,
    condition: Condition,
    /// The models that it serves.
    models: Vec<ModelId>,
}

struct Line<W> {
    name: String,
    endpoints: Vec<EndpointId>,
    waiting: VecDeque<(Ticket, W)>,
}

/// An endpoint for one request. To be given back with [`Fleet::release`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant<E> {
    /// Which.
    pub id: EndpointId,
    /// What is known of it.
    pub endpoint: E,
    /// Whether the request decides if the endpoint is well again.
    pub probe: bool,
}

/// What a request gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Take<E> {
    /// An endpoint.
    Granted(Grant<E>),
    /// Nothing now; there may be room later.
    Busy,
    /// Nothing: the model has no endpoint that is well.
    Unavailable,
}

/// Someone who waited is to be told.
#[derive(Debug)]
pub enum Wake<E, W> {
    /// Here is an endpoint.
    Granted(W, Grant<E>),
    /// There is none any more.
    Unavailable(W),
}

/// What is known of an endpoint's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'f, E> {
    /// The endpoint.
    pub endpoint: &'f E,
    /// Requests in flight.
    pub in_flight: usize,
    /// The most there can be.
    pub cap: usize,
    /// Whether health checks find it up.
    pub up: bool,
    /// Whether it takes requests without reserve: it is up and not put aside.
    pub well: bool,
}

impl<E: Clone, W> Fleet<E, W> {
    /// A fleet without endpoints. `queue` is how many may wait for one model.
    #[must_use]
    pub fn new(rules: Health, queue: usize, seed: u64) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        Self { rules, queue, endpoints: Vec::new(), models: Vec::new(), tickets: 0, random }
    }

    /// Adds an endpoint. It counts as well until something else shows.
    pub fn add(&mut self, endpoint: E, cap: usize) -> EndpointId {
        let slot = Slot { endpoint, cap, in_flight: 0, condition: Condition::default(), models: Vec::new() };
        self.endpoints.push(Some(Box::new(slot)));
        EndpointId(self.endpoints.len() - 1)
    }

    /// Keeps an endpoint's state, and changes what is known of it.
    pub fn replace(&mut self, id: EndpointId, endpoint: E, cap: usize) {
        if let Some(slot) = self.slot_mut(id) {
            slot.endpoint = endpoint;
            slot.cap = cap;
        }
    }

    /// Forgets an endpoint. Requests that are in flight there end as they may.
    pub fn retire(&mut self, id: EndpointId) {
        if let Some(slot) = self.endpoints.get_mut(id.0) {
            *slot = None;
        }
        for line in &mut self.models {
            line.endpoints.retain(|&other| other != id);
        }
    }

    /// Says which models there are and which endpoints serve each. A model that is not named any more is served by
    /// none. Those who wait are served anew.
    pub fn arrange(&mut self, models: Vec<(String, Vec<EndpointId>)>, now: Instant) -> (Vec<ModelId>, Vec<Wake<E, W>>) {
        for line in &mut self.models {
            line.endpoints.clear();
        }
        for slot in self.endpoints.iter_mut().flatten() {
            slot.models.clear();
        }
        let mut ids = Vec::with_capacity(models.len());
        for (name, endpoints) in models {
            let id = self.model_id(name);
            for &endpoint in &endpoints {
                if let Some(slot) = self.slot_mut(endpoint) {
                    slot.models.push(id);
                }
            }
            self.models[id.0].endpoints = endpoints;
            ids.push(id);
        }
        let all = self.all_models();
        (ids, self.dispatch(&all, now))
    }

    /// An endpoint for a request of this model, but not one of `avoid`. A first attempt (nothing to avoid) does not
    /// overtake those who wait.
    pub fn take(&mut self, model: ModelId, avoid: &[EndpointId], now: Instant) -> (Take<E>, Vec<Wake<E, W>>) {
        let waiting = |fleet: &Self| avoid.is_empty() && !fleet.models[model.0].waiting.is_empty();
        // Time alone may have made room: an ejection is over.
        let wakes = if waiting(self) { self.dispatch(&[model], now) } else { Vec::new() };
        let choice = if waiting(self) { None } else { self.choose(model, avoid, now) };
        let take = match choice {
            Some((id, admission)) => Take::Granted(self.grant(id, admission)),
            None if self.is_hopeful(model, avoid, now) => Take::Busy,
            None => Take::Unavailable,
        };
        (take, wakes)
    }

    /// Whether a model has an endpoint that may be called, now or as soon as it has room.
    #[must_use]
    pub fn is_served(&self, model: ModelId, now: Instant) -> bool {
        self.is_hopeful(model, &[], now)
    }

    /// A place at the end of the model's queue; `waiter` comes back where there is none.
    ///
    /// # Errors
    /// The queue is full.
    pub fn wait(&mut self, model: ModelId, waiter: W) -> Result<Ticket, W> {
        let line = &mut self.models[model.0];
        if line.waiting.len() >= self.queue {
            return Err(waiter);
        }
        self.tickets += 1;
        line.waiting.push_back((Ticket(self.tickets), waiter));
        Ok(Ticket(self.tickets))
    }

    /// Gives up a place in the queue. Nothing happens where it has been served.
    pub fn leave(&mut self, model: ModelId, ticket: Ticket) {
        self.models[model.0].waiting.retain(|(other, _)| *other != ticket);
    }

    /// How many wait for a model.
    #[must_use]
    pub fn queue_length(&self, model: ModelId) -> usize {
        self.models[model.0].waiting.len()
    }

    /// A request has ended, whatever its outcome was.
    pub fn release(&mut self, id: EndpointId, probe: bool, now: Instant) -> Vec<Wake<E, W>> {
        let Some(slot) = self.slot_mut(id) else { return Vec::new() };
        slot.in_flight -= 1;
        if probe {
            // Where its outcome was reported the state has moved on, and this changes nothing.
            slot.condition.probe_lost();
        }
        self.serve_waiting_for(id, now)
    }

    /// A request was answered.
    pub fn succeeded(&mut self, id: EndpointId, now: Instant) -> (Change, Vec<Wake<E, W>>) {
        self.change(id, now, |condition, rules, _| condition.succeeded(now, rules))
    }

    /// A request failed.
    pub fn failed(&mut self, id: EndpointId, failure: Failure, now: Instant) -> (Change, Vec<Wake<E, W>>) {
        self.change(id, now, |condition, rules, spare| condition.failed(failure, spare, now, rules))
    }

    /// A health check was answered as it should be, or was not.
    pub fn checked(&mut self, id: EndpointId, ok: bool, now: Instant) -> (Change, Vec<Wake<E, W>>) {
        let (change, mut wakes) = self.change(id, now, |condition, rules, _| condition.checked(ok, now, rules));
        // The check is also the tick that ends ejections for those who wait.
        wakes.extend(self.serve_waiting_for(id, now));
        (change, wakes)
    }

    /// Every endpoint, in the order in which they came.
    pub fn views(&self) -> impl Iterator<Item = View<'_, E>> {
        self.endpoints.iter().flatten().map(|slot| View {
            endpoint: &slot.endpoint,
            in_flight: slot.in_flight,
            cap: slot.cap,
            up: slot.condition.is_up(),
            well: slot.condition.is_well(),
        })
    }

    fn change(
        &mut self,
        id: EndpointId,
        now: Instant,
        report: impl FnOnce(&mut Condition, &Health, bool) -> Change,
    ) -> (Change, Vec<Wake<E, W>>) {
        let spare = self.has_spare(id);
        let Some(Some(slot)) = self.endpoints.get_mut(id.0) else { return (Change::None, Vec::new()) };
        match report(&mut slot.condition, &self.rules, spare) {
            Change::None => (Change::None, Vec::new()),
            change => (change, self.serve_waiting_for(id, now)),
        }
    }

    /// Whether each model of this endpoint has another that is well.
    fn has_spare(&self, id: EndpointId) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        slot.models.iter().all(|model| {
            let mut others = self.models[model.0].endpoints.iter().filter(|&&other| other != id);
            others.any(|&other| self.slot(other).is_some_and(|slot| slot.condition.is_well()))
        })
    }

    fn serve_waiting_for(&mut self, id: EndpointId, now: Instant) -> Vec<Wake<E, W>> {
        let models = self.slot(id).map(|slot| slot.models.clone()).unwrap_or_default();
        if models.iter().all(|model| self.models[model.0].waiting.is_empty()) {
            return Vec::new();
        }
        self.dispatch(&models, now)
    }

    /// Gives what is free to those who wait, the one who has waited longest first.
    fn dispatch(&mut self, models: &[ModelId], now: Instant) -> Vec<Wake<E, W>> {
        let mut wakes = Vec::new();
        let mut open: Vec<ModelId> = models.to_vec();
        loop {
            open.retain(|model| !self.models[model.0].waiting.is_empty());
            let Some(model) = open.iter().copied().min_by_key(|model| self.models[model.0].waiting[0].0) else {
                return wakes;
            };
            match self.choose(model, &[], now) {
                Some((id, admission)) => {
                    let grant = self.grant(id, admission);
                    let first = self.models[model.0].waiting.pop_front();
                    wakes.extend(first.map(|(_, waiter)| Wake::Granted(waiter, grant)));
                }
                None => {
                    open.retain(|&other| other != model);
                    if !self.is_hopeful(model, &[], now) {
                        let lost = self.models[model.0].waiting.drain(..);
                        wakes.extend(lost.map(|(_, waiter)| Wake::Unavailable(waiter)));
                    }
                }
            }
        }
    }

    fn grant(&mut self, id: EndpointId, admission: Admission) -> Grant<E> {
        let slot = self.endpoints[id.0].as_mut().expect("what was chosen is there");
        slot.in_flight += 1;
        slot.condition.admitted(admission);
        Grant { id, endpoint: slot.endpoint.clone(), probe: admission.probe }
    }

    fn choose(&mut self, model: ModelId, avoid: &[EndpointId], now: Instant) -> Option<(EndpointId, Admission)> {
        let count = self.models[model.0].endpoints.len();
        if count > FEW {
            let first = self.random.random_range(0..count);
            let second = (first + self.random.random_range(1..count)) % count;
            let two = [first, second].map(|at| self.models[model.0].endpoints[at]);
            if let Some(choice) = self.least_loaded(two.into_iter(), avoid, now) {
                return Some(choice);
            }
        }
        if count == 0 {
            return None;
        }
        // Among equals the first one wins, so the round begins anywhere.
        let start = self.random.random_range(0..count);
        let endpoints = &self.models[model.0].endpoints;
        let round = endpoints[start..].iter().chain(&endpoints[..start]).copied();
        self.least_loaded(round, avoid, now)
    }

    fn least_loaded(
        &self,
        ids: impl Iterator<Item = EndpointId>,
        avoid: &[EndpointId],
        now: Instant,
    ) -> Option<(EndpointId, Admission)> {
        let mut best: Option<(f64, EndpointId, Admission)> = None;
        for id in ids {
            let Some(slot) = self.slot(id) else { continue };
            if slot.in_flight >= slot.cap || avoid.contains(&id) {
                continue;
            }
            let Some(admission) = slot.condition.admission(now, &self.rules) else { continue };
            let load = load(slot.in_flight, admission);
            if best.is_none_or(|(least, ..)| load < least) {
                best = Some((load, id, admission));
            }
        }
        best.map(|(_, id, admission)| (id, admission))
    }

    fn is_hopeful(&self, model: ModelId, avoid: &[EndpointId], now: Instant) -> bool {
        let endpoints = self.models[model.0].endpoints.iter().filter(|id| !avoid.contains(id));
        endpoints.filter_map(|&id| self.slot(id)).any(|slot| slot.condition.is_hopeful(now))
    }

    fn model_id(&mut self, name: String) -> ModelId {
        if let Some(at) = self.models.iter().position(|line| line.name == name) {
            return ModelId(at);
        }
        self.models.push(Line { name, endpoints: Vec::new(), waiting: VecDeque::new() });
        ModelId(self.models.len() - 1)
    }

    fn all_models(&self) -> Vec<ModelId> {
        (0..self.models.len()).map(ModelId).collect()
    }

    fn slot(&self, id: EndpointId) -> Option<&Slot<E>> {
        self.endpoints.get(id.0)?.as_deref()
    }

    fn slot_mut(&mut self, id: EndpointId) -> Option<&mut Slot<E>> {
        self.endpoints.get_mut(id.0)?.as_deref_mut()
    }
}

/// What a request would find: those before it and itself, as seen by an endpoint of full weight. A probe goes first,
/// or an endpoint that was put aside would not be tried before all others are loaded.
fn load(in_flight: usize, admission: Admission) -> f64 {
    if admission.probe {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "caps are far below 2^52")]
    let requests = (in_flight + 1) as f64;
    requests / admission.weight
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
