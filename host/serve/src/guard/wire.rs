//! What the two sides of hyper, the socket's and the service's, tell each other about a connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use futures::task::AtomicWaker;

use super::Refusal;

/// Shared by a connection's reader and its requests.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    started: AtomicU64,
    completed: AtomicU64,
    /// Wakes the reader when a request is completed.
    reader: AtomicWaker,
    /// The number of the request that was refused, from 1, and why.
    refused: OnceLock<(u64, Refusal)>,
}

/// One request of a connection, until its answer is sent or given up.
#[derive(Debug)]
pub(crate) struct InFlight {
    wire: Arc<Wire>,
    number: u64,
}

impl Wire {
    /// Counts a request that the service is about to see.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        let number = self.started.fetch_add(1, Ordering::AcqRel) + 1;
        InFlight { wire: self.clone(), number }
    }

    /// Requests that have begun.
    pub(crate) fn started(&self) -> u64 {
        self.started.load(Ordering::Acquire)
    }

    /// Requests that are over.
    pub(crate) fn completed(&self) -> u64 {
        self.completed.load(Ordering::Acquire)
    }

    /// Whether a request is between its head and the end of its answer.
    pub(crate) fn is_busy(&self) -> bool {
        self.completed() < self.started()
    }

    pub(super) fn refuse(&self, number: u64, refusal: Refusal) {
        // A connection is refused once: its reader hands on nothing after.
        let _ = self.refused.set((number, refusal));
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused.get().is_some()
    }

    pub(super) fn wake_on_completion(&self, waker: &std::task::Waker) {
        self.reader.register(waker);
    }
}

impl InFlight {
    /// Why this request, which stands in for one that was withheld, is to be refused.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let (number, refusal) = self.wire.refused.get()?;
        (*number == self.number).then_some(*refusal)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.wire.completed.fetch_add(1, Ordering::AcqRel);
        self.wire.reader.wake();
    }
}
