//! Clocks.

use super::bindings::wasi::clocks::{monotonic_clock, system_clock};

/// The time of day, in milliseconds since 1970.
pub(crate) fn wall_millis() -> u64 {
    let instant = system_clock::now();
    let seconds = u64::try_from(instant.seconds).unwrap_or_default();
    seconds * 1_000 + u64::from(instant.nanoseconds) / 1_000_000
}

/// Nanoseconds since some point in time, never fewer than before.
pub(crate) fn monotonic_nanos() -> u64 {
    monotonic_clock::now()
}

/// Waits for so many nanoseconds.
pub(crate) async fn sleep_nanos(nanos: u64) {
    monotonic_clock::wait_for(nanos).await;
}
