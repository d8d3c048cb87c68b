//! Tokens that were seen: each is accepted once.

use std::collections::{BTreeSet, HashSet};

use weir_core::UnixMillis;
use weir_core::signing::LEEWAY;

/// How many expired ids one call forgets at most.
const SWEEP: usize = 64;

/// A token's id.
pub(crate) type TokenId = [u8; 16];

/// The ids that were seen, until nobody would accept their tokens any more. Bounded.
///
/// What is forgotten, since it expired or since there is no room, is not forgotten without a trace: a token that
/// expires no later than one that was forgotten is refused. So neither a flood nor a clock that jumped lets a token
/// in twice; at worst a flood costs edges whose clocks are behind some calls.
#[derive(Debug)]
pub(crate) struct Replays {
    seen: HashSet<TokenId>,
    by_expiry: BTreeSet<(UnixMillis, TokenId)>,
    forgotten_until: UnixMillis,
    most: usize,
}

impl Replays {
    pub(crate) fn new(most: usize) -> Self {
        Self { seen: HashSet::new(), by_expiry: BTreeSet::new(), forgotten_until: UnixMillis::ZERO, most: most.max(1) }
    }

    /// Whether the id is new; it is not any more afterwards.
    pub(crate) fn is_new(&mut self, id: TokenId, expires: UnixMillis, now: UnixMillis) -> bool {
        self.sweep(now);
        if expires <= self.forgotten_until || !self.seen.insert(id) {
            return false;
        }
        self.by_expiry.insert((expires, id));
        if self.seen.len() > self.most {
            self.forget_first();
        }
        true
    }

    fn sweep(&mut self, now: UnixMillis) {
        for _ in 0..SWEEP {
            match self.by_expiry.first() {
                Some((expires, _)) if expires.after(LEEWAY) <= now => self.forget_first(),
                _ => return,
            }
        }
    }

    fn forget_first(&mut self) {
        if let Some((expires, id)) = self.by_expiry.pop_first() {
            self.seen.remove(&id);
            self.forgotten_until = self.forgotten_until.max(expires);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use weir_core::Millis;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn id(number: u64) -> TokenId {
        u128::from(number).to_be_bytes()
    }

    #[test]
    fn an_id_is_new_once() {
        let mut replays = Replays::new(10);
        assert!(replays.is_new(id(1), NOW.after(Millis(60_000)), NOW));
        assert!(!replays.is_new(id(1), NOW.after(Millis(60_000)), NOW.after(Millis(89_999))));
        assert!(replays.is_new(id(2), NOW.after(Millis(60_000)), NOW));
    }

    #[test]
    fn memory_is_bounded_and_what_was_pushed_out_stays_refused() {
        let mut replays = Replays::new(100);
        for number in 0..1_000 {
            assert!(replays.is_new(id(number), NOW.after(Millis(60_000 + number)), NOW));
            assert!(replays.seen.len() <= 100);
        }
        assert!((0..1_000).all(|number| !replays.is_new(id(number), NOW.after(Millis(60_000 + number)), NOW)));
    }

    proptest! {
        #[test]
        fn no_id_is_new_twice_whatever_the_clock_does(
            calls in prop::collection::vec((0..40_u64, -200_000..200_000_i64), 1..200),
        ) {
            let (mut replays, mut accepted) = (Replays::new(20), HashSet::new());
            for (number, jump) in calls {
                let now = UnixMillis(NOW.0.saturating_add_signed(jump));
                // The expiry is signed, so it is the same whenever the token is shown.
                let expires = NOW.after(Millis(number * 1_000 + 1));
                if replays.is_new(id(number), expires, now) {
                    prop_assert!(accepted.insert(number));
                }
            }
        }
    }
}
