//! Clocks.

use wasip2::clocks::{monotonic_clock, wall_clock};
use wstd::runtime::AsyncPollable;

/// The time of day, in milliseconds since 1970.
pub(crate) fn wall_millis() -> u64 {
    let instant = wall_clock::now();
    instant.seconds * 1_000 + u64::from(instant.nanoseconds) / 1_000_000
}

/// Nanoseconds since some point in time, never fewer than before.
pub(crate) fn monotonic_nanos() -> u64 {
    monotonic_clock::now()
}

/// Waits for so many nanoseconds.
pub(crate) async fn sleep_nanos(nanos: u64) {
    AsyncPollable::new(monotonic_clock::subscribe_duration(nanos)).wait_for().await;
}
