//! When a second endpoint is asked, and how often: the rules of hedging.
//!
//! After most calls of a model would have been answered, one that has not is probably stuck behind something. To ask
//! another endpoint then costs few calls and cuts the longest waits. Pure, but for a lock around what was seen: times
//! are arguments.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::budget::Budget;
use crate::options::{Hedge, HedgeAfter, Retry};

/// How many of a model's latest calls are remembered.
const REMEMBERED: usize = 256;

/// What the latest calls of a model took, those whose answers came as a whole.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    /// In seconds, in no order that matters; the oldest is replaced.
    seen: Vec<f32>,
    next: usize,
}

impl Latencies {
    pub(crate) fn add(&self, took: Duration) {
        let mut recent = self.0.lock();
        if recent.seen.len() < REMEMBERED {
            recent.seen.push(took.as_secs_f32());
        } else {
            let at = recent.next;
            recent.seen[at] = took.as_secs_f32();
            recent.next = (at + 1) % REMEMBERED;
        }
    }

    /// The time within which so many of a hundred were answered; `None` of fewer than `least`.
    pub(crate) fn percentile(&self, percent: u8, least: usize) -> Option<Duration> {
        let mut seen = {
            let recent = self.0.lock();
            if recent.seen.len() < least.max(1) {
                return None;
            }
            recent.seen.clone()
        };
        let rank = (seen.len() * usize::from(percent.min(100))).div_ceil(100).max(1) - 1;
        let (_, value, _) = seen.select_nth_unstable_by(rank, f32::total_cmp);
        Some(Duration::from_secs_f32(*value))
    }
}

/// The rules, and what is left of the second calls that they allow.
pub(crate) struct Hedging {
    rules: Hedge,
    left: Mutex<Budget>,
}

impl Hedging {
    pub(crate) fn new(rules: Hedge, now: Instant) -> Self {
        // A share of all calls and nothing beside it.
        let share = Retry { attempts: 2, percent: rules.percent, per_second: 0 };
        Self { rules, left: Mutex::new(Budget::new(share, now)) }
    }

    /// Whether calls of this model and this length may be made twice.
    pub(crate) fn covers(&self, model: &str, body: usize) -> bool {
        body <= self.rules.body && self.rules.models.iter().any(|pattern| pattern.matches(model))
    }

    /// A call that is covered: it earns its share of second calls.
    pub(crate) fn deposit(&self) {
        self.left.lock().deposit();
    }

    /// After how long a second endpoint is asked; `None` where too little is known.
    pub(crate) fn after(&self, latencies: &Latencies) -> Option<Duration> {
        let after = match self.rules.after {
            HedgeAfter::Time(time) => time,
            HedgeAfter::Percentile(percent) => latencies.percentile(percent, self.rules.least)?,
        };
        Some(after.max(self.rules.floor))
    }

    /// Takes one second call, if there is one.
    pub(crate) fn withdraw(&self, now: Instant) -> bool {
        self.left.lock().withdraw(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use weir_core::Pattern;

    use super::*;

    fn ms(length: u64) -> Duration {
        Duration::from_millis(length)
    }

    #[test]
    fn few_answers_say_nothing_and_the_floor_holds() {
        let hedging = Hedging::new(Hedge::of(vec![Pattern::new("a*")]), Instant::now());
        let latencies = Latencies::default();
        for _ in 0..19 {
            latencies.add(ms(1));
        }
        assert_eq!(hedging.after(&latencies), None);
        latencies.add(ms(1));
        assert_eq!(hedging.after(&latencies), Some(ms(5)));
        assert!(hedging.covers("abc", 64 * 1024) && !hedging.covers("abc", 64 * 1024 + 1) && !hedging.covers("b", 1));
    }

    #[test]
    fn of_all_calls_no_more_than_the_share_are_made_twice() {
        let now = Instant::now();
        let hedging = Hedging::new(Hedge::of(vec![Pattern::new("*")]), now);
        let mut twice = 0;
        for call in 0..10_000 {
            hedging.deposit();
            twice += u32::from(hedging.withdraw(now + ms(call)));
        }
        assert!((495..=500).contains(&twice), "{twice}");
    }

    proptest! {
        #[test]
        fn a_percentile_is_one_of_the_latest_and_as_many_are_below(
            all in proptest::collection::vec(1u64..10_000, 1..600), percent in 50u8..100,
        ) {
            let latencies = Latencies::default();
            for &took in &all {
                latencies.add(ms(took));
            }
            let found = latencies.percentile(percent, 1).unwrap().as_secs_f32();
            let latest = &all[all.len().saturating_sub(REMEMBERED)..];
            let below = latest.iter().filter(|&&took| ms(took).as_secs_f32() <= found).count();
            prop_assert!(latest.iter().any(|&took| (ms(took).as_secs_f32() - found).abs() < 1e-6));
            prop_assert!(below * 100 >= latest.len() * usize::from(percent));
            let strictly = latest.iter().filter(|&&took| ms(took).as_secs_f32() < found).count();
            prop_assert!(strictly * 100 < latest.len() * usize::from(percent));
            prop_assert!(latencies.0.lock().seen.len() <= REMEMBERED);
        }
    }
}
