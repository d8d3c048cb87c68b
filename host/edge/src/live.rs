//! The requests that are under way, to be found when the process stops.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::call::{Call, Cut};

/// The requests that are under way.
#[derive(Default)]
pub(crate) struct Live(Mutex<HashMap<usize, Weak<Call>>>);

impl Live {
    pub(crate) fn add(&self, call: &Arc<Call>) {
        self.0.lock().insert(key(call), Arc::downgrade(call));
    }

    pub(crate) fn remove(&self, call: &Arc<Call>) {
        self.0.lock().remove(&key(call));
    }

    /// Fails the calls that guests make for them, so that each can end its stream with an error event.
    pub(crate) fn stop(&self) -> usize {
        let calls: Vec<_> = self.0.lock().values().filter_map(Weak::upgrade).collect();
        for call in &calls {
            call.cut(Cut::Stopping);
        }
        calls.len()
    }
}

/// A call is removed before its memory is given up, so its address names it as long as it is here.
fn key(call: &Arc<Call>) -> usize {
    Arc::as_ptr(call).addr()
}
