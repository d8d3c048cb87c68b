//! Who gets which endpoint, and who waits: the state behind the data plane's one lock.
//!
//! Pure: no I/O, the time is an argument, what is to be done comes back as data ([`Wake`]). `E` is what a caller needs
//! to know of an endpoint, `V` of a version, `W` how one that waits is told.

mod choice;
mod layout;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use slotmap::SlotMap;

use crate::balance::{Admission, Change, Condition, Failure};
use crate::options::Health;
use crate::pace::{Pace, Timed, Usual};
use crate::snapshot::Standing;

slotmap::new_key_type! {
    /// An endpoint's place in a [`Fleet`]; never given to another.
    pub struct EndpointId;
    /// A model's place in a [`Fleet`]; never given to another.
    pub struct ModelId;
}

/// A place in a model's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Endpoints, models and those who wait for them.
pub struct Fleet<E, V, W> {
    rules: Health,
    queue: usize,
    endpoints: SlotMap<EndpointId, Slot<E>>,
    models: SlotMap<ModelId, Line<V, W>>,
    tickets: u64,
    /// Over all models: mostly there is nobody, and then there is nothing to do.
    waiting: usize,
    random: SmallRng,
}

struct Slot<E> {
    endpoint: E,
    terms: Terms,
    in_flight: usize,
    condition: Condition,
    pace: Pace,
    /// The models that it serves.
    models: Vec<ModelId>,
}

/// On which terms an endpoint is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Requests at once.
    pub cap: usize,
    /// Whether it is called at all: one that drains ends what it has.
    pub open: bool,
}

/// A version of a model, and its part of the calls.
#[derive(Clone, Debug)]
pub struct Share<V> {
    /// What is known of it.
    pub version: V,
    /// Its part, beside the other versions' of the model. 0: none.
    pub weight: u32,
    /// The endpoints that serve it.
    pub endpoints: Vec<EndpointId>,
}

struct Line<V, W> {
    shares: Vec<Share<V>>,
    usual: Usual,
    waiting: VecDeque<(Ticket, W)>,
}

/// An endpoint for one request. To be given back with [`Fleet::release`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant<E, V> {
    /// Which.
    pub id: EndpointId,
    /// What is known of it.
    pub endpoint: E,
    /// The version for which it was chosen.
    pub version: V,
    /// Whether the request decides if the endpoint is well again.
    pub probe: bool,
}

/// What a request gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Take<E, V> {
    /// An endpoint.
    Granted(Grant<E, V>),
    /// Nothing now; there may be room later.
    Busy,
    /// Nothing: those that are well have asked to be left alone until then.
    Held(Instant),
    /// Nothing: the model has no endpoint that is well.
    Unavailable,
}

/// Someone who waited is to be told.
#[derive(Debug)]
pub enum Wake<E, V, W> {
    /// Here is an endpoint.
    Granted(W, Grant<E, V>),
    /// There is none any more.
    Unavailable(W),
}

/// Those who are to be told, in their order.
pub type Wakes<E, V, W> = Vec<Wake<E, V, W>>;

/// What is known of an endpoint's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View<'f, E> {
    /// The endpoint.
    pub endpoint: &'f E,
    /// Requests in flight.
    pub in_flight: usize,
    /// The most there can be.
    pub cap: usize,
    /// Whether it is called at all.
    pub open: bool,
    /// Whether it may be called now.
    pub standing: Standing,
    /// What its answers take lately.
    pub latency: Option<Duration>,
    /// Failed requests in a row.
    pub failures: u32,
}

impl<E: Clone, V: Clone, W> Fleet<E, V, W> {
    /// A fleet without endpoints. `queue` is how many may wait for one model.
    #[must_use]
    pub fn new(rules: Health, queue: usize, seed: u64) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        let (endpoints, models) = (SlotMap::with_key(), SlotMap::with_key());
        Self { rules, queue, endpoints, models, tickets: 0, waiting: 0, random }
    }

    /// Gives what is free to those who wait for these models.
    pub fn serve(&mut self, models: &[ModelId], now: Instant) -> Wakes<E, V, W> {
        if self.waiting == 0 { Vec::new() } else { self.dispatch(models, now) }
    }

    /// An endpoint for a request of this model, but not one of `avoid`. A first attempt (nothing to avoid) does not
    /// overtake those who wait.
    pub fn take(&mut self, model: ModelId, avoid: &[EndpointId], now: Instant) -> (Take<E, V>, Wakes<E, V, W>) {
        let waiting = |fleet: &Self| avoid.is_empty() && fleet.queue_length(model) > 0;
        // Time alone may have made room: an ejection is over.
        let wakes = if waiting(self) { self.dispatch(&[model], now) } else { Vec::new() };
        let choice = if waiting(self) { None } else { self.choose(model, avoid, now) };
        let take = match choice {
            Some(choice) => Take::Granted(self.grant(model, choice)),
            None if self.is_hopeful(model, avoid, now) => Take::Busy,
            None => self.held_until(model, now).map_or(Take::Unavailable, Take::Held),
        };
        (take, wakes)
    }

    /// Whether a request of this model would get an endpoint at once, other than these.
    #[must_use]
    pub fn has_room(&self, model: ModelId, avoid: &[EndpointId], now: Instant) -> bool {
        self.callable(model)
            .filter(|(id, _)| !avoid.contains(id))
            .any(|(_, slot)| slot.in_flight < slot.terms.cap && slot.condition.admission(now, &self.rules).is_some())
    }

    /// Whether a model has an endpoint that may be called, now or as soon as it has room.
    #[must_use]
    pub fn is_served(&self, model: ModelId, now: Instant) -> bool {
        self.is_hopeful(model, &[], now)
    }

    /// A place at the end of the model's queue; `waiter` comes back where there is none.
    ///
    /// # Errors
    /// The queue is full, or the model is gone.
    pub fn wait(&mut self, model: ModelId, waiter: W) -> Result<Ticket, W> {
        let Some(line) = self.models.get_mut(model).filter(|line| line.waiting.len() < self.queue) else {
            return Err(waiter);
        };
        self.tickets += 1;
        self.waiting += 1;
        line.waiting.push_back((Ticket(self.tickets), waiter));
        Ok(Ticket(self.tickets))
    }

    /// Gives up a place in the queue. Nothing happens where it has been served.
    pub fn leave(&mut self, model: ModelId, ticket: Ticket) {
        let Some(line) = self.models.get_mut(model) else { return };
        let before = line.waiting.len();
        line.waiting.retain(|(other, _)| *other != ticket);
        self.waiting -= before - line.waiting.len();
    }

    /// How many wait for a model.
    #[must_use]
    pub fn queue_length(&self, model: ModelId) -> usize {
        self.models.get(model).map_or(0, |line| line.waiting.len())
    }

    /// A request has ended, whatever its outcome was.
    pub fn release(&mut self, id: EndpointId, probe: bool, now: Instant) -> Wakes<E, V, W> {
        let Some(slot) = self.endpoints.get_mut(id) else { return Vec::new() };
        slot.in_flight -= 1;
        if probe {
            // Where its outcome was reported the state has moved on, and this changes nothing.
            slot.condition.probe_lost();
        }
        self.serve_waiting_for(id, now)
    }

    /// A request of this model was answered; after what time, where that tells how fast the endpoint is.
    pub fn succeeded(
        &mut self,
        id: EndpointId,
        model: ModelId,
        took: Option<(Timed, Duration)>,
        now: Instant,
    ) -> (Change, Wakes<E, V, W>) {
        if let Some((timed, took)) = took {
            self.time(id, model, timed, took, now);
        }
        self.change(id, now, |condition, rules| condition.succeeded(now, rules))
    }

    /// A request of this model took so long, at least: nobody waited for its answer any longer.
    pub fn outlasted(&mut self, id: EndpointId, model: ModelId, (timed, took): (Timed, Duration), now: Instant) {
        // Only what is longer than usual shows something.
        if self.endpoints.get(id).and_then(|slot| slot.pace.latency()).is_some_and(|usual| took > usual) {
            self.time(id, model, timed, took, now);
        }
    }

    /// A request failed.
    pub fn failed(&mut self, id: EndpointId, failure: Failure, now: Instant) -> (Change, Wakes<E, V, W>) {
        let spare = self.has_spare(id);
        self.change(id, now, |condition, rules| condition.failed(failure, spare, now, rules))
    }

    /// The endpoint asked for no request until then.
    pub fn hold(&mut self, id: EndpointId, until: Instant) {
        if let Some(slot) = self.endpoints.get_mut(id) {
            slot.condition.hold(until);
        }
    }

    /// A health check was answered as it should be, or was not.
    pub fn checked(&mut self, id: EndpointId, ok: bool, now: Instant) -> (Change, Wakes<E, V, W>) {
        let (change, mut wakes) = self.change(id, now, |condition, rules| condition.checked(ok, now, rules));
        // The check is also the tick that ends ejections for those who wait.
        wakes.extend(self.serve_waiting_for(id, now));
        (change, wakes)
    }

    /// Time has passed, which ends ejections: what is free is given to those who wait.
    pub fn tick(&mut self, now: Instant) -> Wakes<E, V, W> {
        if self.waiting == 0 {
            return Vec::new();
        }
        let waited_for: Vec<ModelId> =
            self.models.iter().filter(|(_, line)| !line.waiting.is_empty()).map(|(id, _)| id).collect();
        self.dispatch(&waited_for, now)
    }

    /// One endpoint.
    #[must_use]
    pub fn view(&self, id: EndpointId, now: Instant) -> Option<View<'_, E>> {
        self.endpoints.get(id).map(|slot| self.viewed(slot, now))
    }

    /// The versions of a model: each with its part of the calls at `now`, from 0 to 1, and its endpoints.
    pub fn shares(&self, model: ModelId, now: Instant) -> impl Iterator<Item = (&V, f64, &[EndpointId])> {
        let shares = self.models.get(model).map_or(&[][..], |line| &line.shares);
        let weight = move |share: &Share<V>| {
            let called = self.callable_of(share).any(|(_, slot)| slot.condition.is_hopeful(now));
            f64::from(if called { share.weight } else { 0 })
        };
        let all: f64 = shares.iter().map(weight).sum();
        shares.iter().map(move |share| (&share.version, weight(share) / all.max(1.0), &share.endpoints[..]))
    }

    fn viewed<'f>(&self, slot: &'f Slot<E>, now: Instant) -> View<'f, E> {
        View {
            endpoint: &slot.endpoint,
            in_flight: slot.in_flight,
            cap: slot.terms.cap,
            open: slot.terms.open,
            standing: slot.condition.standing(now, &self.rules),
            latency: slot.pace.latency(),
            failures: slot.condition.failures(),
        }
    }

    fn time(&mut self, id: EndpointId, model: ModelId, timed: Timed, took: Duration, now: Instant) {
        let Some(line) = self.models.get_mut(model) else { return };
        let Some(slot) = self.endpoints.get_mut(id) else { return };
        slot.pace.add(line.usual.add(model, timed, took), now);
    }

    fn change(
        &mut self,
        id: EndpointId,
        now: Instant,
        report: impl FnOnce(&mut Condition, &Health) -> Change,
    ) -> (Change, Wakes<E, V, W>) {
        let Some(slot) = self.endpoints.get_mut(id) else { return (Change::None, Vec::new()) };
        match report(&mut slot.condition, &self.rules) {
            Change::None => (Change::None, Vec::new()),
            change => (change, self.serve_waiting_for(id, now)),
        }
    }

    /// Whether each model of this endpoint has another that is well.
    fn has_spare(&self, id: EndpointId) -> bool {
        let Some(slot) = self.endpoints.get(id) else { return false };
        let spared =
            |&model: &ModelId| self.callable(model).any(|(other, slot)| other != id && slot.condition.is_well());
        slot.models.iter().all(spared)
    }

    fn serve_waiting_for(&mut self, id: EndpointId, now: Instant) -> Wakes<E, V, W> {
        let Some(slot) = self.endpoints.get(id).filter(|_| self.waiting > 0) else { return Vec::new() };
        let models = slot.models.clone();
        self.dispatch(&models, now)
    }

    /// Gives what is free to those who wait, the one who has waited longest first.
    fn dispatch(&mut self, models: &[ModelId], now: Instant) -> Wakes<E, V, W> {
        let mut wakes = Vec::new();
        let mut open: Vec<ModelId> = models.to_vec();
        loop {
            open.retain(|&model| self.queue_length(model) > 0);
            let Some(model) = open.iter().copied().min_by_key(|&model| self.models[model].waiting[0].0) else {
                return wakes;
            };
            match self.choose(model, &[], now) {
                Some(choice) => {
                    let grant = self.grant(model, choice);
                    let first = self.models[model].waiting.pop_front();
                    self.waiting -= 1;
                    wakes.extend(first.map(|(_, waiter)| Wake::Granted(waiter, grant)));
                }
                None => {
                    open.retain(|&other| other != model);
                    if !self.is_hopeful(model, &[], now) {
                        let lost = std::mem::take(&mut self.models[model].waiting);
                        self.waiting -= lost.len();
                        wakes.extend(lost.into_iter().map(|(_, waiter)| Wake::Unavailable(waiter)));
                    }
                }
            }
        }
    }

    fn grant(&mut self, model: ModelId, (share, id, admission): (usize, EndpointId, Admission)) -> Grant<E, V> {
        let slot = &mut self.endpoints[id];
        slot.in_flight += 1;
        slot.condition.admitted(admission);
        let version = self.models[model].shares[share].version.clone();
        Grant { id, endpoint: slot.endpoint.clone(), version, probe: admission.probe }
    }

    fn is_hopeful(&self, model: ModelId, avoid: &[EndpointId], now: Instant) -> bool {
        self.callable(model).any(|(id, slot)| !avoid.contains(&id) && slot.condition.is_hopeful(now))
    }

    fn held_until(&self, model: ModelId, now: Instant) -> Option<Instant> {
        self.callable(model).filter_map(|(_, slot)| slot.condition.held_until(now)).min()
    }

    /// The endpoints of a model that are called at all.
    fn callable(&self, model: ModelId) -> impl Iterator<Item = (EndpointId, &Slot<E>)> {
        let shares = self.models.get(model).map_or(&[][..], |line| &line.shares);
        shares.iter().filter(|share| share.weight > 0).flat_map(|share| self.callable_of(share))
    }

    fn callable_of<'f>(&'f self, share: &'f Share<V>) -> impl Iterator<Item = (EndpointId, &'f Slot<E>)> {
        let known = share.endpoints.iter().filter_map(|&id| Some((id, self.endpoints.get(id)?)));
        known.filter(|(_, slot)| slot.terms.open)
    }
}

#[cfg(test)]
mod tests;
