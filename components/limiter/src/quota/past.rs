//! What became of attempts lately: so that a settlement counts once, and a late one mends what its lease was charged.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use weir_core::config::LimitUnit;

use super::counters::CounterKey;
use crate::attempt::AttemptId;
use crate::window::Slot;

/// An attempt that is over.
#[derive(Debug)]
pub(super) struct Over {
    /// Whose the reservation was, where there was one.
    pub(super) owner: Option<Arc<str>>,
    pub(super) how: How,
}

#[derive(Debug)]
pub(super) enum How {
    Settled,
    /// The lease ran out and was charged as estimated.
    Expired(Vec<Charge>),
}

/// What was charged for an attempt whose lease ran out.
#[derive(Debug)]
pub(super) struct Charge {
    pub(super) key: CounterKey,
    pub(super) unit: LimitUnit,
    pub(super) slot: Slot,
    pub(super) amount: u64,
}

/// The last so many attempts that are over; the oldest is forgotten first.
#[derive(Debug)]
pub(super) struct Past {
    attempts: HashMap<AttemptId, Over>,
    order: VecDeque<AttemptId>,
    most: usize,
}

impl Past {
    pub(super) fn new(most: usize) -> Self {
        Self { attempts: HashMap::new(), order: VecDeque::new(), most: most.max(1) }
    }

    pub(super) fn get(&self, id: AttemptId) -> Option<&Over> {
        self.attempts.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: AttemptId) -> Option<&mut Over> {
        self.attempts.get_mut(&id)
    }

    pub(super) fn remember(&mut self, id: AttemptId, over: Over) {
        if self.attempts.insert(id, over).is_some() {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.attempts.remove(&oldest);
        }
    }
}
