//! The workers of one generation: all that were made for one configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use wasmtime::Engine;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::queue::{Pushed, Queue, QueueFull, WorkerId};
use super::{Job, run};
use crate::EdgeStats;
use crate::error::Failure;
use crate::state::{Ingredients, InstanceState};
use crate::stats::{down, up};

/// A queue, and the workers that serve it.
pub(crate) struct Pool {
    pub(super) engine: Engine,
    pub(super) service: ServicePre<InstanceState>,
    pub(super) ingredients: Ingredients,
    pub(super) queue: Queue<Job>,
    /// Workers alive, in this generation.
    live: AtomicUsize,
    /// Those of them that have no room.
    full: AtomicUsize,
    /// Workers alive, in all generations: they share the memory pool.
    everywhere: Arc<AtomicUsize>,
    next: AtomicU64,
    retired: AtomicBool,
}

impl Pool {
    /// A generation without workers. `everywhere` counts those of all generations.
    pub(crate) fn new(
        engine: Engine,
        service: ServicePre<InstanceState>,
        ingredients: Ingredients,
        everywhere: Arc<AtomicUsize>,
    ) -> Arc<Self> {
        let queue = Queue::new(ingredients.limits.queue);
        Arc::new(Self {
            engine,
            service,
            ingredients,
            queue,
            live: AtomicUsize::new(0),
            full: AtomicUsize::new(0),
            everywhere,
            next: AtomicU64::new(0),
            retired: AtomicBool::new(false),
        })
    }

    /// Takes a request, unless too many wait.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), QueueFull> {
        if self.queue.push(job)? == Pushed::Waits {
            let with_room = self.live.load(Ordering::Acquire).saturating_sub(self.full.load(Ordering::Acquire));
            if with_room < self.ingredients.limits.parallelism.max(1) {
                self.grow();
            }
        }
        Ok(())
    }

    /// Makes one more worker for requests that have waited too long.
    pub(crate) fn nudge(self: &Arc<Self>) {
        if self.queue.len() > 0 {
            self.grow();
        }
    }

    /// Lets the workers finish what they have, and then end: a newer generation has taken over.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        self.queue.wake_all();
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Requests that wait for a worker.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn stats(&self) -> &EdgeStats {
        &self.ingredients.stats
    }

    /// Makes one more worker, unless there are as many as there may be.
    fn grow(self: &Arc<Self>) {
        let limit = self.ingredients.limits.max_instances as usize;
        let more = |live: usize| (live < limit).then_some(live + 1);
        if self.everywhere.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_err() {
            return;
        }
        self.live.fetch_add(1, Ordering::AcqRel);
        up(&self.stats().instances_live);
        let id = WorkerId(self.next.fetch_add(1, Ordering::Relaxed));
        tokio::spawn(run::worker(Seat { pool: self.clone(), id, full: false }));
    }
}

/// A worker's place in its pool, until this is dropped.
pub(super) struct Seat {
    pub(super) pool: Arc<Pool>,
    pub(super) id: WorkerId,
    full: bool,
}

impl Seat {
    /// Notes whether the worker has room.
    pub(super) fn set_full(&mut self, full: bool) {
        if self.full != full {
            self.full = full;
            if full {
                self.pool.full.fetch_add(1, Ordering::AcqRel);
            } else {
                self.pool.full.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    /// No instance could be made for the worker: where no other is left to serve them, those who wait are told.
    pub(super) fn failed(&self, error: &wasmtime::Error) {
        up(&self.pool.stats().instances_failed);
        tracing::warn!(error = %format_args!("{error:#}"), "an instance could not be made");
        if self.pool.live.load(Ordering::Acquire) <= 1 {
            while let Some(job) = self.pool.queue.pop() {
                drop(job.reply.send(Err(Failure::Instantiate)));
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.set_full(false);
        self.pool.live.fetch_sub(1, Ordering::AcqRel);
        self.pool.everywhere.fetch_sub(1, Ordering::AcqRel);
        down(&self.pool.stats().instances_live);
        self.pool.queue.leave(self.id);
        self.pool.queue.pass_on();
        // A request that came while this worker was ending may have found it still alive, and made no other.
        if self.pool.queue.len() > 0 {
            self.pool.grow();
        }
    }
}
