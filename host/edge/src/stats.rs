//! What an edge counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters and gauges of one edge, for `/metrics`. Each is read on its own; together they are no snapshot.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct EdgeStats {
    /// Requests that came in, health checks not included.
    pub requests: AtomicU64,
    /// Requests whose response is not at its end. A gauge.
    pub in_flight: AtomicU64,
    /// Requests that wait for an instance. A gauge.
    pub queued: AtomicU64,
    /// Requests refused with 503 since there was no room.
    pub overloaded: AtomicU64,
    /// Requests whose client left before the end.
    pub client_gone: AtomicU64,
    /// Responses that were broken off with an error: a truncated stream, a trap.
    pub aborted: AtomicU64,
    /// Instances alive. A gauge.
    pub instances_live: AtomicU64,
    /// Instances made.
    pub instances_created: AtomicU64,
    /// Instances that could not be made.
    pub instances_failed: AtomicU64,
    /// Instances that ended in a trap, those over the CPU deadline included.
    pub instances_trapped: AtomicU64,
    /// Instances killed for computing too long.
    pub instances_over_deadline: AtomicU64,
    /// Bytes of request bodies that were handed to guests.
    pub bytes_in: AtomicU64,
    /// Bytes of response bodies that were handed to clients.
    pub bytes_out: AtomicU64,
    /// Calls that guests made.
    pub outbound: AtomicU64,
    /// Calls that guests made to a destination they may not reach.
    pub outbound_denied: AtomicU64,
    /// Calls that belong to no request that is known: they are not cancelled when a client leaves.
    pub outbound_unattributed: AtomicU64,
    /// Calls that were cancelled since the client had left, or had been told that its request failed.
    pub outbound_cancelled: AtomicU64,
    /// Components that came from the compilation cache.
    pub cache_hits: AtomicU64,
    /// Components that had to be compiled.
    pub cache_misses: AtomicU64,
    /// Lines that guests printed to their standard error and that are not in the log, since there were too many.
    pub guest_lines_dropped: AtomicU64,
}

/// Adds one.
pub(crate) fn up(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Takes one away.
pub(crate) fn down(gauge: &AtomicU64) {
    gauge.fetch_sub(1, Ordering::Relaxed);
}
