//! Time.

use std::future::Future;
use std::pin::pin;
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
