//! A sliding window, as a ring of sub-windows.
//!
//! A window of length `W` is cut into [`SLOTS`] slots. What is used at a moment is added to that moment's slot, and
//! leaves with it, once the slot lies a whole window back: between `W` and `W` + `W`/[`SLOTS`] later, never earlier.
//! So in no stretch of length `W`, wherever it begins, more is used than was let in, and the price is that room comes
//! back up to 5 % of a window late. Memory is the same for every window: [`SLOTS`] + 1 numbers.

use weir_core::Millis;

use crate::timeline::Moment;

/// Into how many slots a window is cut. Divides every window of the configuration into whole milliseconds.
pub(crate) const SLOTS: u64 = 20;
/// One slot more than the window has: the one that is being filled.
const RING: usize = SLOTS as usize + 1;

/// What was used within a window.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    slot: u64,
    head: u64,
    used: [u64; RING],
}

/// The slot in which something was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u64);

impl Window {
    pub(crate) fn new(length: Millis, at: Moment) -> Self {
        let slot = (length.0 / SLOTS).max(1);
        Self { slot, head: at.0 / slot, used: [0; RING] }
    }

    /// Lets go of what has left the window.
    pub(crate) fn advance(&mut self, at: Moment) {
        let head = at.0 / self.slot;
        let steps = head.saturating_sub(self.head).min(RING as u64);
        for back in 0..steps {
            self.used[index(head - back)] = 0;
        }
        self.head = self.head.max(head);
    }

    /// All that is used.
    pub(crate) fn used(&self) -> u64 {
        self.used.iter().fold(0, |sum, used| sum.saturating_add(*used))
    }

    /// Uses `amount` now.
    pub(crate) fn charge(&mut self, amount: u64) -> Slot {
        let used = &mut self.used[index(self.head)];
        *used = used.saturating_add(amount);
        Slot(self.head)
    }

    /// Replaces what was charged in a slot, unless it has left the window.
    pub(crate) fn correct(&mut self, slot: Slot, charged: u64, actual: u64) {
        if slot.0.saturating_add(SLOTS) >= self.head {
            let used = &mut self.used[index(slot.0)];
            *used = used.saturating_sub(charged).saturating_add(actual);
        }
    }

    /// How long it is from `at` until `amount` of what is used has left the window; `None` if not so much is used.
    pub(crate) fn frees(&self, amount: u64, at: Moment) -> Option<Millis> {
        let mut freed = 0_u64;
        self.slots().find_map(|slot| {
            freed = freed.saturating_add(self.used[index(slot)]);
            (freed >= amount).then(|| self.leaves(slot, at))
        })
    }

    /// How long it is from `at` until nothing of what is used is left in the window.
    pub(crate) fn empties(&self, at: Moment) -> Millis {
        let newest = self.slots().filter(|slot| self.used[index(*slot)] > 0).last();
        newest.map_or(Millis::ZERO, |slot| self.leaves(slot, at))
    }

    /// How long it takes at most until what is used now has left.
    pub(crate) fn longest(&self) -> Millis {
        Millis(self.slot.saturating_mul(SLOTS + 1))
    }

    /// The slots, the oldest first.
    fn slots(&self) -> impl Iterator<Item = u64> {
        self.head.saturating_sub(SLOTS)..=self.head
    }

    fn leaves(&self, slot: u64, at: Moment) -> Millis {
        Millis((slot + SLOTS + 1).saturating_mul(self.slot).saturating_sub(at.0))
    }
}

fn index(slot: u64) -> usize {
    // The remainder is less than `RING`, which is a `usize`.
    (slot % RING as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Millis = Millis(1_000);

    #[test]
    fn what_was_used_leaves_a_window_later_and_not_before() {
        let mut window = Window::new(SECOND, Moment(0));
        window.advance(Moment(149));
        window.charge(7);
        assert_eq!(window.frees(7, Moment(149)), Some(Millis(1_150 - 149)));
        assert_eq!(window.frees(8, Moment(149)), None);
        window.advance(Moment(1_149));
        assert_eq!(window.used(), 7);
        window.advance(Moment(1_150));
        assert_eq!((window.used(), window.empties(Moment(1_150))), (0, Millis::ZERO));
    }

    #[test]
    fn a_long_pause_empties_the_window() {
        let mut window = Window::new(SECOND, Moment(0));
        for slot in 0..RING as u64 {
            window.advance(Moment(slot * 50));
            window.charge(1);
        }
        assert_eq!(window.used(), RING as u64);
        window.advance(Moment(1_000_000));
        assert_eq!(window.used(), 0);
    }

    #[test]
    fn a_correction_finds_its_slot_or_is_too_late() {
        let mut window = Window::new(SECOND, Moment(0));
        let slot = window.charge(10);
        window.advance(Moment(500));
        window.correct(slot, 10, 3);
        assert_eq!(window.used(), 3);
        window.advance(Moment(1_050));
        window.charge(5);
        window.correct(slot, 3, 0);
        assert_eq!(window.used(), 5);
    }
}
