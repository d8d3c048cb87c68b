//! How many retries all requests together may make: a share of the requests, and a few each second.
//!
//! Without it, retries double the load just when the servers can least bear it. Pure: the time is an argument.

use std::time::Instant;

use crate::options::Retry;

/// Requests over which a share is remembered: what was earned in quiet times does not pay for a storm.
const REMEMBERED: f64 = 500.0;

/// A bucket of retries.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    rules: Retry,
    /// From the requests.
    earned: f64,
    /// From the clock, up to one second's worth.
    allowance: f64,
    filled: Instant,
}

impl Budget {
    /// A budget that starts with its allowance for one second.
    pub(crate) fn new(rules: Retry, now: Instant) -> Self {
        Self { rules, earned: 0.0, allowance: f64::from(rules.per_second), filled: now }
    }

    /// A request came: it earns its share.
    pub(crate) fn deposit(&mut self) {
        let share = f64::from(self.rules.percent) / 100.0;
        self.earned = (self.earned + share).min(REMEMBERED * share);
    }

    /// Takes one retry, if there is one.
    pub(crate) fn withdraw(&mut self, now: Instant) -> bool {
        let per_second = f64::from(self.rules.per_second);
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = self.filled.max(now);
        self.allowance = (self.allowance + passed * per_second).min(per_second);
        let purse = if self.allowance >= 1.0 { &mut self.allowance } else { &mut self.earned };
        if *purse < 1.0 {
            return false;
        }
        *purse -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn r2_a_storm_of_failures_is_retried_within_the_budget() {
        let start = Instant::now();
        let mut budget = Budget::new(Retry::default(), start);
        let mut retries = 0;
        // 100 requests a second for 60 s, each of which would like a retry.
        for request in 0..6_000 {
            budget.deposit();
            retries += u32::from(budget.withdraw(start + Duration::from_millis(10) * request));
        }
        let most = 6_000 / 5 + 10 * 60 + 10;
        assert!((most - 20..=most).contains(&retries), "{retries} of {most}");
    }

    #[test]
    fn quiet_times_do_not_pay_for_a_storm() {
        let start = Instant::now();
        let mut budget = Budget::new(Retry::default(), start);
        for _ in 0..1_000_000 {
            budget.deposit();
        }
        let retries = (0..1_000).filter(|_| budget.withdraw(start)).count();
        assert_eq!(retries, 110);
    }
}
