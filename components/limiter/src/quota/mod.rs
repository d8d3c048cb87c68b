//! The limiter's arithmetic: a state machine with time as an argument.

mod counters;
mod lease;
mod past;
mod shares;

use std::sync::Arc;

use weir_core::config::Limit;
use weir_core::control::{Deny, DenyScope, Grant, Renewed, Reserve, Reserved, Settle, Settled};
use weir_core::{Candidate, Millis, UnixMillis};

pub use lease::Expired;

use crate::attempt::AttemptId;
use crate::rule::{Call, Rule, RuleId, actual};
use crate::timeline::{Moment, Timeline};
use counters::{CounterKey, Counters};
use lease::{Held, Lease, Leases};
use past::{Charge, How, Over, Past};
use shares::Share;

/// How many leases one call of [`Quota::expire`] ends at most.
const EXPIRE: usize = 1_024;

/// What bounds a quota's memory, and how long reservations live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaBounds {
    /// Counters. One takes about 300 bytes. When there are more subjects, the one that was idle for the longest of a
    /// sample is forgotten. 100 000.
    pub counters: usize,
    /// Reservations that live at once; one more ends the lease that would run out first. 50 000.
    pub reservations: usize,
    /// Attempts that are over and remembered, so that a repeated settlement is known as such. 65 536.
    pub remembered: usize,
    /// How long a reservation lives unless it is renewed. 90 s: a crash is settled within two minutes, and an owner
    /// that renews every 30 s may miss two renewals.
    pub lease: Millis,
}

impl Default for QuotaBounds {
    fn default() -> Self {
        Self { counters: 100_000, reservations: 50_000, remembered: 65_536, lease: Millis(90_000) }
    }
}

/// What a settlement met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// A live reservation: what it held is given back, what was used is charged.
    Settled,
    /// A reservation whose lease had run out: the estimate that it was charged is replaced by what was used.
    Corrected,
    /// No reservation, such as for an attempt that was admitted without the store: what was used is charged.
    Unreserved,
    /// An attempt that was settled before: nothing changes.
    Repeated,
}

impl From<Settlement> for Settled {
    fn from(settlement: Settlement) -> Self {
        Self { first: settlement != Settlement::Repeated }
    }
}

/// All limits and what counts against them.
///
/// What a counter has taken is what was *used* within the limit's sliding window, and what is *held* for attempts
/// that are not over. A reservation holds all that it may cost and is granted only when, for every limit, used, held
/// and asked together are no more than the limit; a settlement gives back what was held and uses what was spent. So
/// at no moment more is used within a window than its limit allows, unless a backend spends more than was asked for.
///
/// Requests are the exception: one is used at once, for good, at a request's first attempt. (A limit on a backend's
/// requests counts every attempt that goes there, since the backend does so, too.)
#[derive(Debug)]
pub struct Quota {
    rules: Vec<Rule>,
    next_rule: u32,
    timeline: Timeline,
    counters: Counters,
    leases: Leases,
    past: Past,
    /// Leases that were ended for want of room, until [`Quota::expire`] tells of them.
    ended_early: Vec<Expired>,
    bounds: QuotaBounds,
}

impl Quota {
    /// A quota in which nothing is used.
    #[must_use]
    pub fn new(limits: &[Limit], bounds: QuotaBounds) -> Self {
        let mut quota = Self {
            rules: Vec::new(),
            next_rule: 0,
            timeline: Timeline::default(),
            counters: Counters::new(bounds.counters),
            leases: Leases::default(),
            past: Past::new(bounds.remembered),
            ended_early: Vec::new(),
            bounds,
        };
        quota.reload(limits);
        quota
    }

    /// Replaces the limits. Those whose definition is unchanged keep their counters.
    pub fn reload(&mut self, limits: &[Limit]) {
        let mut old = std::mem::take(&mut self.rules);
        for limit in limits {
            let kept = old.iter().position(|rule| rule.limit == *limit).map(|index| old.swap_remove(index));
            let rule = kept.unwrap_or_else(|| {
                let id = RuleId(self.next_rule);
                self.next_rule = self.next_rule.wrapping_add(1);
                Rule { id, limit: limit.clone() }
            });
            self.rules.push(rule);
        }
        let rules = &self.rules;
        self.counters.keep_rules(|id| rules.iter().any(|rule| rule.id == id));
    }

    /// Asks for room on behalf of nobody in particular: see [`reserve_for`](Self::reserve_for).
    pub fn reserve(&mut self, now: UnixMillis, ask: &Reserve) -> Reserved {
        self.reserve_for(now, "", ask)
    }

    /// Asks for room for an attempt, within all limits that apply, in one step: all of the caller's must fit, then
    /// the first candidate is taken whose backend's limits fit. Nothing is charged when the answer is no.
    ///
    /// Asked again for an attempt that has a reservation, it answers with that; for one that is over, it grants
    /// without holding anything, since whoever asked has settled.
    pub fn reserve_for(&mut self, now: UnixMillis, owner: &str, ask: &Reserve) -> Reserved {
        let at = self.timeline.read(now);
        let id = AttemptId { request: ask.request, attempt: ask.attempt };
        let caller = self.caller_shares(ask);
        if let Some(chosen) = self.leases.get(id).map(|lease| lease.chosen) {
            self.leases.renew(id, at.after(self.bounds.lease));
            return self.granted(Some(id), chosen, &caller, at);
        }
        if self.past.get(id).is_some() {
            return self.granted(None, 0, &caller, at);
        }
        if let Some(shortage) = self.worst_shortage(&caller, at) {
            return self.denied(DenyScope::Caller, shortage, &caller, at);
        }
        match self.first_that_fits(ask, at) {
            Ok((chosen, candidate, backend)) => {
                let held = caller.iter().chain(&backend).filter_map(|share| self.take(share, at)).collect::<Vec<_>>();
                if caller.is_empty() && backend.is_empty() {
                    return self.granted(None, chosen, &caller, at);
                }
                let owner: Arc<str> = owner.into();
                let subject =
                    Expired::of(id, owner.clone(), &ask.principal, &ask.model, candidate.clone(), ask.estimate);
                let expires = at.after(self.bounds.lease);
                self.make_room_for_a_lease(at);
                self.leases.add(id, Lease { owner, expires, chosen, subject, held });
                self.granted(Some(id), chosen, &caller, at)
            }
            Err(shortage) => self.denied(DenyScope::Backends, shortage, &caller, at),
        }
    }

    /// Lets a reservation live on; `None` for one that is over or never was.
    pub fn renew(&mut self, now: UnixMillis, reservation: &str) -> Option<Renewed> {
        let at = self.timeline.read(now);
        let id = reservation.parse().ok()?;
        self.leases.renew(id, at.after(self.bounds.lease)).then_some(Renewed { lease: self.bounds.lease })
    }

    /// Says what became of an attempt. Counts once for each request and attempt.
    pub fn settle(&mut self, now: UnixMillis, settle: &Settle) -> Settlement {
        let at = self.timeline.read(now);
        let id = AttemptId { request: settle.request, attempt: settle.attempt };
        let usage = &settle.outcome.usage;
        if let Some(lease) = self.leases.take(id) {
            for held in lease.held {
                if let Some(counter) = self.counters.find(&held.key, at) {
                    counter.held = counter.held.saturating_sub(held.amount);
                    counter.window.charge(actual(held.unit, usage));
                }
            }
            self.past.remember(id, Over { owner: Some(lease.owner), how: How::Settled });
            return Settlement::Settled;
        }
        let Some(over) = self.past.get_mut(id) else {
            self.charge_unreserved(settle, at);
            self.past.remember(id, Over { owner: None, how: How::Settled });
            return Settlement::Unreserved;
        };
        match std::mem::replace(&mut over.how, How::Settled) {
            How::Settled => Settlement::Repeated,
            How::Expired(charges) => {
                for charge in charges {
                    if let Some(counter) = self.counters.find(&charge.key, at) {
                        counter.window.correct(charge.slot, charge.amount, actual(charge.unit, usage));
                    }
                }
                Settlement::Corrected
            }
        }
    }

    /// Ends leases that ran out, no more than 1 024 at once: they are charged at their estimate.
    pub fn expire(&mut self, now: UnixMillis) -> Vec<Expired> {
        let at = self.timeline.read(now);
        let mut expired = std::mem::take(&mut self.ended_early);
        while expired.len() < EXPIRE
            && let Some((expires, id)) = self.leases.first()
            && expires <= at
        {
            expired.extend(self.end(id, at));
        }
        expired
    }

    /// What is due from time to time, in bounded steps: [`expire`](Self::expire), and idle counters are forgotten.
    pub fn tick(&mut self, now: UnixMillis) -> Vec<Expired> {
        let expired = self.expire(now);
        self.counters.sweep(self.timeline.read(now));
        expired
    }

    /// Who made the reservation for this attempt; `None` when there is none, or it is forgotten.
    #[must_use]
    pub fn owner(&self, id: AttemptId) -> Option<&str> {
        let live = self.leases.get(id).map(|lease| &*lease.owner);
        live.or_else(|| self.past.get(id).and_then(|over| over.owner.as_deref()))
    }

    /// How many reservations live.
    #[must_use]
    pub fn reservations(&self) -> usize {
        self.leases.len()
    }

    /// How many counters there are.
    #[must_use]
    pub fn counters(&self) -> usize {
        self.counters.len()
    }

    /// All that is held, over all counters and units: nothing, once all attempts are settled or expired.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.counters.held()
    }

    /// Charges a share: requests for good, tokens until they are settled.
    fn take(&mut self, share: &Share, at: Moment) -> Option<Held> {
        let counter = self.counters.open(share.key.clone(), share.length, at);
        if share.at_once {
            counter.window.charge(share.amount);
            return None;
        }
        counter.held = counter.held.saturating_add(share.amount);
        Some(Held { key: share.key.clone(), unit: share.unit, amount: share.amount })
    }

    /// Ends a lease before its settlement: what it held is used.
    fn end(&mut self, id: AttemptId, at: Moment) -> Option<Expired> {
        let lease = self.leases.take(id)?;
        let mut charges = Vec::with_capacity(lease.held.len());
        for Held { key, unit, amount } in lease.held {
            if let Some(counter) = self.counters.find(&key, at) {
                counter.held = counter.held.saturating_sub(amount);
                let slot = counter.window.charge(amount);
                charges.push(Charge { key, unit, slot, amount });
            }
        }
        self.past.remember(id, Over { owner: Some(lease.owner), how: How::Expired(charges) });
        Some(lease.subject)
    }

    fn make_room_for_a_lease(&mut self, at: Moment) {
        if self.leases.len() >= self.bounds.reservations.max(1)
            && let Some((_, first)) = self.leases.first()
        {
            let ended = self.end(first, at);
            if self.ended_early.len() < self.bounds.reservations {
                self.ended_early.extend(ended);
            }
        }
    }

    /// Charges an attempt that nothing was reserved for.
    fn charge_unreserved(&mut self, settle: &Settle, at: Moment) {
        let call = Call { principal: &settle.principal, model: &settle.model };
        let Candidate { backend, .. } = &settle.outcome.candidate;
        for rule in &self.rules {
            let subject = if rule.is_for_backends() { rule.backend(call, backend) } else { rule.caller(call) };
            let amount = match shares::is_charged_again(rule, settle.attempt) {
                true => actual(rule.limit.unit, &settle.outcome.usage),
                false => 0,
            };
            if let Some(subject) = subject
                && amount > 0
            {
                let key = CounterKey { rule: rule.id, subject };
                self.counters.open(key, rule.limit.window.length(), at).window.charge(amount);
            }
        }
    }

    fn granted(&mut self, id: Option<AttemptId>, candidate: usize, caller: &[Share], at: Moment) -> Reserved {
        Reserved::Granted(Grant {
            reservation: id.map(|id| id.to_string()),
            candidate,
            lease: self.bounds.lease,
            limits: self.states(caller, at),
        })
    }

    fn denied(&mut self, scope: DenyScope, short: shares::Shortage, caller: &[Share], at: Moment) -> Reserved {
        let limits = self.states(caller, at);
        Reserved::Denied(Deny { scope, limit: short.limit, retry_after: short.retry_after, never: short.never, limits })
    }
}
