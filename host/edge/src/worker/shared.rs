//! What an instance's worker and its requests know of each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures::task::AtomicWaker;
use tokio::sync::SetOnce;

use crate::call::Call;

/// How an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With its work done.
    Clean,
    /// It trapped, or the host had a fault.
    Trapped,
    /// It computed for too long.
    CpuDeadline,
}

/// One instance, as its requests see it.
#[derive(Default)]
pub(crate) struct Shared {
    /// Requests that it serves: from being taken to the end of the response.
    open: AtomicUsize,
    /// Bytes of request bodies that were handed to it, for requests that are not over.
    pub(crate) held: AtomicU64,
    end: SetOnce<End>,
    worker: AtomicWaker,
}

impl Shared {
    /// Notes the end. The first one counts.
    pub(crate) fn ended(&self, end: End) {
        let _first = self.end.set(end);
    }

    /// How it ended, once it has.
    pub(crate) async fn end(&self) -> End {
        *self.end.wait().await
    }

    /// Whether it ended otherwise than with its work done: then what its guest did not finish is cut short.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.end.get(), Some(End::Trapped | End::CpuDeadline))
    }

    /// Requests that it serves now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Bytes of request bodies that it holds.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Wakes this task when a request ends.
    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.worker.register(waker);
    }

    /// Begins a request.
    pub(crate) fn open_for(self: &Arc<Self>, call: Arc<Call>) -> Opened {
        self.open.fetch_add(1, Ordering::AcqRel);
        call.taken_by(self.clone());
        Opened { instance: self.clone(), call }
    }
}

/// A request that an instance serves, until this is dropped.
pub(crate) struct Opened {
    instance: Arc<Shared>,
    call: Arc<Call>,
}

impl Opened {
    /// The instance.
    pub(crate) fn instance(&self) -> &Shared {
        &self.instance
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.call.release();
        self.instance.open.fetch_sub(1, Ordering::AcqRel);
        self.instance.worker.wake();
    }
}
