//! How many further attempts are allowed, over all requests of an instance: when everything fails, retries must not
//! become a second storm.

use weir_core::Millis;
use weir_core::config::Retry;

/// A thousandth of an attempt: whole numbers, so that nothing is lost to rounding.
const WHOLE: u64 = 1_000;
/// How many attempts can be saved up from requests; enough for a backend that fails after a long time of peace.
const SAVED_AT_MOST: u64 = 100 * WHOLE;

/// Two buckets: each request puts a percentage of an attempt into one, time fills the other.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    percent: u64,
    per_second: u64,
    from_requests: u64,
    from_time: u64,
    filled_at: Millis,
}

impl RetryBudget {
    /// A budget at `now`, measured from any fixed point on a clock that does not go back.
    #[must_use]
    pub fn new(retry: &Retry, now: Millis) -> Self {
        let per_second = u64::from(retry.per_second);
        Self {
            percent: u64::from(retry.percent),
            per_second,
            from_requests: 0,
            from_time: per_second * WHOLE,
            filled_at: now,
        }
    }

    /// A request came.
    pub fn count_request(&mut self) {
        self.from_requests = (self.from_requests + self.percent * WHOLE / 100).min(SAVED_AT_MOST);
    }

    /// Takes one further attempt out, if there is one.
    pub fn take(&mut self, now: Millis) -> bool {
        self.fill(now);
        let bucket = if self.from_requests >= WHOLE { &mut self.from_requests } else { &mut self.from_time };
        let enough = *bucket >= WHOLE;
        if enough {
            *bucket -= WHOLE;
        }
        enough
    }

    /// The bucket that time fills holds what a second brings.
    fn fill(&mut self, now: Millis) {
        let passed = now.saturating_sub(self.filled_at).0.min(1_000);
        self.filled_at = self.filled_at.max(now);
        // `per_second` attempts a second are as many thousandths a millisecond.
        self.from_time = (self.from_time + passed * self.per_second).min(self.per_second * WHOLE);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(percent: u32, per_second: u32) -> RetryBudget {
        RetryBudget::new(&Retry { attempts: 3, percent, per_second }, Millis(5_000))
    }

    #[test]
    fn r2_a_storm_gets_a_fifth_more_and_ten_a_second() {
        let mut budget = budget(20, 10);
        let mut retries = 0;
        // 1 000 requests a second for ten seconds, each of which fails.
        for millisecond in 0..10_000 {
            budget.count_request();
            retries += u64::from(budget.take(Millis(5_000 + millisecond)));
        }
        assert!((2_000..=2_000 + 10 + 100).contains(&retries), "{retries}");
    }

    #[test]
    fn nothing_is_allowed_where_nothing_is_configured() {
        let mut budget = budget(0, 0);
        budget.count_request();
        assert!(!budget.take(Millis(1_000_000)));
    }

    #[test]
    fn time_alone_fills_no_more_than_a_second() {
        let mut budget = budget(0, 2);
        let allowed = |budget: &mut RetryBudget, now| (0..10).filter(|_| budget.take(Millis(now))).count();
        assert_eq!(allowed(&mut budget, 5_000), 2);
        assert_eq!(allowed(&mut budget, 5_499), 0);
        assert_eq!(allowed(&mut budget, 5_500), 1);
        assert_eq!(allowed(&mut budget, 900_000), 2);
        assert_eq!(allowed(&mut budget, 1), 0, "a clock that goes back fills nothing");
    }

    proptest! {
        #[test]
        fn never_more_than_the_two_rates_allow(
            steps in prop::collection::vec((0_u64..50, any::<bool>()), 1..500),
            percent in 0_u32..=100,
            per_second in 0_u32..20,
        ) {
            let mut budget = budget(percent, per_second);
            let (mut now, mut requests, mut retries) = (5_000, 0_u64, 0_u64);
            for (pause, fails) in steps {
                now += pause;
                requests += 1;
                budget.count_request();
                retries += u64::from(fails && budget.take(Millis(now)));
            }
            let by_time = u64::from(per_second) * (1_000 + now - 5_000) / 1_000 + 1;
            prop_assert!(retries <= requests * u64::from(percent) / 100 + by_time);
        }
    }
}
