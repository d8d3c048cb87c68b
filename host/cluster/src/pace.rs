//! How fast an endpoint answers beside the others of its model.
//!
//! What is in flight tells soon which endpoint is slow, but only where there is much to do: of few requests, each finds
//! an idle endpoint, and one in so many finds the slow one. So answers are timed. A short answer and a long one of the
//! same model can differ by far more than two endpoints, hence an answer is held against what is usual for its model and
//! kind, as a ratio, and an endpoint is as fast as the mean of its latest ratios says. Pure: the time is an argument.

use std::time::{Duration, Instant};

use crate::fleet::ModelId;

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
    last: Option<Last>,
}

/// The answer that came last: what is usual may have moved since.
#[derive(Clone, Copy, Debug)]
struct Last {
    at: Instant,
    model: ModelId,
    timed: Timed,
    usual: f64,
}

/// An answer beside what is usual.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    model: ModelId,
    timed: Timed,
    took: Duration,
    /// What was usual, as the logarithm of seconds.
    usual: f64,
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
    /// An answer of this model came after `took`: what that is beside what was usual until now.
    pub(crate) fn add(&mut self, model: ModelId, timed: Timed, took: Duration) -> Sample {
        let before = Some(self.of(timed)).filter(|mean| mean.seen > 0).map(|mean| mean.value);
        let log = log(took);
        let usual = match timed {
            Timed::Stream => &mut self.stream,
            Timed::Whole => &mut self.whole,
        };
        usual.add(log, NEW_TO_ALL);
        Sample { model, timed, took, usual: before.unwrap_or(log) }
    }

    fn of(&self, timed: Timed) -> Mean {
        match timed {
            Timed::Stream => self.stream,
            Timed::Whole => self.whole,
        }
    }
}

impl Pace {
    /// An answer came.
    pub(crate) fn add(&mut self, sample: Sample, now: Instant) {
        let Sample { model, timed, took, usual } = sample;
        let kept = self.kept(now);
        if kept == 0.0 {
            *self = Self::default();
        }
        // As much as the old is forgotten, the new counts for more.
        self.ratio.add(log(took) - usual, 1.0 - kept * (1.0 - NEW));
        self.seconds.add(took.as_secs_f64(), NEW);
        self.last = Some(Last { at: now, model, timed, usual });
    }

    /// How slow it is for a model: a logarithm that is only good beside those of other endpoints.
    pub(crate) fn slowness(&self, model: ModelId, usual: &Usual, now: Instant) -> f64 {
        let Some(last) = self.last.filter(|_| self.ratio.seen >= FEW) else { return 0.0 };
        // One that gets few requests is held against what is usual now, not when it was last asked.
        let moved = if last.model == model { last.usual - usual.of(last.timed).value } else { 0.0 };
        (self.ratio.value + moved) * self.kept(now)
    }

    /// What an answer takes lately.
    pub(crate) fn latency(&self) -> Option<Duration> {
        (self.seconds.seen > 0).then(|| Duration::from_secs_f64(self.seconds.value.max(0.0)))
    }

    /// How much of what it showed still counts, from 1 down to 0.
    fn kept(&self, now: Instant) -> f64 {
        let Some(last) = self.last else { return 0.0 };
        let idle = now.saturating_duration_since(last.at).as_secs_f64();
        (1.0 - idle / FORGOTTEN.as_secs_f64()).max(0.0)
    }
}

/// What is faster than a tenth of a millisecond is all the same.
fn log(took: Duration) -> f64 {
    took.as_secs_f64().max(1e-4).ln()
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

    const MODEL: fn() -> ModelId = ModelId::default;

    #[test]
    fn r8_an_endpoint_ten_times_slower_counts_five_times_until_it_is_forgotten() {
        let (mut usual, mut fast, mut slow) = (Usual::default(), Pace::default(), Pace::default());
        let now = Instant::now();
        for _ in 0..8 {
            for (pace, took) in [(&mut fast, ms(20)), (&mut slow, ms(200))] {
                pace.add(usual.add(MODEL(), Timed::Whole, took), now);
            }
        }
        let slower = |usual: &Usual, slow: &Pace, fast: &Pace, at| {
            penalty(slow.slowness(MODEL(), usual, at), fast.slowness(MODEL(), usual, at))
        };
        assert!((4.0..6.5).contains(&slower(&usual, &slow, &fast, now)), "{}", slower(&usual, &slow, &fast, now));
        assert_eq!(slow.latency().map(|took| took.as_millis()), Some(200));
        // Nobody asks it any more, and what is usual becomes what the fast one does.
        for _ in 0..500 {
            fast.add(usual.add(MODEL(), Timed::Whole, ms(20)), now);
        }
        assert!((4.0..6.5).contains(&slower(&usual, &slow, &fast, now)), "{}", slower(&usual, &slow, &fast, now));
        let later = now + FORGOTTEN * 3 / 4;
        assert!(slower(&usual, &slow, &fast, later) < 1.5, "it is given another chance");
        slow.add(usual.add(MODEL(), Timed::Whole, ms(200)), later);
        fast.add(usual.add(MODEL(), Timed::Whole, ms(20)), later);
        assert!((4.0..6.5).contains(&slower(&usual, &slow, &fast, later)), "which one slow answer ends");
        assert!(slow.slowness(MODEL(), &usual, later + FORGOTTEN).abs() < 1e-9);
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
            paces[((state >> 16) % 2) as usize].add(usual.add(MODEL(), timed, took), now);
        }
        let [a, b] = paces.map(|pace| pace.slowness(MODEL(), &usual, now));
        assert!((a - b).abs() < 2.5 * TOLERATED, "{a} {b}");
    }

    #[test]
    fn few_answers_say_nothing() {
        let (mut usual, mut pace) = (Usual::default(), Pace::default());
        let now = Instant::now();
        usual.add(MODEL(), Timed::Whole, ms(1));
        let slow = |usual: &mut Usual| usual.clone().add(MODEL(), Timed::Whole, ms(100));
        for _ in 0..FEW - 1 {
            pace.add(slow(&mut usual), now);
        }
        assert!(pace.slowness(MODEL(), &usual, now).abs() < f64::EPSILON);
        pace.add(slow(&mut usual), now);
        assert!((pace.slowness(MODEL(), &usual, now) - 100f64.ln()).abs() < 1e-6);
    }
}
