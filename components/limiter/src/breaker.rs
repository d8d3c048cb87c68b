//! A circuit breaker: who keeps failing is left alone for a while.

use std::collections::VecDeque;

use weir_core::Millis;

/// When a breaker opens, and for how long. The defaults are those of DESIGN.md, section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// So many failures open it. 5.
    pub failures: usize,
    /// If they fall within this time. 5 s.
    pub within: Millis,
    /// For so long no call is made; then one is let through, and another each time this has passed, until one
    /// succeeds. 5 s.
    pub pause: Millis,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self { failures: 5, within: Millis(5_000), pause: Millis(5_000) }
    }
}

/// A breaker for one place that calls go to. Time is that of a monotonic clock.
#[derive(Debug, Default)]
pub struct Breaker {
    options: BreakerOptions,
    failures: VecDeque<Millis>,
    /// Until when no call is made; in the past while one is on trial.
    open_until: Option<Millis>,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(options: BreakerOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Whether a call may be made now. While the breaker is open, the one that may is the trial: others wait for its
    /// end, or for another pause where it has none, so that whoever comes back is not overrun.
    pub fn allows(&mut self, now: Millis) -> bool {
        match self.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.open_until = Some(now + self.options.pause);
                true
            }
        }
    }

    /// A call succeeded.
    pub fn succeeded(&mut self) {
        self.failures.clear();
        self.open_until = None;
    }

    /// A call failed.
    pub fn failed(&mut self, now: Millis) {
        if self.open_until.is_some() {
            self.open_until = Some(now + self.options.pause);
            return;
        }
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|first| *first + self.options.within <= now) {
            self.failures.pop_front();
        }
        if self.failures.len() >= self.options.failures.max(1) {
            self.failures.clear();
            self.open_until = Some(now + self.options.pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &mut Breaker, times: u64, from: u64) {
        for at in from..from + times {
            assert!(breaker.allows(Millis(at)));
            breaker.failed(Millis(at));
        }
    }

    #[test]
    fn k2_five_failures_in_five_seconds_open_it() {
        let mut breaker = Breaker::default();
        fail(&mut breaker, 5, 1_000);
        assert!(!breaker.allows(Millis(1_005)) && !breaker.allows(Millis(6_003)));
        assert!(breaker.allows(Millis(6_004)));
    }

    #[test]
    fn failures_that_are_far_apart_do_not() {
        let mut breaker = Breaker::default();
        for at in (0..100_000).step_by(1_250) {
            assert!(breaker.allows(Millis(at)));
            breaker.failed(Millis(at));
        }
    }

    #[test]
    fn a_success_between_them_does_away_with_failures() {
        let mut breaker = Breaker::default();
        fail(&mut breaker, 4, 0);
        breaker.succeeded();
        fail(&mut breaker, 4, 10);
        assert!(breaker.allows(Millis(20)));
    }

    #[test]
    fn k3_one_call_tries_whether_it_is_over() {
        let mut breaker = Breaker::default();
        fail(&mut breaker, 5, 0);
        assert!(breaker.allows(Millis(5_004)));
        assert!(!breaker.allows(Millis(5_005)), "the trial is still under way");
        breaker.failed(Millis(6_000));
        assert!(!breaker.allows(Millis(10_999)));
        assert!(breaker.allows(Millis(11_000)), "and another, even if the first is never heard of again");
        breaker.succeeded();
        assert!(breaker.allows(Millis(11_001)) && breaker.allows(Millis(11_001)));
    }
}
