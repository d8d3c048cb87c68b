//! Time.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::future::{Either, select};
use weir_core::{Millis, UnixMillis};

use crate::platform;

/// The time of day.
#[must_use]
pub fn now() -> UnixMillis {
    UnixMillis(platform::wall_millis())
}

/// A point in time from which to measure; it never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Mark(u64);

impl Mark {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self(platform::monotonic_nanos())
    }

    /// How long ago it was.
    #[must_use]
    pub fn elapsed(self) -> Millis {
        Millis(platform::monotonic_nanos().saturating_sub(self.0) / 1_000_000)
    }
}

/// Waits.
pub async fn sleep(length: Duration) {
    platform::sleep_nanos(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)).await;
}

/// What `work` gives, unless it takes longer than `limit`; then it is dropped.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), pin!(sleep(limit))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// A timer of the host that was started, or will be at its first poll.
type Timer = Pin<Box<dyn Future<Output = ()>>>;

/// One deadline for several pieces of work, one after another. It takes one timer of the host for all of them: to set
/// one and to take it back costs more than most of what it is set for.
pub struct Deadline(Timer);

impl Deadline {
    /// A deadline so far from now.
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        let began = Mark::now();
        // The timer is set when something first has to be waited for, which may be later.
        Self(Box::pin(async move { sleep(limit.saturating_sub(began.elapsed().into())).await }))
    }

    /// What `work` gives, unless the deadline comes first; then it is dropped, and nothing more may be asked of the
    /// deadline.
    pub async fn within<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        match select(pin!(work), self.0.as_mut()).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }
}

/// Notices when nothing has happened for a while, and when nothing has for too long, with one timer of the host a
/// period, not one for each thing that happens.
pub struct Silence {
    limit: Duration,
    beat: Duration,
    since: Mark,
    beaten: Mark,
    timer: Option<Timer>,
}

/// What came of waiting in silence.
pub enum Waited<T> {
    /// The work is done.
    Done(T),
    /// It has been silent for another beat: the other side may want to be told that all is well.
    Beat,
    /// It was silent for too long.
    Over,
}

impl Silence {
    /// Silence may last for `limit`, from now on, and is noticed each `beat` of it.
    #[must_use]
    pub fn of(limit: Duration, beat: Duration) -> Self {
        let now = Mark::now();
        Self { limit, beat, since: now, beaten: now, timer: None }
    }

    /// Something happened.
    pub fn broken(&mut self) {
        self.since = Mark::now();
        self.beaten = self.since;
    }

    /// Waits for `work`, which may be waited for again after a beat.
    pub async fn wait<T>(&mut self, mut work: Pin<&mut impl Future<Output = T>>) -> Waited<T> {
        loop {
            let (limit, since, beat, beaten) = (self.limit, self.since, self.beat, self.beaten);
            let left = move || limit.saturating_sub(since.elapsed().into());
            let quiet = move || beat.saturating_sub(beaten.elapsed().into());
            let timer = self.timer.get_or_insert_with(|| Box::pin(async move { sleep(left().min(quiet())).await }));
            match select(work.as_mut(), timer.as_mut()).await {
                Either::Left((done, _)) => return Waited::Done(done),
                // It was set for a silence that may have been broken since.
                Either::Right(_) => self.timer = None,
            }
            if left().is_zero() {
                return Waited::Over;
            }
            if quiet().is_zero() {
                self.beaten = Mark::now();
                return Waited::Beat;
            }
        }
    }
}
