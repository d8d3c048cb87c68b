//! How long to wait after a failure.

use std::time::Duration;

use rand::Rng;

use super::WatchLimits;

/// Pauses that double, with jitter.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next pause: at least half of what it may be, so that many clients spread and none hurries.
    pub(crate) fn next(&mut self, limits: &WatchLimits, rng: &mut impl Rng) -> Duration {
        let most = limits.first_pause.saturating_mul(1 << self.failures.min(16)).min(limits.longest_pause);
        self.failures = self.failures.saturating_add(1);
        most.mul_f64(rng.random_range(0.5..=1.0))
    }

    /// Forgets the failures.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    #[test]
    fn pauses_double_within_their_bounds_until_it_goes_well() {
        let limits = WatchLimits::default();
        let mut rng = SmallRng::seed_from_u64(7);
        let mut backoff = Backoff::default();
        for attempt in 0..200 {
            let most = Duration::from_millis(250 * (1 << attempt.min(7))).min(Duration::from_secs(30));
            let pause = backoff.next(&limits, &mut rng);
            assert!(pause <= most && pause >= most / 2, "attempt {attempt}: {pause:?} of {most:?}");
        }
        backoff.reset();
        assert!(backoff.next(&limits, &mut rng) <= limits.first_pause);
    }
}
