//! Every limit of the embedded runtime, in one place.

use std::time::Duration;

/// The limits of one edge. The defaults fit a chain of four parts; each says what happens beyond it.
#[derive(Clone, Debug)]
pub struct EdgeLimits {
    /// Instances of the chain at once. Memory for them is reserved, not used, at the start. Beyond it requests wait,
    /// then get a 503. Default 128.
    pub max_instances: u32,
    /// How many instances with room there should be before one more is made for a waiting request: as many as there
    /// are threads to run them. Default: the processors at hand.
    pub parallelism: usize,
    /// Requests that an instance serves in all; then another takes its place. Default 128.
    pub requests_per_instance: u32,
    /// Requests that an instance serves at once, streams that are still running included. Default 16.
    pub concurrent_per_instance: usize,
    /// How long an instance without work is kept. Default 1 s.
    pub idle: Duration,
    /// Linear memory of one instance, in bytes. It is for all parts of the instance together, of which the router and
    /// the translator may each hold a body twice. Beyond it a part's allocation fails. Default 256 MiB.
    pub memory_bytes: usize,
    /// How long an instance may compute without once waiting for something. Beyond it the instance is killed, and its
    /// requests get a 503. Default 1 s.
    pub cpu_deadline: Duration,
    /// How long a request may wait for its response's head. Beyond it 504. Default 10 min: the translator's own
    /// timeouts come first.
    pub head_timeout: Duration,
    /// How long an instance that takes no more requests, and has none left, may go on by itself (settling, renewing a
    /// lease) before it is dropped. Default 60 s.
    pub leftover_grace: Duration,
    /// Requests that wait for an instance. Beyond it 503. Default 1024.
    pub queue: usize,
    /// How long a request may wait for an instance. Beyond it 503. Default 5 s.
    pub queue_timeout: Duration,
    /// What a 503 says in `Retry-After`, in whole seconds. Default 1 s.
    pub retry_after: Duration,
    /// Request bodies that one instance holds at once, in bytes. Beyond it the request that went over gets a 503.
    /// Default 32 MiB.
    pub body_bytes_per_instance: u64,
    /// The in-memory size of one set of header or trailer fields that a part builds, in bytes. Beyond it the part gets
    /// an error. Default 128 KiB.
    pub field_bytes: usize,
    /// Parts in a chain that the memory pool is laid out for, providers of settings included. A chain with more fails
    /// to start. Default 10.
    pub max_parts: u32,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            max_instances: 128,
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
            requests_per_instance: 128,
            concurrent_per_instance: 16,
            idle: Duration::from_secs(1),
            memory_bytes: 256 << 20,
            cpu_deadline: Duration::from_secs(1),
            head_timeout: Duration::from_secs(600),
            leftover_grace: Duration::from_secs(60),
            queue: 1024,
            queue_timeout: Duration::from_secs(5),
            retry_after: Duration::from_secs(1),
            body_bytes_per_instance: 32 << 20,
            field_bytes: 128 << 10,
            max_parts: 10,
        }
    }
}

impl EdgeLimits {
    /// How often the clock of the CPU deadline ticks: often enough to be within a few percent of it, but not so often
    /// that an idle process is kept awake for nothing.
    pub(crate) fn tick(&self) -> Duration {
        (self.cpu_deadline / 50).clamp(Duration::from_millis(1), Duration::from_millis(10))
    }
}
