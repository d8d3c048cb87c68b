//! All counters: one for each limit and each of what it is counted for. Bounded.

use indexmap::IndexMap;
use indexmap::map::Entry;
use weir_core::Millis;

use crate::rule::{RuleId, Subject};
use crate::timeline::Moment;
use crate::window::Window;

/// How many counters one sweep looks at.
const SWEEP: usize = 256;
/// How many counters are looked at for one that can go, when there is no room for another.
const SAMPLE: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CounterKey {
    pub(super) rule: RuleId,
    pub(super) subject: Subject,
}

/// What counts against one limit: what was used within its window, and what is held for attempts that are not over.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) window: Window,
    pub(super) held: u64,
    touched: Moment,
}

impl Counter {
    pub(super) fn taken(&self) -> u64 {
        self.window.used().saturating_add(self.held)
    }

    fn is_idle(&self) -> bool {
        self.taken() == 0
    }
}

#[derive(Debug)]
pub(super) struct Counters {
    map: IndexMap<CounterKey, Counter>,
    most: usize,
    /// Where the next sweep begins.
    cursor: usize,
}

impl Counters {
    pub(super) fn new(most: usize) -> Self {
        Self { map: IndexMap::new(), most: most.max(1), cursor: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn held(&self) -> u64 {
        self.map.values().fold(0, |sum, counter| sum.saturating_add(counter.held))
    }

    /// The counter as it is at this moment, if anything was ever counted and not forgotten.
    pub(super) fn find(&mut self, key: &CounterKey, at: Moment) -> Option<&mut Counter> {
        let counter = self.map.get_mut(key)?;
        counter.window.advance(at);
        Some(counter)
    }

    /// The counter as it is at this moment, a new one where there was none.
    pub(super) fn open(&mut self, key: CounterKey, length: Millis, at: Moment) -> &mut Counter {
        if self.map.len() >= self.most && !self.map.contains_key(&key) {
            self.make_room(at);
        }
        let counter = match self.map.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Counter { window: Window::new(length, at), held: 0, touched: at }),
        };
        counter.window.advance(at);
        counter.touched = at;
        counter
    }

    /// Forgets idle counters, looking at no more than [`SWEEP`] of them.
    pub(super) fn sweep(&mut self, at: Moment) {
        for _ in 0..SWEEP.min(self.map.len()) {
            if !self.drop_if_idle(at) {
                self.cursor += 1;
            }
        }
    }

    /// Forgets the counters of limits that are no more.
    pub(super) fn keep_rules(&mut self, is_kept: impl Fn(RuleId) -> bool) {
        self.map.retain(|key, _| is_kept(key.rule));
    }

    /// Makes room for one more: an idle counter goes, else the one of a sample that was not used for the longest.
    /// One that holds something never goes; there are no more of those than reservations allow.
    fn make_room(&mut self, at: Moment) {
        let mut stalest: Option<(usize, Moment)> = None;
        for _ in 0..SAMPLE.min(self.map.len()) {
            if self.drop_if_idle(at) {
                return;
            }
            let index = self.cursor;
            self.cursor += 1;
            if let Some((_, counter)) = self.map.get_index(index)
                && counter.held == 0
                && stalest.is_none_or(|(_, touched)| counter.touched < touched)
            {
                stalest = Some((index, counter.touched));
            }
        }
        if let Some((index, _)) = stalest {
            self.map.swap_remove_index(index);
        }
    }

    fn drop_if_idle(&mut self, at: Moment) -> bool {
        if self.cursor >= self.map.len() {
            self.cursor = 0;
        }
        let Some((_, counter)) = self.map.get_index_mut(self.cursor) else {
            return false;
        };
        counter.window.advance(at);
        let idle = counter.is_idle();
        if idle {
            self.map.swap_remove_index(self.cursor);
        }
        idle
    }
}
