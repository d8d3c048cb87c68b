//! The condition of one endpoint: may it be called now, and with what weight?
//!
//! ```text
//!            eject_after failures                   eject_for is over, or health is back
//!   Ready ─────────────────────────▶ Ejected ─────────────────────────────────▶ HalfOpen
//!     ▲                                 ▲                                          │
//!     │ success, with a slow start      └──────────────── failure ────────────────┤
//!     └────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Beside that, health checks say whether the server is up at all; one that is down gets no request in any state.
//! Pure: the time is an argument.

use std::time::{Duration, Instant};

use crate::options::Health;
use crate::snapshot::Standing;

/// The weight with which an endpoint that came back begins: a tenth of its share.
const FIRST_WEIGHT: f64 = 0.1;

/// What the requests to one endpoint, and its health checks, have shown of it.
#[derive(Clone, Debug)]
pub struct Condition {
    state: State,
    up: bool,
    /// Failed requests in a row.
    failures: u32,
    /// Failed health checks in a row.
    missed: u32,
    /// Ejections since it last was well for a while: how much longer the next one is.
    ejections: u32,
    /// Until when it has asked to be left alone.
    held: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Takes requests; where it came back at some time, with a weight that grows.
    Ready { since: Option<Instant> },
    /// Takes none until then.
    Ejected { until: Instant },
    /// Takes one, whose outcome decides.
    HalfOpen { probing: bool },
}

/// How an endpoint may be called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Admission {
    /// Its share, over 0 and up to 1.
    pub weight: f64,
    /// Whether the request is the one that decides; tell it by [`Condition::admitted`].
    pub probe: bool,
}

/// What kind of failure a request met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It could not be connected to: it is not there.
    Connect,
    /// It answered 5xx, broke off or took too long: it may be ill, or the request may be what it cannot bear.
    Answer,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that matters to others.
    None,
    /// It takes no requests for a while.
    Ejected,
    /// It takes requests again, or more of them.
    Recovered,
}

impl Default for Condition {
    fn default() -> Self {
        Self { state: State::Ready { since: None }, up: true, failures: 0, missed: 0, ejections: 0, held: None }
    }
}

impl Condition {
    /// Whether and how it may be called at `now`.
    #[must_use]
    pub fn admission(&self, now: Instant, rules: &Health) -> Option<Admission> {
        if !self.up || self.is_held(now) {
            return None;
        }
        match self.state {
            State::Ready { since } => Some(Admission { weight: weight(since, now, rules.slow_start), probe: false }),
            State::Ejected { until } if now < until => None,
            State::HalfOpen { probing: true } => None,
            State::Ejected { .. } | State::HalfOpen { .. } => Some(Admission { weight: FIRST_WEIGHT, probe: true }),
        }
    }

    /// Whether it is neither down nor put aside: one that may become free belongs to a model that is served.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.up && matches!(self.state, State::Ready { .. })
    }

    /// Whether it may be called, now or as soon as its probe is back.
    #[must_use]
    pub fn is_hopeful(&self, now: Instant) -> bool {
        self.up && !self.is_held(now) && !matches!(self.state, State::Ejected { until } if now < until)
    }

    /// Until when it has asked to be left alone, if that is all that keeps it from being called.
    #[must_use]
    pub fn held_until(&self, now: Instant) -> Option<Instant> {
        self.held.filter(|&until| now < until && self.up && !matches!(self.state, State::Ejected { .. }))
    }

    /// It asked for no request until then (`Retry-After`). That says nothing of how well it is.
    pub fn hold(&mut self, until: Instant) {
        self.held = self.held.max(Some(until));
    }

    /// What there is to say of it at `now`.
    #[must_use]
    pub fn standing(&self, now: Instant, rules: &Health) -> Standing {
        if !self.up {
            return Standing::Down;
        }
        let left = |until: Instant| {
            let left = until.saturating_duration_since(now).as_millis();
            Standing::Ejected { left_ms: u64::try_from(left).unwrap_or(u64::MAX) }
        };
        match self.state {
            State::Ejected { until } if now < until => left(until),
            State::Ejected { .. } | State::HalfOpen { .. } => Standing::HalfOpen,
            State::Ready { since } => match (self.held_until(now), weight(since, now, rules.slow_start)) {
                (Some(until), _) => left(until),
                (None, weight) if weight < 1.0 => Standing::SlowStart { weight },
                (None, _) => Standing::Well,
            },
        }
    }

    /// Failed requests in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn is_held(&self, now: Instant) -> bool {
        self.held.is_some_and(|until| now < until)
    }

    /// Whether health checks find it up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// A request was sent under an [`Admission`] with `probe`.
    pub fn admitted(&mut self, admission: Admission) {
        if admission.probe {
            self.state = State::HalfOpen { probing: true };
        }
    }

    /// The probe ended without showing anything: its client left. The next request is the probe.
    pub fn probe_lost(&mut self) {
        if let State::HalfOpen { probing } = &mut self.state {
            *probing = false;
        }
    }

    /// A request was answered.
    pub fn succeeded(&mut self, now: Instant, rules: &Health) -> Change {
        self.failures = 0;
        match self.state {
            State::Ready { since } => {
                // Well for as long as a slow start takes: what was before is forgotten.
                if since.is_none_or(|since| now.saturating_duration_since(since) >= rules.slow_start) {
                    self.state = State::Ready { since: None };
                    self.ejections = 0;
                }
                Change::None
            }
            State::HalfOpen { .. } => {
                self.state = State::Ready { since: Some(now) };
                Change::Recovered
            }
            // An answer to a request from before the ejection shows nothing new.
            State::Ejected { .. } => Change::None,
        }
    }

    /// A request failed. `spare` says whether other endpoints could take over: the last one of a model is not put
    /// aside for answers that are wrong, or one caller's poisonous requests would take the model from all others.
    pub fn failed(&mut self, failure: Failure, spare: bool, now: Instant, rules: &Health) -> Change {
        self.failures = self.failures.saturating_add(1);
        let over = match self.state {
            State::Ejected { .. } => false,
            State::HalfOpen { .. } => true,
            State::Ready { .. } => self.failures >= rules.eject_after,
        };
        if !over {
            return Change::None;
        }
        if failure == Failure::Answer && !spare {
            // A probe that fails on the last endpoint: it goes on as half open.
            self.probe_lost();
            return Change::None;
        }
        let length = rules.eject_for.saturating_mul(1 << self.ejections.min(16)).min(rules.eject_for_max);
        self.ejections = self.ejections.saturating_add(1);
        self.failures = 0;
        self.state = State::Ejected { until: now + length };
        Change::Ejected
    }

    /// A health check was answered as it should be, or was not.
    pub fn checked(&mut self, ok: bool, now: Instant, rules: &Health) -> Change {
        if !ok {
            self.missed = self.missed.saturating_add(1);
            if self.up && self.missed >= rules.down_after {
                self.up = false;
                return Change::Ejected;
            }
            return Change::None;
        }
        self.missed = 0;
        if self.up {
            return Change::None;
        }
        self.up = true;
        self.failures = 0;
        // It was away and is back: there is no reason to wait for the end of an ejection.
        self.state = match self.state {
            State::Ready { .. } => State::Ready { since: Some(now) },
            State::Ejected { .. } | State::HalfOpen { .. } => State::HalfOpen { probing: false },
        };
        Change::Recovered
    }
}

fn weight(since: Option<Instant>, now: Instant, slow_start: Duration) -> f64 {
    let Some(since) = since else { return 1.0 };
    let passed = now.saturating_duration_since(since);
    if passed >= slow_start {
        return 1.0;
    }
    let part = passed.as_secs_f64() / slow_start.as_secs_f64();
    FIRST_WEIGHT + (1.0 - FIRST_WEIGHT) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Health {
        Health::default()
    }

    fn eject(condition: &mut Condition, now: Instant) {
        for _ in 0..rules().eject_after - 1 {
            assert_eq!(condition.failed(Failure::Answer, true, now, &rules()), Change::None);
        }
        assert_eq!(condition.failed(Failure::Answer, true, now, &rules()), Change::Ejected);
    }

    #[test]
    fn r1_failures_in_a_row_eject_and_a_success_between_does_not() {
        let now = Instant::now();
        let mut condition = Condition::default();
        for _ in 0..10 {
            condition.failed(Failure::Answer, true, now, &rules());
            condition.failed(Failure::Answer, true, now, &rules());
            condition.succeeded(now, &rules());
        }
        assert!(condition.is_well());
        eject(&mut condition, now);
        assert_eq!(condition.admission(now, &rules()), None);
    }

    #[test]
    fn r7_one_probe_decides_and_the_start_is_slow() {
        let start = Instant::now();
        let mut condition = Condition::default();
        eject(&mut condition, start);
        let later = start + rules().eject_for;
        let probe = condition.admission(later, &rules()).unwrap();
        assert!(probe.probe);
        condition.admitted(probe);
        assert_eq!(condition.admission(later, &rules()), None, "one probe at a time");
        condition.probe_lost();
        condition.admitted(condition.admission(later, &rules()).unwrap());
        assert_eq!(condition.succeeded(later, &rules()), Change::Recovered);
        let weight = |after| condition.admission(later + after, &rules()).unwrap().weight;
        assert!(weight(Duration::ZERO) < 0.11);
        assert!((weight(rules().slow_start / 2) - 0.55).abs() < 0.01);
        assert!((weight(rules().slow_start) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn each_ejection_in_a_row_is_twice_as_long_up_to_a_cap() {
        let mut now = Instant::now();
        let mut condition = Condition::default();
        eject(&mut condition, now);
        let mut lengths = Vec::new();
        for _ in 0..6 {
            let begun = now;
            while condition.admission(now, &rules()).is_none() {
                now += Duration::from_millis(500);
            }
            lengths.push((now - begun).as_secs());
            condition.admitted(condition.admission(now, &rules()).unwrap());
            assert_eq!(condition.failed(Failure::Answer, true, now, &rules()), Change::Ejected);
        }
        assert_eq!(lengths, [2, 4, 8, 15, 15, 15]);
    }

    #[test]
    fn the_last_endpoint_is_ejected_only_when_it_is_not_there() {
        let now = Instant::now();
        let mut condition = Condition::default();
        for _ in 0..20 {
            assert_eq!(condition.failed(Failure::Answer, false, now, &rules()), Change::None);
        }
        assert!(condition.is_well());
        assert_eq!(condition.failed(Failure::Connect, false, now, &rules()), Change::Ejected);
    }

    #[test]
    fn r3_one_that_asked_to_be_left_alone_is_until_then_and_is_well_all_the_same() {
        let now = Instant::now();
        let mut condition = Condition::default();
        condition.hold(now + Duration::from_secs(7));
        condition.hold(now + Duration::from_secs(3));
        let at = |ms| now + Duration::from_millis(ms);
        assert_eq!(condition.admission(at(6_999), &rules()), None);
        assert_eq!(condition.held_until(at(6_999)), Some(at(7_000)));
        assert_eq!(condition.standing(at(6_000), &rules()), Standing::Ejected { left_ms: 1_000 });
        assert!(condition.is_well() && !condition.is_hopeful(at(6_999)));
        assert!(condition.admission(at(7_000), &rules()).is_some());
        assert_eq!(condition.standing(at(7_000), &rules()), Standing::Well);
    }

    #[test]
    fn health_checks_take_it_out_and_back_at_once() {
        let now = Instant::now();
        let mut condition = Condition::default();
        assert_eq!(condition.checked(false, now, &rules()), Change::None);
        assert_eq!(condition.checked(false, now, &rules()), Change::Ejected);
        assert_eq!(condition.admission(now, &rules()), None);
        assert_eq!(condition.checked(true, now, &rules()), Change::Recovered);
        assert!(condition.admission(now, &rules()).unwrap().weight < 0.11);

        let mut ejected = Condition::default();
        eject(&mut ejected, now);
        ejected.checked(false, now, &rules());
        ejected.checked(false, now, &rules());
        ejected.checked(true, now, &rules());
        assert!(ejected.admission(now, &rules()).unwrap().probe, "back before the ejection is over");
    }
}
