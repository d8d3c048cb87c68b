//! How fast an endpoint answers beside the others of its model.
//!
//! What is in flight tells soon which endpoint is slow, but only where there is much to do: of few requests, each finds
//! an idle endpoint, and one in so many finds the slow one. So answers are timed. A short answer and a long one of the
//! same model can differ by far more than two endpoints, hence an answer is held against what is usual for its model and
//! kind, as a ratio, and an endpoint is as fast as the mean of its latest ratios says. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// The part of a new answer in an endpoint's mean, and in what is usual.
const NEW: f64 = 0.1;
const NEW_TO_ALL: f64 = 0.02;
/// What fewer answers say is chance.
const FEW: u32 = 5;
/// After so long without an answer, what an endpoint showed is forgotten: it gets another chance.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// An endpoint that is less than twice as slow as another is as good: ln 2.
const TOLERATED: f64 = std::f64::consts::LN_2;
/// The most that slowness counts: e^3.5, which is 33 requests in flight.
const WORST: f64 = 3.5;

/// What of an answer was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timed {
    /// The time to the first byte of a stream.
    Stream,
    /// The time to an answer that comes as a whole.
    Whole,
}

/// What is usual for a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usual {
    stream: Mean,
    whole: Mean,
}

/// What the latest answers of an endpoint took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    /// The natural logarithm of its time beside what is usual: over 0 where it is slower.
    ratio: Mean,
    /// The same in seconds, beside nothing.
    seconds: Mean,
    last: Option<Instant>,
}

/// A mean in which the latest values count most.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    value: f64,
    seen: u32,
}

impl Mean {
    fn add(&mut self, value: f64, part: f64) {
        self.seen = self.seen.saturating_add(1);
        self.value += (value - self.value) * part.max(1.0 / f64::from(self.seen));
    }
}

impl Usual {
    /// An answer of this model came after `took`: its ratio to what was usual until now.
    pub(crate) fn add(&mut self, timed: Timed, took: Duration) -> f64 {
        let usual = match timed {
            Timed::Stream => &mut self.stream,
            Timed::Whole => &mut self.whole,
        };
        // What is faster than this is all the same.
        let log = took.as_secs_f64().max(1e-4).ln();
        let before = if usual.seen == 0 { log } else { usual.value };
        usual.add(log, NEW_TO_ALL);
        log - before
    }
}

impl Pace {
    /// An answer came after `took`, which is `ratio` beside what is usual.
    pub(crate) fn add(&mut self, ratio: f64, took: Duration, now: Instant) {
        let kept = self.kept(now);
        if kept == 0.0 {
            *self = Self::default();
        }
        self.ratio.value *= kept;
        self.ratio.add(ratio, NEW);
        self.seconds.add(took.as_secs_f64(), NEW);
        self.last = Some(now);
    }

    /// How slow it is: a logarithm that is only good beside those of other endpoints.
    pub(crate) fn slowness(&self, now: Instant) -> f64 {
        if self.ratio.seen < FEW { 0.0 } else { self.ratio.value * self.kept(now) }
    }

    /// What an answer takes lately.
    pub(crate) fn latency(&self) -> Option<Duration> {
        (self.seconds.seen > 0).then(|| Duration::from_secs_f64(self.seconds.value.max(0.0)))
    }

    /// How much of what it showed still counts, from 1 down to 0.
    fn kept(&self, now: Instant) -> f64 {
        let Some(last) = self.last else { return 0.0 };
        let idle = now.saturating_duration_since(last).as_secs_f64();
        (1.0 - idle / FORGOTTEN.as_secs_f64()).max(0.0)
    }
}

/// By how much a request in flight counts for more on an endpoint of this slowness, beside the fastest it is compared
/// with: 1 up to twice as slow, and from there half of how many times slower it is.
pub(crate) fn penalty(slowness: f64, fastest: f64) -> f64 {
    let over = slowness - fastest - TOLERATED;
    if over <= 0.0 { 1.0 } else { over.min(WORST).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(length: u64) -> Duration {
        Duration::from_millis(length)
    }

    #[test]
    fn r8_an_endpoint_ten_times_slower_counts_five_times_until_it_is_forgotten() {
        let (mut usual, mut fast, mut slow) = (Usual::default(), Pace::default(), Pace::default());
        let now = Instant::now();
        for _ in 0..50 {
            for (pace, took) in [(&mut fast, ms(20)), (&mut slow, ms(200))] {
                pace.add(usual.add(Timed::Whole, took), took, now);
            }
        }
        let slower = |at| penalty(slow.slowness(at), fast.slowness(now));
        assert!((4.5..5.5).contains(&slower(now)), "{}", slower(now));
        assert_eq!(slow.latency().map(|took| took.as_millis()), Some(200));
        assert!((slow.slowness(now + FORGOTTEN)).abs() < 1e-9);
    }

    #[test]
    fn answers_of_very_different_length_make_no_endpoint_slow() {
        let mut usual = Usual::default();
        let mut paces = [Pace::default(), Pace::default()];
        let now = Instant::now();
        // Lengths from 10 ms to 2.6 s in an order that has nothing to do with the endpoints'.
        let mut state = 1u32;
        for turn in 0..10_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let took = ms(10 << ((state >> 24) % 9));
            let (timed, took) = if turn % 3 == 0 { (Timed::Stream, took / 20) } else { (Timed::Whole, took) };
            paces[((state >> 16) % 2) as usize].add(usual.add(timed, took), took, now);
        }
        let [a, b] = paces.map(|pace| pace.slowness(now));
        assert!((a - b).abs() < 2.0 * TOLERATED, "{a} {b}");
    }

    #[test]
    fn few_answers_say_nothing() {
        let mut pace = Pace::default();
        let now = Instant::now();
        for _ in 0..FEW - 1 {
            pace.add(3.0, ms(1), now);
        }
        assert!(pace.slowness(now).abs() < f64::EPSILON);
        pace.add(3.0, ms(1), now);
        assert!((pace.slowness(now) - 3.0).abs() < f64::EPSILON);
    }
}
