//! A clock that only goes forward, made of one that may jump.

use weir_core::{Millis, UnixMillis};

/// A point in a quota's own time: milliseconds since its first reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) fn after(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

/// Turns readings of a wall clock into [`Moment`]s that never go back and never stand still for long.
///
/// A reading that is later than the one before moves time by the difference. One that is earlier moves it not at
/// all: a clock that was put back by an hour costs nothing but the moment in which it happened, and no window is
/// stuck until it has caught up. A clock put forward lets at most what windows held at that moment go, once.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    last: Option<UnixMillis>,
    at: Moment,
}

/// Readings may arrive out of order by this much, as threads take them before they take the lock. Were such a
/// reading taken for a clock that was put back, the difference would count twice, and time run too fast.
const REORDERED: Millis = Millis(1_000);
/// The most that one reading moves time: longer than any window, and short enough never to reach the end of it.
const LONGEST_STEP: Millis = Millis(40 * 86_400_000);

impl Timeline {
    /// The moment of a reading.
    pub(crate) fn read(&mut self, now: UnixMillis) -> Moment {
        let last = *self.last.get_or_insert(now);
        if now >= last {
            self.at = self.at.after(now.since(last).min(LONGEST_STEP));
            self.last = Some(now);
        } else if last.since(now) > REORDERED {
            self.last = Some(now);
        }
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_after_a_jump_back() {
        let mut line = Timeline::default();
        assert_eq!(line.read(UnixMillis(10_000_000)), Moment(0));
        assert_eq!(line.read(UnixMillis(10_000_500)), Moment(500));
        assert_eq!(line.read(UnixMillis(6_400_500)), Moment(500));
        assert_eq!(line.read(UnixMillis(6_400_700)), Moment(700));
    }

    #[test]
    fn readings_out_of_order_do_not_make_time_run_faster() {
        let mut line = Timeline::default();
        line.read(UnixMillis(0));
        for second in 1..=100 {
            line.read(UnixMillis(second * 1_000));
            line.read(UnixMillis(second * 1_000 - 7));
        }
        assert_eq!(line.read(UnixMillis(100_000)), Moment(100_000));
    }

    #[test]
    fn the_end_of_time_is_not_reached() {
        let mut line = Timeline::default();
        for _ in 0..1_000 {
            line.read(UnixMillis(0));
            line.read(UnixMillis(u64::MAX));
        }
        let before = line.read(UnixMillis(0));
        assert_eq!(line.read(UnixMillis(5_000)).0, before.0 + 5_000);
    }
}
